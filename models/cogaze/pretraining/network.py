"""The network as it is pretrained: CoGaze with two heads that the encoder does without."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cxrbench.errors import RunError

from ...parts.tokens import Tokens
from ..config import CoGazeSettings
from ..model import CoGaze
from .batch import PretrainingBatch
from .settings import LABELS


@dataclass(frozen=True)
class PretrainingOutputs:
    """What the objective looks at; no vector is normalised.

    Attributes:
        images: B×D image vectors.
        reports: B×D report vectors.
        image_logits: B×C.
        report_logits: B×C.
        patches: B×P×D projected patch tokens, without the CLS token.
        transcripts: S×D, the first token of each transcript; None without gaze.
        log_scale: Logarithm of the temperature's inverse, of images and reports.
        log_scale_gaze: The same, of transcripts and patches.
    """

    images: Tensor
    reports: Tensor
    image_logits: Tensor
    report_logits: Tensor
    patches: Tensor
    transcripts: Tensor | None
    log_scale: Tensor
    log_scale_gaze: Tensor


class LabelHead(nn.Module):
    """A linear layer under the key `classifier`, as the released checkpoint has it."""

    def __init__(self, dim: int, labels: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(dim, labels)

    def forward(self, vectors: Tensor) -> Tensor:
        """B×D to B×C logits."""
        out: Tensor = self.classifier(vectors)
        return out


class CoGazePretraining(CoGaze):
    """CoGaze with a label head on images and one on reports.

    Args:
        settings: Of the architecture.
        labels: C.
        context_dropout: Share of the contexts that is hidden in training.
    """

    def __init__(
        self, settings: CoGazeSettings, labels: int = LABELS, context_dropout: float = 0.0
    ) -> None:
        super().__init__(settings)
        self.context_dropout = context_dropout
        self.vision_classifier = LabelHead(settings.dim, labels)
        self.report_classifier = LabelHead(settings.dim, labels)

    def forward(self, batch: PretrainingBatch) -> PretrainingOutputs:
        """Run both towers on a batch that is on the network's device.

        Raises:
            RunError: When the batch has neither pixels nor trunk features.
        """
        tokens = self.image_tokens(self._trunk(batch), batch.view)
        context = self.context_latents(len(batch), *self._contexts(batch))
        images = self.fuse(tokens, context).mean(dim=1)
        reports = self.text_vectors(batch.reports)
        transcripts = None
        if batch.transcripts is not None:
            transcripts = self.text_starts(batch.transcripts)
        return PretrainingOutputs(
            images=images,
            reports=reports,
            image_logits=self.vision_classifier(images),
            report_logits=self.report_classifier(reports),
            patches=tokens[:, 1:],
            transcripts=transcripts,
            log_scale=self.logit_scale,
            log_scale_gaze=self.logit_scale_gaze,
        )

    def _contexts(self, batch: PretrainingBatch) -> tuple[Tokens | None, Tensor | None]:
        """Those that are not hidden, and their rows."""
        tokens, rows = batch.context, batch.context_rows
        if tokens is None or rows is None or not (self.training and self.context_dropout):
            return tokens, rows
        seen = torch.rand(len(rows), device=rows.device) >= self.context_dropout
        if not bool(seen.any()):
            return None, None
        return Tokens(tokens.ids[seen], tokens.mask[seen]), rows[seen]

    def enable_gradient_checkpointing(self) -> None:
        """Keep the inputs of text layers and Perceiver blocks alone, and compute the rest again.

        Saves memory for time; the numbers stay the same.
        """
        self.perceiver.recompute = True
        self.text_encoder.recompute()

    def _trunk(self, batch: PretrainingBatch) -> Tensor:
        if batch.trunk is not None:
            return batch.trunk
        if batch.pixels is None:
            raise RunError("cannot run the network", why="no pixels", fix="give pixels or trunk")
        return self.encode_trunk(batch.pixels)
