"""The classification head."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from cxrbench.runners.classification.recipe import ClassificationRecipe

_NORM_EPS = 1e-6


def make_head(width: int, outputs: int, recipe: ClassificationRecipe) -> nn.Module:
    """A linear layer from pooled features to logits, after a LayerNorm where the recipe says so."""
    linear = nn.Linear(width, outputs)
    if recipe.head_init_std is not None:
        nn.init.trunc_normal_(linear.weight, std=recipe.head_init_std)
        nn.init.zeros_(linear.bias)
    if not recipe.head_norm:
        return linear
    return nn.Sequential(OrderedDict(norm=nn.LayerNorm(width, eps=_NORM_EPS), linear=linear))
