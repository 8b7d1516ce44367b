"""Check of mixed precision: what an encoder returns under autocast, in which most runs go."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cxrbench.encoder import ImageFeatures
from cxrbench.testing.check import CheckFailed, NotApplicable, check, require
from cxrbench.testing.compare import furthest
from cxrbench.testing.subject import TEXTS, Subject, parts, rows

_TOLERANCE = 0.1
"""Of the largest value. bf16 keeps 8 bits, and rounding adds up over layers: deep encoders come to
one or two hundredths, a wrong result (an overflow, a lost norm) to order 1."""
_TEXTS: Sequence[str] = TEXTS[:1]


@check("autocast", "under bf16 autocast results are still float32, and about the same",
       needs=("finite-float32", "deterministic", "text", "joint-space", "pairwise",
              "closed-vocabulary"))  # fmt: skip
def autocast(subject: Subject) -> str:
    """One image and one text, with and without autocast; scores and projections too."""
    kind = torch.device(subject.device).type
    if subject.module is None or kind not in ("cpu", "cuda"):
        raise NotApplicable("autocast is for torch modules on cpu and cuda")
    expected = _results(subject, subject.alone)
    with torch.autocast(kind, torch.bfloat16):
        found = _results(subject, None)
    for name, tensor in found.items():
        require(
            tensor.dtype == torch.float32,
            f"`{name}` is not float32 under autocast",
            why=f"it is {tensor.dtype}: the last layer decides",
            fix="cast what the encoder returns with .float()",
        )
    name, far = furthest(found, expected)
    if far > _TOLERANCE:
        raise CheckFailed(
            "autocast changes the result",
            why=f"{name} differs by {far:.1e} of its largest value, {_TOLERANCE} is allowed",
            fix="compute exponentials, sums and norms in float32",
        )
    return f"{len(found)} tensors, largest difference {far:.1e} ({name})"


@torch.inference_mode()
def _results(subject: Subject, known: ImageFeatures | None) -> dict[str, Tensor]:
    """What the encoder says about one image, encoded unless known, and one text, by name."""
    encoder = subject.encoder
    features = known or encoder.encode_image(rows(subject.batch, [0]))
    found = parts(features)
    if subject.has("text"):
        found["text"] = encoder.encode_text(_TEXTS)
    if subject.has("joint"):
        found["projected image"] = encoder.project_image(features)
        if subject.has("text"):
            found["projected text"] = encoder.project_text(found["text"])
    if subject.has("pairwise"):
        found["scores of pairs"] = encoder.score_pairs(features, _TEXTS)
    if subject.has("closed-vocabulary"):
        found["scores of findings"] = encoder.score_classes(features)
    return found
