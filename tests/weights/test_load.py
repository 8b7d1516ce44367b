"""Loading: completely or not at all."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from cxrbench.errors import WeightsError
from cxrbench.weights.load import load

FILE = {"name": "w", "source": "manual", "file": "w.safetensors"}


def save(path, tensors):
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path


def values(net):
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def equal(one, two):
    return sorted(one) == sorted(two) and all(torch.equal(one[name], two[name]) for name in one)


def test_a_complete_checkpoint_fills_every_tensor(net, other, make_card, resolved, tmp_path):
    card = make_card(FILE)
    report = load(net, card, resolved(card, save(tmp_path / "w.safetensors", other)))
    assert equal(values(net), other)
    assert (report.matched, report.total, report.by_order) == (5, 5, False)
    assert report.warnings == []


def test_one_missing_tensor_is_refused_and_nothing_changes(
    net, other, make_card, resolved, tmp_path
):
    card, before = make_card(FILE), values(net)
    del other["second.bias"]
    files = resolved(card, save(tmp_path / "w.safetensors", other))
    with pytest.raises(WeightsError, match="does not fit net") as caught:
        load(net, card, files)
    assert "4 of 5" in caught.value.why
    assert "1 missing: second.bias" in caught.value.why
    assert "w.safetensors" in caught.value.what
    assert equal(values(net), before)


def test_one_wrong_shape_is_refused_even_where_a_part_may_match(
    net, other, make_card, resolved, tmp_path
):
    card, before = make_card(FILE, min_match=0.1, optional_tensors=["second.*"]), values(net)
    other["second.weight"] = torch.zeros(9, 2)
    files = resolved(card, save(tmp_path / "w.safetensors", other))
    with pytest.raises(WeightsError, match="wrong shape") as caught:
        load(net, card, files)
    assert "second.weight: (9, 2), expected (4, 2)" in caught.value.why
    assert equal(values(net), before)


def test_a_tensor_too_many_only_warns(net, other, make_card, resolved, tmp_path):
    card = make_card(FILE)
    content = {**other, "head.weight": torch.zeros(1), "head.bias": torch.zeros(1)}
    report = load(net, card, resolved(card, save(tmp_path / "w.safetensors", content)))
    assert equal(values(net), other)
    assert sorted(report.unexpected) == ["head.bias", "head.weight"]
    (warning,) = report.warnings
    assert warning.startswith("2 ")
    assert "head.bias" in warning


def test_long_lists_are_cut_and_counted(net, make_card, resolved, tmp_path):
    card = make_card(FILE)
    content = {f"x{i:02d}": torch.zeros(1) for i in range(12)}
    files = resolved(card, save(tmp_path / "w.safetensors", content))
    with pytest.raises(WeightsError) as caught:
        load(net, card, files)
    assert "12 unexpected" in caught.value.why
    assert "and 7 more" in caught.value.why
    assert "\n" not in caught.value.why


def test_optional_tensors_may_be_absent_or_present(net, other, make_card, resolved, tmp_path):
    card = make_card(FILE, optional_tensors=["scale"])
    files = resolved(card, save(tmp_path / "a.safetensors", other))
    report = load(net, card, files)
    assert (report.matched, report.total) == (4, 4)
    assert torch.equal(net.scale, other["scale"])
    other.pop("scale")
    files = resolved(card, save(tmp_path / "b.safetensors", other))
    report = load(net, card, files)
    assert (report.matched, report.total) == (4, 4)


def test_a_declared_share_may_be_enough(net, other, make_card, resolved, tmp_path):
    del other["scale"]
    files = [save(tmp_path / "w.safetensors", other)]
    card = make_card(FILE, min_match=0.8)
    report = load(net, card, resolved(card, *files))
    assert (report.matched, report.total) == (4, 5)
    card = make_card(FILE, min_match=0.81)
    with pytest.raises(WeightsError, match="4 of 5"):
        load(net, card, resolved(card, *files))


def test_two_files_fill_two_parts(net, other, make_card, resolved, tmp_path):
    card = make_card(
        {"name": "one", "source": "manual", "into": "first."},
        {"name": "two", "source": "manual"},
    )
    part = {"weight": other["first.weight"], "bias": other["first.bias"]}
    rest = {name: other[name] for name in ("second.weight", "second.bias", "scale")}
    one, two = save(tmp_path / "1.safetensors", part), save(tmp_path / "2.safetensors", rest)
    report = load(net, card, resolved(card, one, two))
    assert report.matched == 5
    assert equal(values(net), other)
    with pytest.raises(WeightsError, match="3 missing"):
        load(net, card, resolved(card, one, save(tmp_path / "3.safetensors", {"x": rest["scale"]})))


def test_a_match_by_order_is_reported(net, other, make_card, resolved, tmp_path):
    renamed = {name.replace("first", "a").replace("second", "b"): t for name, t in other.items()}
    # safetensors sorts by name, so the order is only kept by a torch checkpoint.
    path = tmp_path / "w.pt"
    torch.save({name.replace("scale", "c.scale"): t for name, t in renamed.items()}, path)
    card = make_card({**FILE, "match_by": "name-or-order"})
    report = load(net, card, resolved(card, path))
    assert report.by_order
    assert "order and shape" in report.warnings[0]
    assert equal(values(net), other)


def test_side_files_are_handed_over_by_name_after_the_tensors(
    net, other, make_card, resolved, tmp_path
):
    card = make_card(FILE, {"name": "tokenizer", "source": "manual", "file": "t.json"})
    (tmp_path / "t.json").write_text("{}")
    taken = []
    net.use_file = lambda name, path: taken.append((name, path, float(net.scale)))
    weights = save(tmp_path / "w.safetensors", other)
    load(net, card, resolved(card, weights, tmp_path / "t.json"))
    assert taken == [("tokenizer", tmp_path / "t.json", float(other["scale"]))]


def test_no_files_and_no_module_load_nothing(net, make_card, resolved, tmp_path):
    before = values(net)
    assert load(net, make_card(FILE), []).total == 0
    assert equal(values(net), before)
    assert load(object(), make_card(), []).matched == 0
