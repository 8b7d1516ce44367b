"""A report generator whose language model reads the image as embeddings within its prompt."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, cast

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from cxrbench.errors import BadRequest
from cxrbench.generation.llm import LoraSettings, with_adapters
from cxrbench.generation.modes import checkpoint_gradients, evaluating
from cxrbench.generation.padding import Side, padded, positions, released_positions
from cxrbench.generation.prompt import Chat, Fields, Prompt
from cxrbench.generation.teacher import IGNORED
from cxrbench.generation.text import cleaned


@dataclass(frozen=True)
class WritingSettings:
    """How texts are decoded by the `generate` of transformers.

    Attributes:
        beams: One is greedy decoding.
        max_new_tokens: Of the report.
        min_new_tokens: No report ends before.
    """

    beams: int = 3
    max_new_tokens: int = 120
    min_new_tokens: int = 0


@dataclass(frozen=True)
class _Batch:
    """Prompts and answers as embeddings, padded on one side.

    Attributes:
        embeddings: B×N×D.
        mask: B×N int64, 0 on padding.
        labels: B×L int64 of the last L positions.
    """

    embeddings: Tensor
    mask: Tensor
    labels: Tensor


class PrefixLlmGenerator(nn.Module):
    """Any causal language model, frozen or with low-rank adapters, and a projection of the memory.

    Prompts are padded on the left, in training as in writing, so that every answer begins right
    after its prompt.

    `padding_side="right"` and `end_in_targets=False` are what the released CoGaze does: the former
    for free text, so that a report depends on how long the prompts beside it are; the latter for
    structured reports, so that the language model is never taught to end one.

    Args:
        llm: Of transformers; it is frozen.
        tokenizer: Its own.
        memory_dim: D of the memory.
        prompt: What is asked.
        chat: How turns are marked.
        lora: Adapters to train; None: the projection alone is trained.
        padding_side: Of prompts when reports are written; in training it makes no difference.
            `right`: a report is written after its prompt and its padding.
        end_in_targets: Whether the end of a report is learned.
        checkpointing: Compute the layers again for the gradients instead of keeping what they
            computed: the same numbers with less memory and more time.

    Attributes:
        projection: From the memory to the embeddings.
        llm: The language model, wrapped by peft when it has adapters.

    Raises:
        BadRequest: When what ends an answer is no token of the tokenizer.
    """

    def __init__(
        self,
        llm: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        memory_dim: int,
        prompt: Prompt,
        chat: Chat,
        lora: LoraSettings | None = None,
        *,
        padding_side: Side = "left",
        end_in_targets: bool = True,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.prompt, self.chat, self.tokenizer = prompt, chat, tokenizer
        self._padding_side, self._end_in_targets = padding_side, end_in_targets
        if checkpointing:
            checkpoint_gradients(llm)
        words = llm.get_input_embeddings()
        width = cast(Tensor, words.weight).shape[1]
        self.llm = with_adapters(llm, lora)
        self.projection = nn.Linear(memory_dim, width)
        self._words = [words]  # in a list, because it belongs to `llm`
        self._positions = "position_ids" in inspect.signature(llm.forward).parameters
        self._end, own, pad = self._end_of_report(), tokenizer.eos_token_id, tokenizer.pad_token_id
        self.stop_ids = sorted({self._end, self._end if own is None else own})
        self.pad_id: int = self._end if pad is None else pad

    def loss(
        self,
        memory: Tensor,
        texts: Sequence[str],
        fields: Sequence[Fields] | None = None,
        max_tokens: int = 200,
    ) -> Tensor:
        """Teacher-forced cross-entropy, a mean over the tokens of `answers`.

        Args:
            memory: B×T×D.
            texts: B reports.
            fields: What else is known of each image, for the prompt.
            max_tokens: Longer reports are cut on the right, and then have no end.
        """
        answers = self.answers(texts, max_tokens)
        batch = self._batch(memory, fields, answers)
        kept = batch.labels.shape[1]
        out = self.llm(
            inputs_embeds=batch.embeddings,
            attention_mask=batch.mask,
            # What comes before the answers needs no output layer, which is large.
            logits_to_keep=kept + 1,
            use_cache=False,
            **self._places(batch.mask),
        )
        logits = out.logits[:, -kept - 1 : -1].float()
        return F.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED)

    def answers(self, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
        """The tokens of reports as they are learned, each with its end unless it is cut."""
        end = [self._end] if self._end_in_targets else []
        return [[*self._ids(text.strip()), *end][:max_tokens] for text in texts]

    def within(self, texts: Sequence[str], max_tokens: int) -> list[str]:
        """Texts as it would write them, cut as in training: the most that it can score."""
        return [self._written(ids) for ids in self.answers(texts, max_tokens)]

    def generate(
        self,
        memory: Tensor,
        settings: WritingSettings = WritingSettings(),
        fields: Sequence[Fields] | None = None,
    ) -> list[str]:
        """Write a report for each of B memories, B×T×D."""
        return [self._written(ids) for ids in self.generate_ids(memory, settings, fields)]

    @torch.no_grad()
    def generate_ids(
        self,
        memory: Tensor,
        settings: WritingSettings = WritingSettings(),
        fields: Sequence[Fields] | None = None,
    ) -> list[list[int]]:
        """As `generate`, the tokens up to the one that ends the report."""
        if not len(memory):
            return []
        batch = self._batch(memory, fields, [[] for _ in memory], self._padding_side)
        config = GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=False,
            num_beams=settings.beams,
            max_new_tokens=settings.max_new_tokens,
            min_new_tokens=settings.min_new_tokens or None,
            eos_token_id=self.stop_ids,
            pad_token_id=self.pad_id,
        )
        llm = self.llm.get_base_model() if isinstance(self.llm, PeftModel) else self.llm
        right = self._padding_side == "right"
        with evaluating(self), released_positions(llm, batch.mask) if right else nullcontext():
            ids = cast(Any, self.llm).generate(
                inputs_embeds=batch.embeddings,
                attention_mask=batch.mask,
                generation_config=config,
                **self._places(batch.mask),
            )
        return [self._report(row) for row in ids.tolist()]

    def _batch(
        self,
        memory: Tensor,
        fields: Sequence[Fields] | None,
        answers: Sequence[Sequence[int]],
        side: Side = "left",
    ) -> _Batch:
        words = self._words[0]
        seen = self.projection(memory)
        rows = []
        for image, known, answer in zip(seen, fields or [{}] * len(seen), answers, strict=True):
            before, after = self.chat.around_image(self.prompt, known, self._cut)
            text = [*self._ids(after), *answer]
            around = [
                words(torch.tensor(ids, dtype=torch.int64, device=memory.device))
                for ids in (self._ids(before), text)
            ]
            rows.append(torch.cat([around[0], image.to(around[0].dtype), around[1]]))
        pad = rows[0].new_zeros(rows[0].shape[1])
        if side == "right":  # where a report goes on from it
            pad = words(torch.tensor(self.pad_id, device=memory.device))
        embeddings, mask = padded(rows, pad, side)
        wide = max(map(len, answers))
        labels = [[*[IGNORED] * (wide - len(answer)), *answer] for answer in answers]
        return _Batch(
            embeddings, mask, torch.tensor(labels, dtype=torch.int64, device=memory.device)
        )

    def _places(self, mask: Tensor) -> dict[str, Tensor]:
        """Positions that do not count the padding, for a model that takes any."""
        if not self._positions:
            return {}
        return {"position_ids": positions(mask)}

    def _written(self, ids: Sequence[int]) -> str:
        own = [token for token in ids if token != self._end]
        return cleaned(cast(str, self.tokenizer.decode(own)))

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _cut(self, text: str, tokens: int, left: bool) -> str:
        ids = self._ids(text)
        if len(ids) <= tokens:
            return text
        return self._written(ids[-tokens:] if left else ids[:tokens])

    def _report(self, row: Sequence[int]) -> list[int]:
        """What comes before the first token that ends a report."""
        ends = [place for place, token in enumerate(row) if token in {*self.stop_ids, self.pad_id}]
        return list(row[: ends[0]]) if ends else list(row)

    def _end_of_report(self) -> int:
        end = self._ids(self.chat.end) if self.chat.end else [self.tokenizer.eos_token_id]
        if len(end) != 1 or end[0] is None:
            raise BadRequest(
                "reports would never end",
                why=f"{self.chat.end or 'its end of text'} is no token of the tokenizer",
                fix="give the chat that this language model was taught",
            )
        return int(end[0])
