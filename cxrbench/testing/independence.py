"""Checks that a result depends on the image alone: not on its batch, on order, or on the past."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cxrbench.testing.check import check, require
from cxrbench.testing.compare import distance, same
from cxrbench.testing.subject import BATCH, Subject, parts, rows


@check("deterministic", "the same batch gives the same bits", needs=("shapes",))
def deterministic(subject: Subject) -> str:
    """In eval mode, twice in a row."""
    again = parts(subject.encode(subject.batch))
    for name, tensor in parts(subject.features).items():
        require(
            torch.equal(again[name], tensor),
            f"`{name}` differs when the same batch is encoded twice",
            why=f"largest difference {distance(again[name], tensor):.1e} of the largest value",
            fix="switch dropout and sampling off in eval mode",
        )
    return "same bits"


@check("batch-invariant", "an image alone gives what it gives among others", needs=("shapes",))
def batch_invariant(subject: Subject) -> str:
    """Each image of the batch on its own; rounding is allowed for."""
    alone = [parts(subject.encode(rows(subject.batch, [p]))) for p in range(BATCH)]
    stacked = {name: torch.cat([one[name] for one in alone]) for name in alone[0]}
    return same(
        stacked,
        parts(subject.features),
        subject.tolerance,
        "an image's features depend on the other images of the batch",
        fix="normalise per sample; mask padding; keep batch norm in eval mode",
    )


@check("order", "a batch in another order gives the same features in that order", needs=("shapes",))
def order(subject: Subject) -> str:
    """The batch reversed, with its views and contexts."""
    backwards = list(range(BATCH))[::-1]
    turned = parts(subject.encode(rows(subject.batch, backwards)))
    return same(
        turned,
        {name: tensor[backwards] for name, tensor in parts(subject.features).items()},
        subject.tolerance,
        "features do not follow the order of the images",
        fix="pair each image with its own view and context",
    )


@check("no-side-effects", "encoding changes no input, weight or mode", needs=("shapes",))
def no_side_effects(subject: Subject) -> str:
    """Also not the state of torch's random generator, on which training relies."""
    batch, random = subject.batch, torch.get_rng_state()
    weights = fingerprint(subject.module)
    subject.encode(batch)
    require(
        batch.pixels is not None and torch.equal(batch.pixels, subject.pixels),
        "encoding changes the pixels it is given",
        why="an in-place operation writes into batch.pixels",
        fix="copy before writing",
    )
    changed = [n for n, value in fingerprint(subject.module).items() if weights[n] != value]
    require(
        not changed,
        "encoding in eval mode changes the encoder",
        why=f"{', '.join(changed[:3])} changed",
        fix="update buffers in training mode only",
    )
    require(
        subject.module is None or not subject.module.training,
        "encoding leaves eval mode",
        why="`training` is true afterwards",
        fix="do not call train() in encode_image",
    )
    require(
        torch.equal(random, torch.get_rng_state()),
        "encoding draws random numbers in eval mode",
        why="the state of torch's generator differs afterwards",
        fix="draw nothing in eval mode, or from a generator of your own",
    )
    return "input, weights, mode and random state unchanged"


def fingerprint(module: nn.Module | None) -> dict[str, tuple[float, float]]:
    """Two sums over each tensor of the state: enough to notice a change, cheap for large ones."""
    if module is None:
        return {}
    return {name: _sums(tensor) for name, tensor in module.state_dict().items()}


def _sums(tensor: Tensor) -> tuple[float, float]:
    flat = tensor.detach().double().flatten()
    return float(flat.sum()), float(flat.square().sum())
