"""Part `e_decoder`: the report decoder, learning from given texts and writing its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from cxrbench.generation.cross_attention import CrossAttentionGenerator
from cxrbench.generation.search import Decoded
from cxrbench.generation.steps import DecodingSteps
from cxrbench.generation.teacher import TeacherForced, teacher_forced
from cxrbench.testing import procedural
from cxrbench.testing.reference import Compared, compare, compare_exactly
from cxrbench.testing.vectors import Vectors

from ..generation import PREFIX, RELEASED_SEARCH, SEPARATOR
from ..tokenizer import PAD, SPECIAL_TOKENS, special_ids
from .case import Case
from .checkpoint import load_decoder
from .summaries import statistics

_BEAMS = (1, 3, 10)


def check_decoder(case: Case, vectors: Vectors) -> Iterator[Compared]:
    """Logits, loss and gradients of given texts; then greedy and beam search, and from images."""
    model, report = load_decoder(case.manifest, case.size, case.card)
    # The output layer is optional, since it is that of the word embeddings.
    yield compare_exactly(f"{case.size} decoder checkpoint", report.matched, report.total)
    memory = torch.from_numpy(
        procedural.array(int(vectors["memory_seed"]), vectors["memory_shape"].tolist())
    )
    ids = special_ids(case.settings.text.vocab_size)
    forced = _forced(vectors, ids)
    yield from _inputs(vectors, forced, ids)
    yield from _learning(vectors, model, memory, forced)
    yield from _searches(vectors, model, memory, ids)
    yield from _steps(vectors, model, memory, ids)
    yield from _from_images(case, vectors, model, forced, ids)


def _forced(vectors: Vectors, ids: Mapping[str, int]) -> TeacherForced:
    texts = [[token for token in row if token >= 0] for row in vectors["target_ids"].tolist()]
    return teacher_forced(texts, ids[PAD], hidden=[ids[SEPARATOR]])


def _inputs(vectors: Vectors, forced: TeacherForced, ids: Mapping[str, int]) -> Iterator[Compared]:
    found: dict[str, object] = {
        "bos_eos_pad": [ids[SPECIAL_TOKENS[0]], ids[SPECIAL_TOKENS[0]], ids[PAD]],
        "decoder_input_ids": forced.inputs,
        "decoder_attention_mask": forced.mask.long(),
        "lm_labels": forced.labels,
    }
    for key, value in found.items():
        yield compare_exactly(f"{vectors.name} {key}", value, vectors[key])


def _learning(
    vectors: Vectors, model: CrossAttentionGenerator, memory: Tensor, forced: TeacherForced
) -> Iterator[Compared]:
    name = vectors.name
    loss = model.loss_of(memory, forced)
    parameters = dict(model.named_parameters())
    names = [key.removeprefix(PREFIX) for key in vectors["grad_names"].tolist()]
    gradients = torch.autograd.grad(loss, [parameters[key] for key in names])
    with torch.no_grad():
        logits = model.logits(memory, forced)
    positions, words = vectors["tf_positions"].tolist(), vectors["tf_vocab_ids"].tolist()
    found = {
        "tf_loss": loss,
        "tf_logits_slice": logits[:, positions][:, :, words],
        "tf_logits_stats": statistics(logits),
        "tf_logsumexp": logits.logsumexp(-1),
    }
    for key, tensor in found.items():
        yield compare(f"{name} {key}", tensor, vectors[key])
    yield compare_exactly(f"{name} tf_argmax", logits.argmax(-1), vectors["tf_argmax"])
    for key, gradient, norm in zip(names, gradients, vectors["grad_norms"], strict=True):
        yield compare(f"{name} grad_norms {key}", gradient.double().norm(), norm)


def _searches(
    vectors: Vectors, model: CrossAttentionGenerator, memory: Tensor, ids: Mapping[str, int]
) -> Iterator[Compared]:
    """Ids have to be the same; so do their scores, where the file has them."""
    for beams in _BEAMS:
        override = f"eosoverride_beams{beams}"
        cases = {
            f"ids_beams{beams}": (f"beams{beams}", None),
            f"{override}_ids": (override, int(vectors[f"{override}_eos"])),
        }
        for key, (kind, end) in cases.items():
            found = _decode(model, memory, ids, vectors, beams, end)
            yield compare_exactly(f"{vectors.name} {key}", found.ids, vectors[key])
            scores = f"{kind}_sequence_scores"
            if scores in vectors:
                yield compare(f"{vectors.name} {scores}", found.scores, vectors[scores])


def _steps(
    vectors: Vectors, model: CrossAttentionGenerator, memory: Tensor, ids: Mapping[str, int]
) -> Iterator[Compared]:
    """The logits of the decoding steps along the greedy texts, those after an end included."""
    texts = _decode(model, memory, ids, vectors, 1).ids
    only = torch.zeros(len(texts), 1, dtype=torch.int64)
    with torch.no_grad():
        steps = DecodingSteps(model.decoder, memory, 1)
        each = [steps.begin(texts[:, 0])]
        each += [steps.next(only, texts[:, i, None]) for i in range(1, texts.shape[1] - 1)]
    logits = torch.cat(each, dim=1)
    first, second = logits.topk(2).values.unbind(-1)
    found = {
        "greedy_top1_top2_gap": first - second,
        "greedy_logits_at_ids": logits.gather(2, texts[:, 1:, None])[..., 0],
    }
    for key, tensor in found.items():
        yield compare(f"{vectors.name} {key}", tensor, vectors[key])


def _from_images(
    case: Case,
    vectors: Vectors,
    model: CrossAttentionGenerator,
    forced: TeacherForced,
    ids: Mapping[str, int],
) -> Iterator[Compared]:
    with torch.no_grad():
        tokens, context, _ = case.encode(vectors)
        memory = case.network.memory(tokens, context)
        size = len(memory)
        own = TeacherForced(forced.inputs[:size], forced.mask[:size], forced.labels[:size])
        loss = model.loss_of(memory, own)
    yield compare(f"{vectors.name} e2e_train_loss", loss, vectors["e2e_train_loss"])
    found = _decode(model, memory, ids, vectors, 3).ids
    yield compare_exactly(f"{vectors.name} e2e_ids_beams3", found, vectors["e2e_ids_beams3"])


def _decode(
    model: CrossAttentionGenerator,
    memory: Tensor,
    ids: Mapping[str, int],
    vectors: Vectors,
    beams: int,
    end: int | None = None,
) -> Decoded:
    """Texts by the released rule; `end` in place of the token that ends a text."""
    settings = replace(RELEASED_SEARCH, beams=beams, max_length=int(vectors["max_length"]))
    start = ids[SPECIAL_TOKENS[0]]
    return model.generate_ids(
        memory, settings, start=start, end=start if end is None else end, pad=ids[PAD]
    )
