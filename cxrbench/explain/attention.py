"""Where an encoder's pooled vector comes from: its attention to the patches, on the image."""

from __future__ import annotations

import numpy as np
import torch

from cxrbench.encoder import AttendsToGrid
from cxrbench.explain import style
from cxrbench.explain.kinds import Drawn, Kind
from cxrbench.explain.notes import caption
from cxrbench.explain.subject import Subject
from cxrbench.explain.view import view

_LEAST_TOP = 2.0
"""The scale reaches at least twice the uniform share, so that chance patterns stay pale."""


def unfit(subject: Subject) -> str | None:
    """Only encoders that tell their attention."""
    if not isinstance(subject.encoder, AttendsToGrid):
        return "the encoder tells no attention to its patches"
    return None


def draw(subject: Subject) -> Drawn:
    """Images and, on one scale for all, how many times the uniform share each patch gets."""
    encoder = subject.encoder
    if not isinstance(encoder, AttendsToGrid):
        raise TypeError("the plan lets only encoders with attention come here")
    shown = subject.source.shown
    rows = subject.draw(range(len(shown)), subject.images, "images")
    samples = [shown.samples[row] for row in rows]
    parts = []
    for _, batch in subject.batches(samples, "attention"):
        with torch.inference_mode():
            parts.append(encoder.attention_map(batch).float().cpu().numpy())
    maps = np.concatenate(parts).astype(np.float64)
    shares = maps.sum(axis=(1, 2))
    ratios = maps * (maps.shape[1] * maps.shape[2])
    top = max(_LEAST_TOP, float(np.percentile(ratios, 99.5)))
    figure, axes = style.tiles(
        [
            "Attention to the patches",
            f"{caption(subject, context=True)}: {len(samples)} of {len(shown):,} images",
        ],
        len(samples),
        2,
    )
    for (left, right), sample, ratio in zip(axes, samples, ratios, strict=True):
        seen = view(sample, subject.encoder.image_spec, sample.regions)
        style.show_image(left, seen, "regions marked in the data" if sample.regions else "")
        style.show_heat(right, seen, ratio, top, f"at most {ratio.max():.1f} × uniform")
    style.colour_bar(figure, axes, top, "attention, × uniform")
    return Drawn(
        figure,
        images=len(samples),
        settings={"grid": list(maps.shape[1:]), "scale": [0, top]},
        numbers={
            "share_on_patches": shares.tolist(),
            "largest_over_uniform": ratios.max(axis=(1, 2)).tolist(),
        },
        shown=tuple(sample.id for sample in samples),
    )


KIND = Kind(unfit, draw)
