"""The small CoGaze, whose trunk is trained: it conforms, and no part of it is taken for frozen."""

import pytest

from cxrbench.building import build
from cxrbench.registry import Registry
from cxrbench.runners.kept import has_frozen_trunk
from cxrbench.testing import assert_conforms
from cxrbench.weights.choice import Weights


def test_it_conforms_with_random_weights():
    assert_conforms("cogaze-tiny", weights="random")


@pytest.mark.parametrize(("declared", "kept"), [(True, True), (False, False)])
def test_the_card_says_whether_what_the_trunk_gives_may_be_kept(declared, kept):
    card = Registry.discover().model("cogaze-tiny").card
    encoder, _ = build(card, Weights("random"), seed=0)
    capabilities = [*card.capabilities, "frozen-trunk"] if declared else card.capabilities
    assert hasattr(encoder, "encode_trunk")
    assert has_frozen_trunk(encoder, card.model_copy(update={"capabilities": capabilities})) is kept
