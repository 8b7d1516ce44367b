"""What raises the score of a finding: Grad-CAM of a linear classifier, beside what is marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cxrbench.data.regions import Region
from cxrbench.data.samples import Sample, Split
from cxrbench.explain import style
from cxrbench.explain.cam import grad_cam, obstacle
from cxrbench.explain.classifier import C, Classifier, fit_classifier, fittable
from cxrbench.explain.kinds import Drawn, Kind
from cxrbench.explain.notes import caption
from cxrbench.explain.subject import Subject
from cxrbench.explain.view import View, view

Case = tuple[int, int]
"""A row of the split, and a column of the labels that is positive there."""


def unfit(subject: Subject) -> str | None:
    """Encoders whose pooled vector depends on the grid; data to fit and to show findings on."""
    source = subject.source
    if source.train is None:
        return f"{source.card.name} has no training split beside {source.split}"
    columns = fittable(source.train.labels)
    if not columns:
        return f"{source.fitted} has no label with images of both classes"
    if not (source.shown.labels[:, columns] == 1).any():
        return f"no image of {source.split} has a label that can be fitted"
    return obstacle(subject.encoder, subject.device)


def draw(subject: Subject) -> Drawn:
    """Positive images, each under the map of one of its labels; labels take turns."""
    source, shown = subject.source, subject.source.shown
    model = fit_classifier(subject, fittable(source.train.labels if source.train else shown.labels))
    names = source.data.labels
    chosen = cases(shown, names, model.columns, subject.generator("Grad-CAM"))[: subject.images]
    samples = [shown.samples[row] for row, _ in chosen]
    maps, probabilities = _maps(subject, model, samples, [column for _, column in chosen])
    marks = [regions_of(sample, names[column]) for sample, (_, column)
             in zip(samples, chosen, strict=True)]  # fmt: skip
    spec = subject.encoder.image_spec
    views = [view(sample, spec, marked or None) for sample, marked
             in zip(samples, marks, strict=True)]  # fmt: skip
    figure, axes = style.tiles(
        [
            "Grad-CAM of a linear classifier of pooled features",
            f"{caption(subject, context=True)}: {len(chosen)} of {len(shown):,} images; fitted on "
            f"{model.fitted:,} of {source.fitted}, AUROC on {model.judged:,} of {source.split}",
        ],
        len(chosen),
        2,
        text_lines=2,
    )
    auroc = dict(zip(model.columns, model.auroc.tolist(), strict=True))
    positives = dict(zip(model.columns, model.positives, strict=True))
    for (left, right), (_, column), seen, heat, probability, marked in zip(
        axes, chosen, views, maps, probabilities, marks, strict=True
    ):
        text = f"{names[column]}\n{'marked in the data' if marked else 'not marked'}"
        style.show_image(left, seen, text)
        peak = heat.max()
        told = f"p {probability:.2f}, AUROC {_auroc_text(auroc[column], positives[column])}"
        if peak <= 0:
            style.show_image(right, seen, f"{told}\nnothing raises the score")
        else:
            style.show_heat(right, seen, heat / peak, 1.0, f"{told}\n{_inside_text(seen, heat)}")
    style.colour_bar(figure, axes, 1.0, "share of each picture's largest value")
    return Drawn(
        figure,
        images=len(chosen),
        settings={"C": C, "fitted_on": model.fitted, "judged_on": model.judged,
                  "grid": list(maps.shape[1:])},
        numbers={
            "auroc": {names[column]: value for column, value in auroc.items()},
            "positives": {names[column]: count for column, count in positives.items()},
            "shown": [
                {
                    "label": names[column],
                    "probability": float(probability),
                    "heat_inside_marked": inside(seen, heat)[0],
                    "area_marked": inside(seen, heat)[1],
                }
                for (_, column), probability, seen, heat in zip(
                    chosen, probabilities, views, maps, strict=True
                )
            ],
        },
        shown=tuple(sample.id for sample in samples),
    )  # fmt: skip


def cases(
    split: Split, names: Sequence[str], columns: Sequence[int], generator: np.random.Generator
) -> list[Case]:
    """Positive images of every label in turn, each image once.

    Those with the label marked come first, and so do the labels of which any are.
    """
    waiting: list[list[Case]] = []
    for column in columns:
        rows = generator.permutation(np.flatnonzero(split.labels[:, column] == 1)).tolist()
        rows.sort(key=lambda row, name=names[column]: not regions_of(split.samples[row], name))
        if rows:
            waiting.append([(row, column) for row in rows])
    waiting.sort(key=lambda own: not regions_of(split.samples[own[0][0]], names[own[0][1]]))
    found: dict[int, int] = {}
    while waiting:
        for own in waiting:
            row, column = own.pop(0)
            found.setdefault(row, column)
        waiting = [own for own in waiting if own]
    return list(found.items())


def regions_of(sample: Sample, label: str) -> tuple[Region, ...]:
    """What is marked as the label; a region without a label of its own is that of any."""
    return tuple(r for r in sample.regions or () if r.label in ("", label))


def _maps(
    subject: Subject, model: Classifier, samples: Sequence[Sample], columns: Sequence[int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """N×h×w maps and N probabilities."""
    places = [model.columns.index(column) for column in columns]
    weights = torch.from_numpy(model.weights.T[places])
    bias = torch.from_numpy(model.bias[places])
    maps, scores, first = [], [], 0
    for part, batch in subject.batches(samples, "Grad-CAM"):
        last = first + len(part)
        heat, score = grad_cam(subject.encoder, batch, weights[first:last], bias[first:last])
        maps.append(heat.double().cpu().numpy())
        scores.append(score.double().sigmoid().cpu().numpy())
        first = last
    return np.concatenate(maps), np.concatenate(scores)


def inside(seen: View, heat: npt.NDArray[Any]) -> tuple[float, float]:
    """Share of the heat, and of the area, that lies in what is marked; NaN where nothing is."""
    if seen.marked is None or not seen.marked.any() or heat.max() <= 0:
        return float("nan"), float("nan")
    wide = style.upsample(heat, (seen.grey.shape[0], seen.grey.shape[1]))
    return float(wide[seen.marked].sum() / wide.sum()), float(seen.marked.mean())


def _auroc_text(value: float, positives: int) -> str:
    return f"{value:.2f} ({positives:,} pos.)" if np.isfinite(value) else "undefined"


def _inside_text(seen: View, heat: npt.NDArray[Any]) -> str:
    share, area = inside(seen, heat)
    return f"{share:.0%} inside, area {area:.0%}" if np.isfinite(share) else ""


KIND = Kind(unfit, draw)
