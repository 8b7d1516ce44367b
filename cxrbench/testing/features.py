"""Checks of the features: shapes, widths, types, and that the grid lies as the image does."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from cxrbench.testing.check import NotApplicable, check, require
from cxrbench.testing.subject import BATCH, Subject, parts, rows

_GRID_DIMS = 4
_LATENT_DIMS = 3


@check("shapes", "pooled is B×D, grid B×C×h×w, latents B×M×D, as declared", needs=("capabilities",))
def shapes(subject: Subject) -> str:
    """Only what the card declares is returned, in the declared sizes."""
    features, dims = subject.features, subject.card.dims
    found = {name: tuple(tensor.shape) for name, tensor in parts(features).items()}
    width = subject.encoder.pooled_dim
    require(
        found["pooled"] == (BATCH, width),
        "`pooled` is not B×D",
        why=f"{found['pooled']}, expected {(BATCH, width)}",
        fix="pool over space or tokens, and set pooled_dim to the width",
    )
    require(
        dims.pooled in (None, width),
        "dims.pooled of the card is not pooled_dim",
        why=f"{dims.pooled} on the card, {width} in the encoder",
        fix="correct the card",
    )
    for name, count in (("grid", _GRID_DIMS), ("latents", _LATENT_DIMS)):
        shape, declared = found.get(name), getattr(dims, name)
        require(
            shape is None or (len(shape) == count and shape[0] == BATCH),
            f"`{name}` has not {count} dimensions, the batch first",
            why=f"its shape is {shape}",
            fix="return B×C×h×w for a grid (CLS token left out) and B×M×D for latents",
        )
        family = "/" in subject.card.id
        require(
            (declared is None and family) or (shape and shape[1:]) == declared,
            f"dims.{name} of the card is not what the encoder returns",
            why=f"{declared} on the card, {shape and shape[1:]} returned",
            fix="correct the card",
        )
    return ", ".join(f"{name} {'×'.join(map(str, shape))}" for name, shape in found.items())


@check("finite-float32", "features are float32 and finite", needs=("shapes",))
def finite_float32(subject: Subject) -> str:
    """On ordinary images, and on a black and a white one of which nothing else is known."""
    spec = subject.encoder.image_spec
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (spec.mean, spec.std))
    flat = (torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1) - mean) / std
    uniform = flat.expand(-1, -1, *spec.size).contiguous().to(subject.device)
    for kind, features in (
        ("ordinary", subject.features),
        ("uniform", subject.encode(replace(subject.unknown_batch, pixels=uniform))),
    ):
        for name, tensor in parts(features).items():
            require(
                tensor.dtype == torch.float32,
                f"`{name}` is not float32",
                why=f"it is {tensor.dtype}",
                fix="cast what the encoder returns with .float()",
            )
            bad = int((~torch.isfinite(tensor)).sum())
            require(
                bad == 0,
                f"`{name}` of {kind} images is not finite",
                why=f"{bad} of {tensor.numel()} values are infinite or not a number",
                fix="look for a division by a spread or norm of zero",
            )
    return "also on black and white images"


@check("images-matter", "different images give different vectors", needs=("shapes",))
def images_matter(subject: Subject) -> str:
    """An encoder that ignores its pixels passes every other check."""
    pooled = subject.plain.pooled
    apart = float(torch.pdist(pooled.float().cpu()).min() / pooled.abs().max().clamp_min(1e-30))
    require(
        apart > 0,
        "two different images have the same vector",
        why="the pixels do not reach `pooled`",
        fix="encode batch.pixels",
    )
    return f"smallest distance {apart:.1e} of the largest value"


@check("grid-lies-right", "the grid lies as the image does, without a CLS token", needs=("shapes",))
def grid_lies_right(subject: Subject) -> str:
    """A change in the top right quarter of the image changes that quarter of the grid most."""
    grid = subject.alone.grid
    if grid is None or min(grid.shape[2:]) < 2:
        raise NotApplicable("the encoder returns no grid")
    height, width = subject.pixels.shape[2:]
    changed = subject.pixels[:1]
    changed[:, :, : height // 2, (width + 1) // 2 :] *= -1
    other = subject.encode(replace(rows(subject.batch, [0]), pixels=changed)).grid
    if other is None:
        raise NotApplicable("the encoder returned no grid for the second image")
    moved = _quarters((other - grid).square().sum(dim=(0, 1)))
    most = max(moved, key=lambda name: moved[name])
    require(
        most == "top right",
        "the grid does not lie as the image does",
        why=f"a change in the top right of the image changes the {most} of the grid most",
        fix="leave CLS and register tokens out, and reshape tokens row by row to h×w",
    )
    share = moved[most] / max(sum(moved.values()), 1e-30)
    return f"{share:.0%} of the change is where it should be"


def _quarters(change: Tensor) -> dict[str, float]:
    """Mean of an h×w map over its quarters; a middle row or column belongs to none."""
    rows, columns = change.shape[0] // 2, change.shape[1] // 2
    return {
        "top left": float(change[:rows, :columns].mean()),
        "top right": float(change[:rows, -columns:].mean()),
        "bottom left": float(change[-rows:, :columns].mean()),
        "bottom right": float(change[-rows:, -columns:].mean()),
    }
