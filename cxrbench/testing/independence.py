"""Checks that a result depends on the image alone: not on its batch, on order, or on the past."""

from __future__ import annotations

import torch

from cxrbench.testing.check import check, require
from cxrbench.testing.compare import distance, same
from cxrbench.testing.subject import BATCH, Subject, different, parts, rows


@check("deterministic", "the same batch gives the same bits", needs=("shapes",))
def deterministic(subject: Subject) -> str:
    """In eval mode, encoded twice."""
    first, again = parts(subject.alone), parts(subject.repeated.features)
    if different(first, again):  # the second time, it was also told what its card does not declare
        again = parts(subject.encode(rows(subject.batch, [0])))
    for name, tensor in first.items():
        require(
            torch.equal(again[name], tensor),
            f"`{name}` differs when the same batch is encoded twice",
            why=f"largest difference {distance(again[name], tensor):.1e} of the largest value",
            fix="switch dropout and sampling off in eval mode",
        )
    return "same bits"


@check("batch-invariant", "an image alone gives what it gives among others", needs=("shapes",))
def batch_invariant(subject: Subject) -> str:
    """The first image on its own; rounding is allowed for."""
    return same(
        parts(subject.alone),
        {name: tensor[:1] for name, tensor in parts(subject.features).items()},
        subject.tolerance,
        "an image's features depend on the other images of the batch",
        fix="normalise per sample; mask padding; keep batch norm in eval mode",
    )


@check("order", "a batch in another order gives the same features in that order", needs=("shapes",))
def order(subject: Subject) -> str:
    """The last image first, with their views and contexts."""
    backwards = list(reversed(range(BATCH)))
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
    repeated = subject.repeated
    require(
        not repeated.pixels,
        "encoding changes the pixels it is given",
        why="an in-place operation writes into batch.pixels",
        fix="copy before writing",
    )
    require(
        not repeated.tensors,
        "encoding in eval mode changes the encoder",
        why=f"{', '.join(repeated.tensors[:3])} changed",
        fix="update buffers in training mode only",
    )
    require(
        not repeated.training,
        "encoding leaves eval mode",
        why="`training` is true afterwards",
        fix="do not call train() in encode_image",
    )
    require(
        not repeated.random,
        "encoding draws random numbers in eval mode",
        why="the state of torch's generator differs afterwards",
        fix="draw nothing in eval mode, or from a generator of your own",
    )
    return "input, weights, mode and random state unchanged"
