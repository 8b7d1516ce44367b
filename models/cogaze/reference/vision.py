"""Part `a_vision`: the image path from pixels to vector, with and without padding in the batch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from cxrbench.testing.reference import Compared, compare
from cxrbench.testing.vectors import Vectors

from ...parts.tokens import Tokens
from .case import Case
from .summaries import check_summaries


def check_vision(case: Case, vectors: Vectors) -> Iterator[Compared]:
    """Every stage of the image path."""
    with torch.no_grad():
        tokens, context, latents = case.encode(vectors)
    channels = int(vectors["channels"])
    rows, latent_rows = vectors["token_rows"].tolist(), vectors["latent_rows"].tolist()
    stages = {
        "vit_last_hidden": (case.trunk(vectors), rows),
        "V": (tokens, rows),
        "ctx_latents": (context, latent_rows),
        "vis_latents": (latents, latent_rows),
    }
    for key, (tensor, chosen) in stages.items():
        yield from check_summaries(vectors, key, tensor, chosen, channels)
    vector = latents.mean(dim=1)
    yield compare(f"{vectors.name} image_vector", vector, vectors["image_vector"])
    with torch.no_grad():
        logits = case.network.vision_classifier(vector)
    yield compare(f"{vectors.name} vision_logits", logits, vectors["vision_logits"])
    name = "image_vector_single_sample"
    yield compare(f"{vectors.name} {name}", _one_by_one(case, vectors, tokens), vectors[name])


def _one_by_one(case: Case, vectors: Vectors, tokens: Tensor) -> Tensor:
    """The vectors of the images, each in a batch of its own."""
    context, rows = case.context(vectors)
    told = [] if rows is None else rows.tolist()
    found = []
    for image in range(len(tokens)):
        own: tuple[Tokens | None, Tensor | None] = (None, None)
        if context is not None and image in told:
            place = told.index(image)
            length = int(context.mask[place].sum())
            ids, mask = context.ids[place, :length], context.mask[place, :length]
            own = Tokens(ids[None], mask[None]), torch.tensor([0])
        with torch.no_grad():
            latents = case.network.fuse(
                tokens[image : image + 1], case.network.context_latents(1, *own)
            )
        found.append(latents.mean(dim=1))
    return torch.cat(found)
