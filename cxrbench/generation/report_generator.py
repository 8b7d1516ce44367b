"""What training and writing need of a report generator, whatever it is inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from torch import Tensor

Settings = TypeVar("Settings", contravariant=True)


class ReportGenerator(Protocol[Settings]):
    """Writes the report of an image from its memory; a `torch.nn.Module`.

    `CrossAttentionGenerator` and `RelationalGenerator` decode by `SearchSettings`,
    `PrefixLlmGenerator` by `WritingSettings`; the latter takes prompt fields besides.
    """

    def loss(self, memory: Tensor, texts: Sequence[str], *, max_tokens: int = ...) -> Tensor:
        """Teacher-forced cross-entropy of B reports given B×T×D memories, a scalar.

        A mean over all tokens of the batch but padding; longer reports are cut on the right.
        """
        ...

    def generate(self, memory: Tensor, settings: Settings) -> list[str]:
        """B reports of B×T×D memories, in evaluation mode and without gradients."""
        ...

    def within(self, texts: Sequence[str], max_tokens: int) -> list[str]:
        """Texts as it would write them, cut as in training: the most that it can score."""
        ...
