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
    assert all(match.tensors[name] is found[name] for name in WANTED)
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
    assert match.tensors["net.conv.bias"] is found["a.net.conv.bias"]


def test_patterns_match_whole_names():
    assert matches_any([r"a\..*", "b"], "a.x")
    assert not matches_any([r"a\..*", "b"], "bb")
    assert not matches_any([], "b")
