"""What clinical context does to the similarity of images and their reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.ticker import MaxNLocator

from cxrbench import plotting
from cxrbench.data.samples import Sample
from cxrbench.explain.kinds import Drawn, Kind
from cxrbench.explain.notes import caption
from cxrbench.explain.subject import Subject

_MOST = 2000
_BINS = 40

Vectors = npt.NDArray[np.float64]


def unfit(subject: Subject) -> str | None:
    """Encoders that take a context and compare images with texts; data with both."""
    if not subject.uses_context:
        return "the encoder takes no clinical context"
    if not {"text", "joint"} <= set(subject.model.capabilities):
        return "the encoder does not compare images with texts"
    if not _rows(subject):
        return f"no image of {subject.source.split} has both a report and a clinical context"
    return None


def _rows(subject: Subject) -> list[int]:
    samples = subject.source.shown.samples
    return [row for row, sample in enumerate(samples) if _findings(sample) and sample.context]


def _findings(sample: Sample) -> str:
    return "" if sample.report is None else sample.report.findings.strip()


def draw(subject: Subject) -> Drawn:
    """Histograms of the cosine of image and own report, with and without the context."""
    rows = _rows(subject)
    chosen = subject.draw(rows, _MOST, "context")
    samples = [subject.source.shown.samples[row] for row in sorted(chosen)]
    images, blind, reports = _vectors(subject, samples)
    own = {"with": (images * reports).sum(1), "without": (blind * reports).sum(1)}
    others = {
        name: mean_of_others(vectors, reports, [s.study or s.id for s in samples])
        for name, vectors in (("with", images), ("without", blind))
    }
    change = own["with"] - own["without"]
    figure = plotting.new_figure(
        [
            "Similarity of images and their reports, with and without clinical context",
            f"{caption(subject)}: {len(samples):,} of {len(rows):,} images with both",
        ],
        7.5,
        3.9,
    )
    axes = figure.subplots()
    edges = _edges(np.concatenate(list(own.values())))
    for name, colour in (("without", plotting.GREY), ("with", plotting.COLOURS[0])):
        label = f"{name} context: mean {own[name].mean():.3f}"
        axes.hist(own[name], edges.tolist(), color=colour, alpha=0.65, label=label)
        if np.isfinite(others[name]):
            told = f"reports of other studies, {name}: mean {others[name]:.3f}"
            axes.axvline(others[name], color=colour, linestyle="--", linewidth=1.5, label=told)
    spread = float(change.std(ddof=1)) if len(change) > 1 else float("nan")
    axes.plot([], [], " ", label=f"mean difference {change.mean():+.3f} (sd {spread:.3f})")
    axes.set_xlabel("cosine of image and report", fontsize=8)
    axes.set_ylabel("images", fontsize=8)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    plotting.plain_axes(axes)
    return Drawn(
        figure,
        images=len(samples),
        settings={"text": "findings", "most": _MOST},
        numbers=_numbers(own, others, change),
    )


def _vectors(subject: Subject, samples: Sequence[Sample]) -> tuple[Vectors, Vectors, Vectors]:
    """Unit vectors of the images with and without context, and of their reports; N×D each."""
    encoder: Any = subject.encoder
    found: tuple[list[Vectors], ...] = ([], [], [])
    for part, batch in subject.batches(samples, "similarities"):
        with torch.inference_mode():
            for place, told in enumerate((batch, replace(batch, context=None))):
                vectors = encoder.project_image(encoder.encode_image(told))
                found[place].append(vectors.double().cpu().numpy())
            texts = encoder.encode_text([_findings(sample) for sample in part])
            found[2].append(encoder.project_text(texts).double().cpu().numpy())
    images, blind, reports = (np.concatenate(each) for each in found)
    return images, blind, reports


def mean_of_others(images: Vectors, reports: Vectors, studies: Sequence[str]) -> float:
    """Mean cosine of every image with every report of another study; NaN where there is none."""
    numbers = np.unique(np.asarray(studies), return_inverse=True)[1]
    other = numbers[:, None] != numbers[None, :]
    return float((images @ reports.T)[other].mean()) if other.any() else float("nan")


def _edges(values: Vectors) -> Vectors:
    """Borders of the bins; a constant similarity gets a bin of its own width."""
    low, high = float(values.min()), float(values.max())
    margin = 0.01 if high - low < 1e-3 else 0.0
    bins = int(np.clip(np.sqrt(2 * len(values)), 8, _BINS))
    return np.linspace(low - margin, high + margin, bins + 1)


def _numbers(own: dict[str, Vectors], others: dict[str, float], change: Vectors) -> dict[str, Any]:
    return {
        "mean_cosine": {name: float(values.mean()) for name, values in own.items()},
        "mean_cosine_other_reports": others,
        "mean_difference": float(change.mean()),
        "sd_difference": float(change.std(ddof=1)) if len(change) > 1 else float("nan"),
        "share_raised": float((change > 0).mean()),
    }


KIND = Kind(unfit, draw)
