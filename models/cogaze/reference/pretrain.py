"""Part `c_pretrain`: the pretraining objective on a batch, its terms and its gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from cxrbench.testing import procedural
from cxrbench.testing.reference import Compared, compare, compare_exactly
from cxrbench.testing.vectors import Vectors

from ...parts.tokens import Tokens
from ..pretraining.batch import PretrainingBatch
from ..pretraining.network import CoGazePretraining
from ..pretraining.objective import losses, weights_of
from ..pretraining.settings import GazeSettings, PretrainingSettings
from ..tokenizer import PAD, special_ids
from .case import Case
from .owners import match_rows

_TERMS = {
    "total": "total",
    "align": "contrastive",
    "gaze": "gaze",
    "image_cls": "image_labels",
    "report_cls": "report_labels",
}
"""Of the reference, and what they are called here."""
_GRADIENT_SLICES = {
    "grad_shared_latent_slice": "shared_latent",
    "grad_kv0_slice": "perceiver.layers.0.0.fn.to_kv.weight",
    "grad_imgproj0_slice": "image_projector.projector.0.weight",
}
_WORDS = "text_encoder.bert.embeddings.word_embeddings.weight"
_VIEWS = "image_projector.add_pos_embed.pos_embed"


def check_pretraining(case: Case, vectors: Vectors) -> Iterator[Compared]:
    """The terms of the objective, then the gradients of their total."""
    network, name, batch = case.network, vectors.name, _batch(case, vectors)
    settings = _settings(vectors)
    weights = weights_of(vectors["class_counts"].tolist(), settings)
    if weights is not None:
        yield compare(f"{name} class_weights", weights, vectors["class_weights"])
    network.zero_grad()
    found = losses(network(batch), batch, settings, weights)
    for theirs, ours in _TERMS.items():
        yield compare(f"{name} {theirs}", found[ours], vectors[theirs])
    found["total"].backward()  # type: ignore[no-untyped-call]
    yield from _gradients(case, vectors)
    network.zero_grad()
    silent = replace(batch, transcripts=None, transcript_owner=None, heat=None)
    with torch.no_grad():
        quiet = losses(network(silent), silent, settings, weights)
    key = "total_no_gaze_in_batch"
    yield compare(f"{name} {key}", quiet["total"], vectors[key])
    key = "has_gaze_term_without_gaze"
    yield compare_exactly(f"{name} {key}", bool(quiet["gaze"].nan_to_num() != 0), vectors[key])


def _settings(vectors: Vectors) -> PretrainingSettings:
    released = PretrainingSettings.model_validate({"preset": "released"})
    gaze = released.gaze or GazeSettings.model_validate({})
    rho = float(vectors["topk_ratio"])
    return released.model_copy(update={"gaze": gaze.model_copy(update={"rho": rho})})


def _batch(case: Case, vectors: Vectors) -> PretrainingBatch:
    context, rows = case.context(vectors)
    kinds = [case.tokens(vectors[f"{kind}_ids"]) for kind in ("sentence", "full")]
    owners = [torch.from_numpy(vectors[f"{kind}_owner"]) for kind in ("sentence", "full")]
    transcript, owner = match_rows(torch.from_numpy(vectors["image_dicom"]), torch.cat(owners))
    heat = procedural.heat(
        int(vectors["heat_seed"]),
        len(torch.cat(owners)),
        case.settings.vision.grid_side**2,
        # The file holds the share in single precision; the draws were compared with the double.
        round(float(vectors["heat_fraction"]), 6),
    )
    heat[int(vectors["heat_zero_row"])] = 0
    spoken = _joined(kinds, special_ids(case.settings.text.vocab_size)[PAD])
    return PretrainingBatch(
        view=case.views(vectors),
        reports=case.tokens(vectors["report_ids"]),
        groups=torch.from_numpy(vectors["study_ids"]),
        targets=torch.from_numpy(np.isin(vectors["raw_labels"], (1, 3)).astype(np.float32)),
        trunk=case.trunk(vectors),
        context=context,
        context_rows=rows,
        transcripts=Tokens(spoken.ids[transcript], spoken.mask[transcript]),
        transcript_owner=owner,
        heat=torch.from_numpy(heat)[transcript],
    )


def _joined(parts: list[Tokens], pad: int) -> Tokens:
    """Batches of texts as one, padded to the longest."""
    width = max(part.ids.shape[1] for part in parts)
    missing = [width - part.ids.shape[1] for part in parts]
    pairs = list(zip(parts, missing, strict=True))
    grow = torch.nn.functional.pad
    return Tokens(
        torch.cat([grow(part.ids, (0, more), value=pad) for part, more in pairs]),
        torch.cat([grow(part.mask, (0, more), value=False) for part, more in pairs]),
    )


def _gradients(case: Case, vectors: Vectors) -> Iterator[Compared]:
    name, gradients = vectors.name, _trained(case.network)
    for parameter, norm in zip(vectors["param_names"].tolist(), vectors["grad_norms"], strict=True):
        gradient = gradients.get(parameter)
        found = torch.tensor(0.0) if gradient is None else _norm(gradient)
        yield compare(f"{name} grad_norms {parameter}", found, norm)
    whole = torch.stack([_norm(gradient) for gradient in gradients.values()]).norm()
    yield compare(f"{name} total_grad_norm", whole, vectors["total_grad_norm"])
    # Tensors of the checkpoint that are not built here have no gradient either.
    without = sorted(set(case.names("pretrain_checkpoint")) - set(gradients))
    theirs = sorted(vectors["no_grad_params"].tolist())
    yield compare_exactly(f"{name} no_grad_params", without, theirs)
    for key, parameter in _GRADIENT_SLICES.items():
        rows, columns = vectors[key].shape
        yield compare(f"{name} {key}", gradients[parameter][:rows, :columns], vectors[key])
    # The order of the ids: end of text, padding, separator, start of a text.
    _, pad, _, start = vectors["special_ids"][:4].tolist()
    yield compare(
        f"{name} grad_word_pad_row_norm",
        _norm(gradients[_WORDS][pad]),
        vectors["grad_word_pad_row_norm"],
    )
    yield compare(
        f"{name} grad_word_cls_row_norm",
        _norm(gradients[_WORDS][start]),
        vectors["grad_word_cls_row_norm"],
    )
    rows = gradients[_VIEWS].double().flatten(1).norm(dim=1)
    yield compare(f"{name} grad_pos_embed_row_norms", rows, vectors["grad_pos_embed_row_norms"])


def _trained(network: CoGazePretraining) -> Mapping[str, Tensor]:
    """The gradients of the parameters that have one."""
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def _norm(gradient: Tensor) -> Tensor:
    # float64: in float32 the norm of a large tensor is itself wrong in the fourth digit.
    norm: Tensor = gradient.double().norm()
    return norm
