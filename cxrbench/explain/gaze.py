"""Where an encoder expects a reader to look, beside where the reader did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.figure import Figure

from cxrbench.data.samples import Sample
from cxrbench.encoder import PredictsGaze
from cxrbench.errors import RunError
from cxrbench.explain import style
from cxrbench.explain.kinds import Drawn, Kind
from cxrbench.explain.notes import caption
from cxrbench.explain.readings import (
    Maps,
    Rows,
    Scores,
    join,
    mean_heat,
    rows,
    scores,
    spoken,
    was_read,
)
from cxrbench.explain.subject import Subject
from cxrbench.explain.view import view
from cxrbench.gaze.metrics import mean_score
from cxrbench.gaze.store import HeatSettings

_LEAST_TOP = 2.0
_SHORT = {"gaze-kl": "KL", "gaze-cc": "CC", "gaze-nss": "NSS", "gaze-auc-judd": "AUC"}
_LINE, _LINES = 32, 4


def unfit(subject: Subject) -> str | None:
    """Encoders that predict gaze, and images with recordings of it."""
    if not isinstance(subject.encoder, PredictsGaze):
        return "the encoder predicts no gaze"
    if not any(was_read(sample) for sample in subject.source.shown.samples):
        return f"no image of {subject.source.split} comes with recordings of gaze and speech"
    return None


def draw(subject: Subject) -> Drawn:
    """One sentence of each image shown, and the metrics over all sentences of all images."""
    samples = [sample for sample in subject.source.shown.samples if was_read(sample)]
    predicted, told = _predict(subject, samples)
    values, floor = scores(predicted, told), _floor(subject, told)
    chosen = _choose(subject, told)
    groups = {"sentences": ~told.whole, "whole readings": told.whole}
    means = {name: _means(values, which) for name, which in groups.items()}
    floors = {name: _means(floor, which) for name, which in groups.items()}
    summary = [f"all {groups['sentences'].sum():,} sentences: {_said(means['sentences'])}"]
    if floor:
        summary.append(
            f"for comparison, the mean heat of {subject.source.fitted} for all of them: "
            f"{_said(floors['sentences'])}"
        )
    return Drawn(
        _figure(subject, samples, chosen, predicted, told, values, summary),
        images=len(samples),
        settings={
            "grid": list(predicted.shape[1:]),
            "lead_seconds": HeatSettings.lead,
            "sigma_share_of_height": HeatSettings.sigma,
        },
        numbers={
            name: {"maps": int(which.sum()), "mean": means[name], "floor": floors[name]}
            for name, which in groups.items()
        },
        shown=tuple(samples[told.images[row]].id for row in chosen),
    )


def _predict(subject: Subject, samples: Sequence[Sample]) -> tuple[Maps, Rows]:
    """Predicted maps R×h×w, and what is known; rows that no fixation belongs to are left out."""
    encoder: Any = subject.encoder
    maps: list[Maps] = []
    told: list[Rows] = []
    for part, batch in subject.batches(samples, "gaze"):
        with torch.inference_mode():
            found = encoder.gaze_maps(batch, [spoken(sample) for sample in part])
        maps += [each.double().cpu().numpy() for each in found]
        grid = (maps[-1].shape[1], maps[-1].shape[2])
        told.append(rows(part, subject.encoder.image_spec, grid))
    known = _renumbered(join(told), maps)
    warm = known.warm
    if not warm.any():
        raise RunError(
            "the gaze cannot be drawn",
            why="every fixation lies outside what the encoder sees of its image",
            fix="look at the fixations of the data set, or leave gaze out with --only",
        )
    return np.concatenate(maps)[warm], known.keep(warm)


def _renumbered(told: Rows, maps: Sequence[Maps]) -> Rows:
    """The rows with positions among all images, not among those of a batch."""
    images = tuple(image for image, own in enumerate(maps) for _ in own)
    return Rows(images, told.texts, told.whole, told.heat, told.fixations)


def _floor(subject: Subject, told: Rows) -> Scores:
    """The scores of always expecting the mean heat of the training split; none without one."""
    train = subject.source.train
    grid = (told.heat.shape[1], told.heat.shape[2])
    readings = rows(train.samples if train else (), subject.encoder.image_spec, grid)
    guess = mean_heat(readings, told)
    return {} if guess is None else scores(guess, told)


def _choose(subject: Subject, told: Rows) -> list[int]:
    """A sentence of each of some images; whole readings where there are no sentences."""
    by_image: dict[int, list[int]] = {}
    for row in np.flatnonzero(~told.whole) if (~told.whole).any() else range(len(told)):
        by_image.setdefault(told.images[row], []).append(int(row))
    generator = subject.generator("sentence")
    images = subject.draw(sorted(by_image), subject.images, "gaze")
    return [int(generator.choice(by_image[image])) for image in images]


def _figure(
    subject: Subject,
    samples: Sequence[Sample],
    chosen: Sequence[int],
    predicted: Maps,
    told: Rows,
    values: Scores,
    summary: Sequence[str],
) -> Figure:
    cells = predicted.shape[1] * predicted.shape[2]
    expected, looked = predicted[list(chosen)] * cells, told.heat[list(chosen)] * cells
    looked = looked / told.heat[list(chosen)].sum(axis=(1, 2), keepdims=True)
    tops = [max(_LEAST_TOP, float(np.percentile(each, 99.5))) for each in (expected, looked)]
    figure, axes = style.tiles(
        [
            "Predicted gaze (left) and the reader's (right) while a sentence was spoken",
            f"{caption(subject)}: {len(chosen)} of {len(samples):,} images with gaze",
            *summary,
        ],
        len(chosen),
        2,
        text_lines=_LINES,
    )
    for (left, right), row, own, theirs in zip(axes, chosen, expected, looked, strict=True):
        seen = view(samples[told.images[row]], subject.encoder.image_spec)
        measured = _said({name: float(each[row]) for name, each in values.items()}, 2)
        style.show_heat(left, seen, own, tops[0], measured)
        style.show_heat(right, seen, theirs, tops[1], style.wrap(told.texts[row], _LINE, _LINES))
    style.colour_bar(figure, axes, tops[1], "gaze of the reader, × uniform")
    style.colour_bar(figure, axes, tops[0], "predicted gaze, × uniform")
    return figure


def _means(values: Scores, which: npt.NDArray[np.bool_]) -> dict[str, float]:
    return {name: mean_score(each[which]) for name, each in values.items()}


def _said(values: dict[str, float], per_line: int = 4) -> str:
    told = [
        f"{_SHORT[name]} {value:.2f}" if np.isfinite(value) else f"{_SHORT[name]} –"
        for name, value in values.items()
    ]
    lines = [told[start : start + per_line] for start in range(0, len(told), per_line)]
    return "\n".join("  ".join(line) for line in lines)


KIND = Kind(unfit, draw)
