"""What `cogaze_step.py` switches in the training step of CoGaze, one thing at a time.

A variant is a context manager that takes our step and gives another one, patching the network for
as long as it is open. All but `float32` and dropout's draws leave the loss as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from cogaze_case import INPUTS, Step, pad
from cxrbench_models.cogaze.losses.gaze import (  # type: ignore[import-not-found, unused-ignore]
    PAPER,
)
from cxrbench_models.cogaze.pretraining import (  # type: ignore[import-not-found, unused-ignore]
    objective,
)
from cxrbench_models.cogaze.tokenizer import (  # type: ignore[import-not-found, unused-ignore]
    PAD,
    Tokens,
    special_ids,
)
from gaze_loss import rows as row_by_row
from torch import Tensor
from transformers.models.bert.modeling_bert import BertPredictionHeadTransform

Switch = Callable[[Step], AbstractContextManager[Step]]


@dataclass(frozen=True)
class Variant:
    """One thing done in another way.

    Attributes:
        what: For the table.
        switch: Our step to the other one.
        inputs: Which of the two steps it is measured on.
    """

    what: str
    switch: Switch
    inputs: tuple[str, ...] = ("features",)


@contextmanager
def ours(step: Step) -> Iterator[Step]:
    """The step as the pretrainer makes it."""
    yield step


@contextmanager
def float32(step: Step) -> Iterator[Step]:
    """Without autocast."""
    yield replace(step, precision="32")


@contextmanager
def explicit_attention(step: Step) -> Iterator[Step]:
    """Attention as products, softmax and dropout, in trunk, text encoder and Perceiver."""
    with patch.object(F, "scaled_dot_product_attention", _attention):
        yield step


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    **_: object,
) -> Tensor:
    if is_causal:
        raise NotImplementedError("nothing in CoGaze attends causally")
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, -torch.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return F.dropout(scores.softmax(-1), dropout_p).to(value.dtype) @ value


@contextmanager
def mlm_logits(step: Step) -> Iterator[Step]:
    """Every call of the text encoder computes logits over the vocabulary, which nobody reads."""
    encoder = step.network.text_encoder
    encode, transform = encoder.forward, _mlm_transform(step.network)
    words = encoder.bert.get_input_embeddings().weight
    bias = words.new_zeros(len(words))

    def forward(ids: Tensor, mask: Tensor) -> Tensor:
        hidden: Tensor = encode(ids, mask)
        F.linear(transform(hidden), words, bias)
        return hidden

    with patch.object(encoder, "forward", forward):
        yield step


@lru_cache(maxsize=1)
def _mlm_transform(network: Any) -> torch.nn.Module:
    bert = network.text_encoder.bert
    head: Callable[..., torch.nn.Module] = BertPredictionHeadTransform
    return head(bert.config).to(bert.device)


@contextmanager
def gaze_loop(step: Step) -> Iterator[Step]:
    """The gaze term image by image and row by row."""

    def looped(
        patches: Tensor,
        transcripts: Tensor,
        heat: Tensor,
        owners: Tensor,
        scale: Tensor,
        **_: object,
    ) -> Tensor:
        found = []
        with torch.autocast(step.device, enabled=False):
            for image in torch.unique(owners).tolist():
                own = owners == image
                said = F.normalize(transcripts[own].float(), dim=-1)
                logits = scale.exp() * said @ F.normalize(patches[image].float(), dim=-1).T
                ways = row_by_row(logits, heat[own]), row_by_row(logits.T, heat[own].T)
                found.append(PAPER[0] * ways[0] + PAPER[1] * ways[1])
        return torch.stack(found)

    with patch.object(objective, "image_gaze_losses", looped):
        yield step


@contextmanager
def context_each(step: Step) -> Iterator[Step]:
    """Text encoder and Perceiver are called once for the context of each image."""
    together = step.network.context_latents

    def one_by_one(size: int, context: Any, rows: Tensor) -> Tensor:
        lengths = context.mask.sum(1).tolist()
        mine = dict(zip(rows.tolist(), range(len(lengths)), strict=True))
        zero, found = rows.new_zeros(1), []
        for image in range(size):
            row = mine.get(image)
            if row is None:
                found.append(together(1, None, None))
                continue
            place = slice(row, row + 1), slice(lengths[row])
            own = Tokens(context.ids[place], context.mask[place])
            found.append(together(1, own, zero))
        return torch.cat(found)

    with patch.object(step.network, "context_latents", one_by_one):
        yield step


@contextmanager
def context_everyone(step: Step) -> Iterator[Step]:
    """Images without a context go through text encoder and Perceiver too, for nothing."""
    together = step.network.context_latents
    filler = _filler(step)

    def everyone(size: int, context: Any, rows: Tensor) -> Tensor:
        ids = context.ids.new_full((size, context.ids.shape[1]), filler)
        mask = torch.zeros_like(ids, dtype=torch.bool)
        mask[:, 0] = True
        ids[rows], mask[rows] = context.ids, context.mask
        has = torch.zeros(size, dtype=torch.bool, device=ids.device)
        has[rows] = True
        read = together(size, Tokens(ids, mask), torch.arange(size, device=ids.device))
        return torch.where(has[:, None, None], read, together(size, None, None))

    with patch.object(step.network, "context_latents", everyone):
        yield step


@contextmanager
def transcripts_whole(step: Step) -> Iterator[Step]:
    """Transcripts are one batch, and all of their tokens are projected, not the first alone."""
    network = step.network

    def starts(tokens: Any) -> Tensor:
        found: Tensor = network.text_tokens(tokens)[:, 0]
        return found

    with patch.object(network, "text_starts", starts):
        yield step


@contextmanager
def padding(step: Step) -> Iterator[Step]:
    """Every text is padded to the longest that is allowed."""
    width, filler = step.network.settings.text.max_tokens, _filler(step)
    padded = {
        name: pad(getattr(step.batch, name), width, filler)
        for name in ("reports", "context", "transcripts")
    }
    with transcripts_whole(step):  # ours would take the padding of transcripts off again
        yield replace(step, batch=replace(step.batch, **padded))


@contextmanager
def checkpointing(step: Step) -> Iterator[Step]:
    """Activations of text encoder and Perceiver are computed again on the way back."""
    step.network.enable_gradient_checkpointing()
    try:
        yield step
    finally:
        step.network.perceiver.recompute = False
        bert = step.network.text_encoder.bert
        names = ("activation_checkpointing_disable", "gradient_checkpointing_disable")
        next(getattr(bert, name) for name in names if hasattr(bert, name))()


@contextmanager
def trunk_graph(step: Step) -> Iterator[Step]:
    """The trunk keeps its activations and gets gradients, though no step is taken with them."""
    trunk = step.network.image_encoder

    def with_graph(pixels: Tensor) -> Tensor:
        tokens: Tensor = trunk(pixels).last_hidden_state
        return tokens

    trunk.requires_grad_(True)
    try:
        with patch.object(step.network, "encode_trunk", with_graph):
            yield step
    finally:
        trunk.requires_grad_(False)
        trunk.zero_grad()


def adamw(*, fused: bool, foreach: bool) -> Switch:
    """AdamW in one of its implementations, with the moments of our own."""

    @contextmanager
    def switch(step: Step) -> Iterator[Step]:
        state = step.optimizer.state_dict()
        for group in state["param_groups"]:
            group.update(fused=fused or None, foreach=foreach)
        state["state"] = {
            number: {**kept, "step": kept["step"].cpu()} for number, kept in state["state"].items()
        }
        params = [p for group in step.optimizer.param_groups for p in group["params"]]
        other = torch.optim.AdamW(params)
        other.load_state_dict(state)
        yield replace(step, optimizer=other)

    return switch


@contextmanager
def compiled(step: Step) -> Iterator[Step]:
    """The network through `torch.compile`."""
    yield replace(step, forward=_compiled(step.network))


@lru_cache(maxsize=1)
def _compiled(network: Any) -> Any:
    return torch.compile(network)


@contextmanager
def all_off(step: Step) -> Iterator[Step]:
    """What the other variants do to the same step, all at once."""
    with ExitStack() as stack:
        for switch in ALL_OFF:
            step = stack.enter_context(switch(step))
        yield step


def _filler(step: Step) -> int:
    return int(special_ids(step.network.settings.text.vocab_size)[PAD])


_LOOP = adamw(fused=False, foreach=False)
ALL_OFF: tuple[Switch, ...] = (
    float32, explicit_attention, mlm_logits, gaze_loop, context_each, padding, _LOOP,
)  # fmt: skip
VARIANTS: Mapping[str, Variant] = {
    "ours": Variant("ours", ours, INPUTS),
    "float32": Variant("float32 instead of bf16 autocast", float32, INPUTS),
    "attention": Variant("explicit attention instead of SDPA", explicit_attention, INPUTS),
    "mlm": Variant("unused MLM logits computed", mlm_logits),
    "gaze-loop": Variant("gaze loss row by row", gaze_loop),
    "context-each": Variant("contexts one by one", context_each),
    "context-everyone": Variant("missing contexts computed too", context_everyone),
    "transcripts": Variant("transcripts as one batch, all tokens", transcripts_whole),
    "padding": Variant("texts padded to the limit", padding),
    "checkpointing": Variant("gradient checkpointing on", checkpointing),
    "trunk-graph": Variant("trunk with graph and gradients", trunk_graph, ("pixels",)),
    "adamw-loop": Variant("AdamW: loop over tensors", _LOOP),
    "adamw-foreach": Variant("AdamW: foreach", adamw(fused=False, foreach=True)),
    "adamw-fused": Variant("AdamW: fused", adamw(fused=True, foreach=False)),
    "compile": Variant("torch.compile", compiled, INPUTS),
    "all-off": Variant("all at once, see below", all_off, INPUTS),
}
