"""A report generator whose decoder attends to what the encoder says about the image."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cxrbench.errors import BadRequest
from cxrbench.generation.decoder import DecoderSettings, build_decoder
from cxrbench.generation.modes import evaluating
from cxrbench.generation.search import GREEDY, Decoded, SearchSettings, beam_search
from cxrbench.generation.steps import DecodingSteps
from cxrbench.generation.teacher import IGNORED, TeacherForced, teacher_forced
from cxrbench.generation.tokenizer import ReportTokenizer


class CrossAttentionGenerator(nn.Module):
    """GPT-2 with cross-attention over a memory; no prompt and no prefix.

    Args:
        settings: Of the decoder.
        memory_dim: D of the memory; projected to the decoder's width where that differs.
        tokenizer: None for a generator that is counted or given ids only.

    Attributes:
        projection: From the memory to the decoder.
        decoder: Of transformers; see `build_decoder`.

    Raises:
        BadRequest: When the tokenizer has more tokens than the decoder.
    """

    def __init__(
        self,
        settings: DecoderSettings,
        memory_dim: int,
        tokenizer: ReportTokenizer | None = None,
    ) -> None:
        super().__init__()
        if tokenizer is not None and tokenizer.vocab_size > settings.vocab_size:
            raise BadRequest(
                "the tokenizer does not fit the decoder",
                why=f"it has {tokenizer.vocab_size} tokens, the decoder {settings.vocab_size}",
                fix="give both the same vocabulary",
            )
        self.settings, self._tokenizer = settings, tokenizer
        same = memory_dim == settings.dim
        self.projection: nn.Module = nn.Identity() if same else nn.Linear(memory_dim, settings.dim)
        self.decoder = build_decoder(settings)

    @property
    def tokenizer(self) -> ReportTokenizer:
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
        out: Tensor = self.decoder.lm_head(self._hidden(memory, texts))
        return out

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
        logits = self.decoder.lm_head(self._hidden(memory, texts)[counted])
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
        if settings.max_length > self.settings.positions:
            raise BadRequest(
                "cannot decode texts",
                why=f"max_length is {settings.max_length}, the decoder has "
                f"{self.settings.positions} positions",
                fix="ask for shorter texts",
            )
        with evaluating(self):
            steps = DecodingSteps(self.decoder, self.projection(memory), settings.beams)
            first = torch.full((len(memory),), start, device=memory.device)
            return beam_search(steps, first, end, pad, settings)

    def _hidden(self, memory: Tensor, texts: TeacherForced) -> Tensor:
        out: Tensor = self.decoder.transformer(
            input_ids=texts.inputs,
            attention_mask=texts.mask.long(),
            encoder_hidden_states=self.projection(memory),
            use_cache=False,
        ).last_hidden_state
        return out
