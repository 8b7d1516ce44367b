"""From a checkpoint's names to the encoder's."""

from __future__ import annotations

import pytest
import torch

from cxrbench.cards import WeightsFile
from cxrbench.weights.mapping import match_file, matches_any


def entry(**fields):
    return WeightsFile(name="x", source="manual", **fields)


def zeros(**shapes):
    return {name.replace("__", "."): torch.zeros(shape) for name, shape in shapes.items()}


WANTED = zeros(net__conv__weight=(2, 3), net__conv__bias=(2,), head__weight=(4, 2))


def names(match):
    return sorted(match.tensors), match.unexpected, match.wrong_shape


def test_equal_names_match():
    found = {name: tensor + 1 for name, tensor in WANTED.items()}
    match = match_file(entry(), found, WANTED)
    assert names(match) == (sorted(WANTED), [], [])
    assert all(match.tensors[name].data_ptr() == found[name].data_ptr() for name in WANTED)
    assert not match.by_order


def test_prefixes_are_stripped_once_each_in_their_order():
    found = zeros(module__model__net__conv__bias=(2,), model__net__conv__weight=(2, 3))
    match = match_file(entry(strip_prefix=["module.", "model."]), found, WANTED)
    assert names(match) == (["net.conv.bias", "net.conv.weight"], [], [])
    match = match_file(entry(strip_prefix=["model.", "module."]), found, WANTED)
    assert names(match) == (["net.conv.weight"], ["model.net.conv.bias"], [])


def test_names_are_rewritten_in_order_then_put_into_their_place():
    found = zeros(c0__w=(2, 3), c0__b=(2,))
    rules = [(r"^c0\.", "c9."), (r"^c9\.", "conv."), (r"\.w$", ".weight"), (r"\.b$", ".bias")]
    match = match_file(entry(rename=rules, into="net."), found, WANTED)
    assert names(match) == (["net.conv.bias", "net.conv.weight"], [], [])


def test_groups_can_be_used_in_a_replacement():
    found = zeros(w_conv=(2, 3))
    match = match_file(entry(rename=[(r"^w_(\w+)$", r"net.\1.weight")]), found, WANTED)
    assert names(match) == (["net.conv.weight"], [], [])


def test_what_is_ignored_is_neither_matched_nor_unexpected():
    found = {**WANTED, **zeros(fc__weight=(9,), fc__bias=(9,), my_fc__weight=(1,))}
    match = match_file(entry(ignore=[r"fc\.(weight|bias)"]), found, WANTED)
    assert names(match) == (sorted(WANTED), ["my_fc.weight"], [])


def test_another_shape_is_reported_and_not_used():
    found = {**WANTED, "net.conv.bias": torch.zeros(3)}
    match = match_file(entry(), found, WANTED)
    assert names(match) == (
        ["head.weight", "net.conv.weight"], [], ["net.conv.bias: (3,), expected (2,)"],
    )  # fmt: skip


OTHER = zeros(a__weight=(2, 3), a__bias=(2,), z__weight=(4, 2))


def test_other_names_match_by_order_only_when_that_is_allowed():
    assert names(match_file(entry(), OTHER, WANTED)) == ([], list(OTHER), [])
    match = match_file(entry(match_by="name-or-order"), OTHER, WANTED)
    assert match.by_order
    assert names(match) == (sorted(WANTED), [], [])
    for theirs, ours in zip(OTHER, WANTED, strict=True):
        assert match.tensors[ours] is OTHER[theirs]


@pytest.mark.parametrize(
    "found",
    [
        zeros(a__weight=(2, 3), a__bias=(2,)),  # one fewer
        zeros(a__weight=(2, 3), a__bias=(2,), z__weight=(4, 2), z__bias=(4,)),  # one more
        zeros(a__weight=(2, 3), a__bias=(2,), z__weight=(2, 4)),  # another shape
        zeros(a__weight=(2, 3), a__shift=(2,), z__weight=(4, 2)),  # another kind
        zeros(a__bias=(2,), a__weight=(2, 3), z__weight=(4, 2)),  # another order
    ],
)
def test_by_order_needs_number_kinds_shapes_and_order_to_agree(found):
    match = match_file(entry(match_by="name-or-order"), found, WANTED)
    assert not match.by_order
    assert match.tensors == {}
    assert match.unexpected == list(found)


def test_names_win_over_order():
    found = {"net.conv.weight": torch.ones(2, 3), **zeros(a__bias=(2,), z__weight=(4, 2))}
    match = match_file(entry(match_by="name-or-order"), found, WANTED)
    assert not match.by_order
    assert names(match) == (["net.conv.weight"], ["a.bias", "z.weight"], [])


