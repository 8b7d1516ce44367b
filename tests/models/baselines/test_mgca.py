"""MGCA: a text tower without types and without the order of words."""

from __future__ import annotations

import pytest
import torch
from cxrbench_models.mgca import Mgca

from cxrbench.registry import Registry

TEXT = {
    "vocab_size": 1200, "dim": 16, "layers": 2, "heads": 2, "intermediate": 16, "max_tokens": 112,
    "lowercase": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def encoder():
    card = Registry.discover([]).model("mgca-vit").card
    vit = {"depth": 1, "embed_dim": 32, "num_heads": 2}
    config = {"trunk": "vit", "vit": vit, "text": TEXT, "hidden": 24, "joint": 8}
    dims = card.dims.model_copy(update={"pooled": 32})
    torch.manual_seed(0)
    made = Mgca(card.model_copy(update={"config": config, "dims": dims})).eval()
    # The matrices of a fresh BERT are so small that no token would matter to another.
    for parameter in made.text.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.5)
    return made


def test_the_order_of_words_does_not_matter(encoder):
    with torch.inference_mode():
        first, second = encoder.encode_text(["a b c", "c a b"])
        tokens = encoder.text.tokens(["a b c", "c a b"])
        ordered = encoder.text(tokens).last_hidden_state[:, 0]
    assert torch.allclose(first, second, atol=1e-5)
    assert not torch.allclose(ordered[0], ordered[1], atol=1e-2)


def test_there_is_no_embedding_of_types(encoder):
    assert not [name for name in encoder.state_dict() if "token_type" in name]


def test_local_cells_are_projected_each_by_itself(encoder):
    torch.manual_seed(0)
    grid = torch.randn(2, 32, 3, 4)
    with torch.inference_mode():
        local = encoder.local(grid)
        cell = encoder.local(grid[1:, :, 2:, 1:2])
    assert local.shape == (2, 8, 3, 4)
    assert torch.allclose(local.norm(dim=1), torch.ones(2, 3, 4), atol=1e-5)
    assert torch.allclose(local[1, :, 2, 1], cell[0, :, 0, 0], atol=1e-5)
