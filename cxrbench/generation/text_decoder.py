"""What decoders share that attend to the memory of an image and write token by token."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cxrbench.errors import BadRequest
from cxrbench.generation.modes import evaluating
from cxrbench.generation.search import GREEDY, Decoded, SearchSettings, Steps, beam_search
from cxrbench.generation.teacher import IGNORED, TeacherForced, teacher_forced
from cxrbench.generation.tokenizer import Tokens


class TextDecoder(nn.Module, ABC):
    """A `ReportGenerator` without a prompt: a decoder that attends to a memory.

    Args:
        vocab_size: Tokens of the decoder.
        positions: Longest text, in tokens.
        tokenizer: None for a generator that is counted or given ids only.

    Raises:
        BadRequest: When the tokenizer has more tokens than the decoder.
    """

    def __init__(self, vocab_size: int, positions: int, tokenizer: Tokens | None) -> None:
        super().__init__()
        if tokenizer is not None and tokenizer.vocab_size > vocab_size:
            raise BadRequest(
                "the tokenizer does not fit the decoder",
                why=f"it has {tokenizer.vocab_size} tokens, the decoder {vocab_size}",
                fix="give both the same vocabulary",
            )
        self._positions, self._tokenizer = positions, tokenizer

    @property
    def tokenizer(self) -> Tokens:
        """What turns texts into ids.

        Raises:
            BadRequest: When the generator was built without.
        """
        if self._tokenizer is None:
            raise BadRequest(
                "the generator cannot read or write texts",
                why="it was built without a tokenizer",
                fix="give it one",
            )
        return self._tokenizer

    def logits(self, memory: Tensor, texts: TeacherForced) -> Tensor:
        """B×N×V logits of the next token at every position of given texts."""
        return self._output(self._hidden(memory, texts))

    def loss(
        self,
        memory: Tensor,
        texts: Sequence[str],
        max_tokens: int = 200,
        hidden: Collection[int] = (),
    ) -> Tensor:
        """Teacher-forced cross-entropy, a mean over all tokens of the batch but padding.

        Args:
            memory: B×T×D.
            texts: B reports.
            max_tokens: Longer ones are cut on the right.
            hidden: See `teacher_forced`.
        """
        ids = self.tokenizer.encode(texts, max_tokens)
        forced = teacher_forced(ids, self.tokenizer.pad_id, hidden)
        return self.loss_of(memory, forced.to(memory.device))

    def loss_of(self, memory: Tensor, texts: TeacherForced) -> Tensor:
        """As `loss`, of texts that are ids already."""
        counted = texts.labels != IGNORED
        # The output layer is most of the work, and padding needs none.
        logits = self._output(self._hidden(memory, texts)[counted])
        return F.cross_entropy(logits.float(), texts.labels[counted])

    def generate(self, memory: Tensor, settings: SearchSettings = GREEDY) -> list[str]:
        """Write a report for each of B memories, B×T×D."""
        own = self.tokenizer
        found = self.generate_ids(
            memory, settings, start=own.start_id, end=own.end_id, pad=own.pad_id
        )
        return own.decode(found.rows())

    @torch.no_grad()
    def generate_ids(
        self, memory: Tensor, settings: SearchSettings, *, start: int, end: int, pad: int
    ) -> Decoded:
        """As `generate`, with ids instead of texts.

        Raises:
            BadRequest: When texts may get longer than the decoder has positions.
        """
        if settings.max_length > self._positions:
            raise BadRequest(
                "cannot decode texts",
                why=f"max_length is {settings.max_length}, the decoder has "
                f"{self._positions} positions",
                fix="ask for shorter texts",
            )
        with evaluating(self):
            steps = self._steps(memory, settings.beams)
            first = torch.full((len(memory),), start, device=memory.device)
            return beam_search(steps, first, end, pad, settings)

    def within(self, texts: Sequence[str], max_tokens: int) -> list[str]:
        """Texts as it would write them, cut as in training: the most that it can score."""
        return self.tokenizer.decode(self.tokenizer.encode(texts, max_tokens))

    @abstractmethod
    def _hidden(self, memory: Tensor, texts: TeacherForced) -> Tensor:
        """B×N×C: what the output layer reads at every position of given texts."""

    @abstractmethod
    def _output(self, hidden: Tensor) -> Tensor:
        """…×C to …×V logits."""

    @abstractmethod
    def _steps(self, memory: Tensor, beams: int) -> Steps:
        """Decoding steps over B×T×D memories."""