def test_by_order_within_a_part_of_the_encoder():
    found = zeros(x__weight=(2, 3), x__bias=(2,), drop__weight=(1,))
    rules = entry(match_by="name-or-order", into="net.", ignore=[r"drop\..*"])
    match = match_file(rules, found, WANTED)
    assert match.by_order
    assert list(match.tensors) == ["net.conv.weight", "net.conv.bias"]


def test_two_names_that_become_one_are_not_silently_merged():
    found = zeros(a__net__conv__bias=(2,), net__conv__bias=(2,))
    match = match_file(entry(strip_prefix=["a."]), found, WANTED)
    assert names(match) == (["net.conv.bias"], ["net.conv.bias"], [])
    assert match.tensors["net.conv.bias"].data_ptr() == found["a.net.conv.bias"].data_ptr()


def test_patterns_match_whole_names():
    assert matches_any([r"a\..*", "b"], "a.x")
    assert not matches_any([r"a\..*", "b"], "bb")
    assert not matches_any([], "b")


QKV = zeros(blk__0__qkv__weight=(6, 2), blk__0__qkv__bias=(6,), blk__1__qkv__weight=(6, 2))
FUSE = [(["q_proj", "k_proj", "v_proj"], "qkv")]


def parts(*names):
    """Tensors whose values tell which part they are."""
    shapes = {"weight": (2, 2), "bias": (2,)}
    values = {"q_proj": 1.0, "k_proj": 2.0, "v_proj": 3.0}
    return {
        name: torch.full(shapes[name.split(".")[-1]], values[name.split(".")[2]]) for name in names
    }


def test_parts_are_stacked_in_the_order_of_the_card_not_of_the_file():
    found = parts("blk.0.v_proj.weight", "blk.0.q_proj.weight", "blk.0.k_proj.weight")
    match = match_file(entry(fuse=FUSE), found, QKV)
    assert names(match) == (["blk.0.qkv.weight"], [], [])
    assert match.tensors["blk.0.qkv.weight"][:, 0].tolist() == [1, 1, 2, 2, 3, 3]


def test_each_set_of_parts_is_fused_by_itself():
    found = parts(*(f"blk.{n}.{p}.weight" for n in (0, 1) for p in FUSE[0][0]),
                  *(f"blk.0.{p}.bias" for p in FUSE[0][0]))  # fmt: skip
    found["blk.1.q_proj.weight"] += 10
    match = match_file(entry(fuse=FUSE), found, QKV)
    assert names(match) == (sorted(QKV), [], [])
    assert match.tensors["blk.0.qkv.bias"].tolist() == [1, 1, 2, 2, 3, 3]
    assert match.tensors["blk.1.qkv.weight"][:, 0].tolist() == [11, 11, 2, 2, 3, 3]


def test_an_incomplete_set_stays_as_it_is():
    found = parts("blk.0.q_proj.weight", "blk.0.v_proj.weight")
    match = match_file(entry(fuse=FUSE), found, QKV)
    assert names(match) == ([], ["blk.0.q_proj.weight", "blk.0.v_proj.weight"], [])


def test_fusing_comes_after_renaming_and_before_the_prefix():
    found = {name.replace("q_proj", "query"): tensor for name, tensor in
             parts(*(f"blk.0.{p}.weight" for p in FUSE[0][0])).items()}  # fmt: skip
    rules = entry(rename=[("query", "q_proj")], fuse=FUSE, into="net.")
    match = match_file(rules, found, {"net." + name: t for name, t in QKV.items()})
    assert names(match) == (["net.blk.0.qkv.weight"], [], [])


@pytest.mark.parametrize(
    ("found", "wanted", "fits"),
    [
        ((4,), (1, 4), True),
        ((1, 1, 4), (4,), True),
        ((1, 3, 4), (3, 4), True),
        ((3, 4), (4, 3), False),
        ((4, 1), (4,), False),  # trailing ones are not leading ones
        ((2, 2), (4,), False),
        ((), (1,), True),
    ],
)
def test_leading_dimensions_of_one_may_differ(found, wanted, fits):
    tensor = torch.arange(float(torch.Size(found).numel())).reshape(found)
    match = match_file(entry(), {"x": tensor}, {"x": torch.zeros(wanted)})
    if not fits:
        assert match.wrong_shape == [f"x: {found}, expected {wanted}"] and not match.tensors
        return
    assert match.tensors["x"].shape == wanted
    assert match.tensors["x"].flatten().tolist() == tensor.flatten().tolist()
