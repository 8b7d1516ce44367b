"""Checks of the text encoder and of the joint space."""

from __future__ import annotations

import torch
from torch import Tensor

from cxrbench.testing.check import NotApplicable, check, require
from cxrbench.testing.compare import same
from cxrbench.testing.subject import BATCH, TEXTS, Subject

_NORM_TOLERANCE = 1e-4
_MANY_WORDS = 2000


@check("text", "texts become B×D_text float32, each by itself", needs=("capabilities",))
def text(subject: Subject) -> str:
    """Alone as among others, and of any length, none included."""
    if not subject.has("text"):
        raise NotApplicable("no text encoder")
    whole, width = subject.texts, subject.card.dims.text
    _require_matrix(whole, (len(TEXTS), width), "encode_text", "dims.text")
    found = same(
        {"text": torch.cat([subject.encode_text([text]) for text in TEXTS])},
        {"text": whole},
        subject.tolerance,
        "a text's vector depends on the other texts of the batch, or on its place",
        fix="leave padding out of attention and pooling; return vectors in the order given",
    )
    # Not in one batch: what is long is dear, and all of a batch are padded to it.
    odd = [subject.encode_text(["", TEXTS[0]]), subject.encode_text(["opacity " * _MANY_WORDS])]
    require(
        all(bool(torch.isfinite(vectors).all()) for vectors in odd),
        "an empty or very long text has no finite vector",
        why="reports of both kinds occur",
        fix="cut long texts; give an empty text its special tokens at least",
    )
    return found


@check("joint-space", "projections are B×D_joint with norm 1", needs=("shapes", "text"))
def joint_space(subject: Subject) -> str:
    """So that a dot product is a cosine."""
    if not subject.has("joint"):
        raise NotApplicable("no joint space")
    with torch.inference_mode():
        images: Tensor = subject.encoder.project_image(subject.features)
        texts: Tensor = subject.encoder.project_text(subject.texts)
    width = subject.card.dims.joint
    for name, rows, projected in (
        ("project_image", BATCH, images),
        ("project_text", len(TEXTS), texts),
    ):
        _require_matrix(projected, (rows, width), name, "dims.joint")
        norms = projected.norm(dim=-1)
        furthest = float((norms - 1).abs().max())
        require(
            furthest <= _NORM_TOLERANCE,
            f"{name} is not L2-normalised",
            why=f"a norm differs from 1 by {furthest:.1e}",
            fix="end with torch.nn.functional.normalize(x, dim=-1)",
        )
    require(
        images.shape[1] == texts.shape[1],
        "images and texts are projected to different widths",
        why=f"{tuple(images.shape)} and {tuple(texts.shape)}",
        fix="project both into one space",
    )
    return f"width {images.shape[1]}"


def _require_matrix(found: Tensor, expected: tuple[int, int | None], what: str, field: str) -> None:
    shape, (rows, width) = tuple(found.shape), expected
    require(
        len(shape) == 2 and shape[0] == rows and width in (None, shape[-1]),
        f"{what} does not return what the card declares",
        why=f"its shape is {shape}, expected {(rows, width or 'D')}",
        fix=f"return one vector each, and correct {field} of the card",
    )
    require(
        found.dtype == torch.float32 and bool(torch.isfinite(found).all()),
        f"{what} does not return finite float32",
        why=f"{found.dtype}, {int((~torch.isfinite(found)).sum())} values not finite",
        fix="cast with .float(); look for a norm of zero",
    )
