"""Pooled features laid out in the plane, coloured by label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from cxrbench import plotting
from cxrbench.explain.kinds import Drawn, Kind
from cxrbench.explain.notes import caption
from cxrbench.explain.subject import Subject, rows_of
from cxrbench.training.logistic import Standardiser

_MOST = 2000
_FEWEST = 10
_GROUPS = 7
_MOST_EMPTY = 3
_MANY = 300
_NEIGHBOURS = 5
_PERPLEXITY = 30.0
NONE = "none of the labels"

Features = npt.NDArray[np.float64]
Group = npt.NDArray[np.int64]


def unfit(subject: Subject) -> str | None:
    """Data with enough images that have a label."""
    names, group = groups(subject.source.shown.labels, subject.source.data.labels)
    known = int((group >= 0).sum())
    if len(names) < 2 or known < _FEWEST:
        return (
            f"{known} images of {subject.source.split} can be coloured, in {len(names)} colours: "
            f"at least {_FEWEST} in 2 are needed"
        )
    return None


def draw(subject: Subject) -> Drawn:
    """A scatter plot; whatever the layout shows, the neighbours in feature space are counted."""
    from sklearn.manifold import TSNE

    shown = subject.source.shown
    names, group = groups(shown.labels, subject.source.data.labels)
    rows = subject.draw(np.flatnonzero(group >= 0).tolist(), _MOST, "t-SNE")
    split, group = rows_of(shown, rows), group[rows]
    raw = subject.pooled(split, f"features of {subject.source.split}")
    features = Standardiser.fit(raw)(raw)
    perplexity = min(_PERPLEXITY, (len(rows) - 1) / 3)
    layout = TSNE(perplexity=perplexity, init="pca", random_state=subject.seed % 2**32)
    place = layout.fit_transform(features.astype(np.float32))
    single = _enough_single(shown.labels)
    rule = "images of one label" if single else "each image by its most frequent label"
    agreeing, chance = neighbours(features, group, [sample.patient for sample in split.samples])
    figure = plotting.new_figure(
        [
            f"t-SNE of pooled features, {rule}",
            f"{caption(subject, context=True)}: {len(rows):,} of {len(shown):,} images",
            f"perplexity {perplexity:.0f}, seed {subject.seed}; of the {_NEIGHBOURS} nearest in "
            f"feature space {agreeing:.1%} share the label, {chance:.1%} by chance",
        ],
        7.5,
        4.8,
    )
    axes = figure.subplots()
    for number, name in enumerate(names):
        own = place[group == number]
        colour = plotting.GREY if name == NONE else plotting.COLOURS[number % len(plotting.COLOURS)]
        axes.scatter(
            own[:, 0],
            own[:, 1],
            s=9 if len(rows) > _MANY else 20,
            color=colour,
            label=f"{name} ({len(own):,})",
            linewidths=0,
            alpha=0.8,
            zorder=1 if name == NONE else 2,
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return Drawn(
        figure,
        images=len(rows),
        settings={
            "colours": rule,
            "perplexity": perplexity,
            "most": _MOST,
            "neighbours": _NEIGHBOURS,
        },
        numbers={
            "groups": {name: int((group == n).sum()) for n, name in enumerate(names)},
            "neighbours_of_the_label": agreeing,
            "by_chance": chance,
        },
    )


def groups(labels: npt.NDArray[np.float32], names: Sequence[str]) -> tuple[list[str], Group]:
    """One label for each image: its only one, or where too few have one only, its most frequent.

    Args:
        labels: N×C: 1, 0 or NaN.
        names: Of the columns.

    Returns:
        The largest groups, the largest first, and `NONE` where images are known to have no label
        (of those the first ones, up to a few times the largest group); and N numbers of them, -1
        for an image that is left out.
    """
    positive = labels == 1
    rank = np.argsort(np.argsort(-positive.sum(axis=0), kind="stable"), kind="stable")
    column = np.where(positive, rank, len(names)).argmin(axis=1)
    labelled = _single(labels) if _enough_single(labels) else positive.any(axis=1)
    counts = np.bincount(column[labelled], minlength=len(names))
    kept = [int(c) for c in np.argsort(-counts, kind="stable")[:_GROUPS] if counts[c]]
    group = np.full(len(labels), -1, dtype=np.int64)
    for number, each in enumerate(kept):
        group[labelled & (column == each)] = number
    found = [names[each] for each in kept]
    empty = np.flatnonzero((labels == 0).all(axis=1))[: _MOST_EMPTY * counts.max(initial=0)]
    if len(empty):
        group[empty] = len(found)
        found.append(NONE)
    return found, group


def _single(labels: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    return np.asarray((labels == 1).sum(axis=1) == 1)


def _enough_single(labels: npt.NDArray[np.float32]) -> bool:
    return bool(_single(labels).sum() >= _FEWEST)


def neighbours(features: Features, group: Group, patients: Sequence[str]) -> tuple[float, float]:
    """How often the nearest images of other patients share an image's label.

    Args:
        features: N×D.
        group: N labels as numbers.
        patients: N patients.

    Returns:
        The mean share among the nearest, and the share among all images of other patients.
    """
    person = np.unique(np.asarray(patients), return_inverse=True)[1]
    other = person[:, None] != person[None, :]
    same = group[:, None] == group[None, :]
    distance = np.where(other, cdist(features, features), np.inf)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :_NEIGHBOURS]
    valid = np.take_along_axis(other, nearest, axis=1)
    hits = np.take_along_axis(same, nearest, axis=1) & valid
    if not valid.any():
        return float("nan"), float("nan")
    return float(hits.sum() / valid.sum()), float((same & other).sum() / other.sum())


KIND = Kind(unfit, draw)
