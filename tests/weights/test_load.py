"""Loading: completely or not at all."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

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


@pytest.mark.parametrize("min_match", [1.0, 0.1])
def test_a_tensor_too_many_is_refused_unless_the_card_ignores_it(
    net, other, make_card, resolved, tmp_path, min_match
):
    card, before = make_card(FILE, min_match=min_match, optional_tensors=["third.*"]), values(net)
    content = {**other, "third.weight": torch.zeros(1), "third.bias": torch.zeros(1)}
    path = save(tmp_path / "w.safetensors", content)
    with pytest.raises(WeightsError, match="does not fit net") as caught:
        load(net, card, resolved(card, path))
    assert "5 of 5" in caught.value.why
    assert "2 unexpected: third.bias, third.weight" in caught.value.why
    assert "`ignore`" in caught.value.fix
    assert equal(values(net), before)
    for ignore, fits in (([r"third\.weight"], False), ([r"third\..*"], True)):
        card = make_card({**FILE, "ignore": ignore})
        if fits:
            assert load(net, card, resolved(card, path)).complete
            assert equal(values(net), other)
        else:
            with pytest.raises(WeightsError, match=r"1 unexpected: third\.bias"):
                load(net, card, resolved(card, path))


@pytest.mark.parametrize("match_by", ["name", "name-or-order"])
@pytest.mark.parametrize("renamed", [False, True])
@pytest.mark.parametrize("counters", [True, False])
def test_a_file_may_lack_the_counters_of_batch_norms(
    make_card, resolved, tmp_path, counters, match_by, renamed
):
    """Files older than PyTorch 0.4.1 have none, and no output depends on them."""
    net, theirs = (nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)) for _ in range(2))
    theirs(torch.randn(4, 3))
    content = {
        ("net." if renamed else "") + name: tensor
        for name, tensor in theirs.state_dict().items()
        if counters or not name.endswith("num_batches_tracked")
    }
    path = tmp_path / "w.pt"
    torch.save(content, path)
    card = make_card({**FILE, "file": "w.pt", "match_by": match_by})
    files = resolved(card, path)
    if renamed and match_by == "name":
        with pytest.raises(WeightsError, match="0 of 6"):
            load(net, card, files)
        return
    report = load(net, card, files)
    assert report.complete and (report.matched, report.total, report.by_order) == (6, 6, renamed)
    assert int(net[1].num_batches_tracked) == int(counters)
    assert torch.equal(net[1].running_mean, theirs[1].running_mean)
    lost = {name: t for name, t in content.items() if not name.endswith("running_var")}
    torch.save(lost, path)
    with pytest.raises(WeightsError, match="does not fit net" if renamed else "1.running_var"):
        load(net, card, resolved(card, path))


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
