"""Checks of what comes with an image: clinical context and view, given, missing, or mixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

import torch
from torch import nn

from cxrbench.encoder import ImageBatch, ImageFeatures
from cxrbench.testing.check import check, require
from cxrbench.testing.compare import distance, same
from cxrbench.testing.subject import CONTEXTS, VIEWS, Subject, parts, rows

Field = Literal["context", "view"]
_GIVEN: dict[Field, tuple[str, ...]] = {"context": CONTEXTS, "view": VIEWS}
_STD = 0.02


@check("context", "context is used if and only if declared, and may be missing", needs=("shapes",))
def context(subject: Subject) -> str:
    """Missing altogether, for every image, or for one of two."""
    if not subject.has("context"):
        return _unused(subject, "context")
    return _verify_declared(subject, "context")


@check("view", "the view is used if and only if declared, and may be missing", needs=("shapes",))
def view(subject: Subject) -> str:
    """Missing altogether, for every image, or for one of two; or a word nobody knows."""
    if not subject.has("view"):
        return _unused(subject, "view")
    subject.encode(replace(subject.light_batch, view=("unheard-of", "")))
    return _verify_declared(subject, "view")


def _unused(subject: Subject, field: Field) -> str:
    """What is not declared changes no bit."""
    changed = _change(subject.repeated.features, subject.alone)
    if changed > 0:  # by which of the two fields?
        told = _with(rows(subject.batch, [0]), field, _GIVEN[field][:1])
        changed = _change(subject.encode(told), subject.alone)
    require(
        changed == 0,
        f"the {field} is used and not declared",
        why=f"`pooled` changes by {changed:.1e} of its largest value",
        fix=f"add {field} to the capabilities of the card",
    )
    return f"without {field}, and it changes nothing"


def _verify_declared(subject: Subject, field: Field) -> str:
    batch, whole = subject.light_batch, parts(subject.features)
    untold = subject.encode(_with(rows(batch, [0]), field, None))
    nothing = parts(untold)
    same(
        parts(subject.encode(_with(rows(batch, [0]), field, (None,)))),
        nothing,
        subject.tolerance,
        f"a batch whose {field}s are all missing differs from one without {field}",
        fix=f"treat None in `{field}` as `{field}=None`",
    )
    same(
        parts(subject.encode(_with(batch, field, (None, _GIVEN[field][1])))),
        {name: torch.cat([nothing[name], whole[name][1:]]) for name in whole},
        subject.tolerance,
        f"a missing {field} changes the features of other images, or is not treated as missing",
        fix=f"handle each image's {field} by itself and leave padding out",
    )
    # Alone with it and alone without it: batches of one size, whose bits can be compared.
    changed = _change(subject.light_alone, untold)
    if changed == 0:
        changed = _change_with_open_gates(subject, field)
    require(
        changed > 0,
        f"the {field} changes nothing",
        why=f"`pooled` is the same with and without {field}",
        fix=f"use batch.{field}, or remove the capability `{field}` from the card",
    )
    return f"changes pooled by {changed:.1e} of its largest value; may be missing"


def _change_with_open_gates(subject: Subject, field: Field) -> float:
    """What the field changes once tensors that start at zero, such as gates, are not zero."""
    module = subject.module
    if module is None or subject.weights.source != "random":
        return 0.0
    with _open_gates(module):
        told = rows(subject.light_batch, [0])
        return _change(subject.encode(told), subject.encode(_with(told, field, None)))


@contextmanager
def _open_gates(module: nn.Module) -> Iterator[None]:
    """Noise in the parameters that are all zero, taken out again afterwards."""
    generator = torch.Generator().manual_seed(0)
    closed = [parameter for parameter in module.parameters() if not parameter.any()]
    with torch.no_grad():
        for parameter in closed:
            noise = torch.randn(parameter.shape, generator=generator) * _STD
            parameter.copy_(noise.to(parameter))
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter in closed:
                parameter.zero_()


def _with(batch: ImageBatch, field: Field, values: Sequence[str | None] | None) -> ImageBatch:
    return replace(batch, view=values) if field == "view" else replace(batch, context=values)


def _change(found: ImageFeatures, expected: ImageFeatures) -> float:
    """How much `pooled` changes between batches of one size, whose bits can be compared."""
    return distance(found.pooled, expected.pooled)
