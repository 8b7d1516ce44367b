"""Checks of what comes with an image: clinical context and view, given, missing, or mixed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import torch
from torch import nn

from cxrbench.encoder import ImageBatch
from cxrbench.testing.check import check, require
from cxrbench.testing.compare import distance, same
from cxrbench.testing.subject import BATCH, CONTEXTS, VIEWS, Subject, parts

Field = Literal["context", "view"]
_GIVEN: dict[Field, tuple[str, ...]] = {"context": CONTEXTS, "view": VIEWS}
_STD = 0.02


@check("context", "context is used if and only if declared, and may be missing", needs=("shapes",))
def context(subject: Subject) -> str:
    """Missing altogether, for every image, or for one of three."""
    return _verify(subject, "context")


@check("view", "the view is used if and only if declared, and may be missing", needs=("shapes",))
def view(subject: Subject) -> str:
    """Missing altogether, for every image, or for one of three; or a word nobody knows."""
    odd = _with(subject, "view", ("unheard-of", "", None))
    subject.encode(odd)
    return _verify(subject, "view")


def _verify(subject: Subject, field: Field) -> str:
    given = _GIVEN[field]
    nothing = parts(subject.encode(_with(subject, field, None)))
    same(
        parts(subject.encode(_with(subject, field, (None,) * BATCH))),
        nothing,
        subject.tolerance,
        f"a batch whose {field}s are all missing differs from one without {field}",
        fix=f"treat None in `{field}` as `{field}=None`",
    )
    whole = parts(subject.encode(_with(subject, field, given)))
    mixed = parts(subject.encode(_with(subject, field, (given[0], None, given[2]))))
    expected = {n: torch.stack([whole[n][0], nothing[n][1], whole[n][2]]) for n in whole}
    same(
        mixed,
        expected,
        subject.tolerance,
        f"a missing {field} changes the features of other images, or is not treated as missing",
        fix=f"handle each image's {field} by itself and leave padding out",
    )
    changed = distance(whole["pooled"], nothing["pooled"])
    if not subject.has(field):
        require(
            changed == 0,
            f"the {field} is used and not declared",
            why=f"`pooled` changes by {changed:.1e} of its largest value",
            fix=f"add {field} to the capabilities of the card",
        )
        return f"without {field}, and it changes nothing"
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
    other: Any = subject.build_again(seed=0)[0]
    _open_gates(other)
    with torch.inference_mode():
        told = other.encode_image(_with(subject, field, _GIVEN[field])).pooled
        untold = other.encode_image(_with(subject, field, None)).pooled
    return distance(told, untold)


def _open_gates(module: nn.Module) -> None:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            if not parameter.any():
                noise = torch.randn(parameter.shape, generator=generator) * _STD
                parameter.copy_(noise.to(parameter))


def _with(subject: Subject, field: Field, values: tuple[str | None, ...] | None) -> ImageBatch:
    if field == "view":
        return replace(subject.batch, view=values)
    return replace(subject.batch, context=values)
