"""Runs to draw: records with predictions, of as many models as are asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "execution"))

from stored_runs import Runs, label_scores, similarities, truth

from cxrbench.figures.scope import Selection
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.score import score

LONG = "timm/vit_large_patch14_reg4_dinov2.lvd142m_with_a_name_longer_than_any"
SIZES = {"nih-1pct": 785, "nih-10pct": 7_847, "nih-100pct": 78_468}
METRICS = ("auroc-macro", "auprc-macro", "ece-15", "brier-macro")
RETRIEVAL = tuple(f"{way}-{name}@{k}" for way in ("i2t", "t2i")
                  for name in ("precision", "hit") for k in (1, 5, 10))  # fmt: skip


def facts(value, **changes):
    return {"value": value, "n": 60, "higher_is_better": True, **changes}


def add_classification(runs, model, seed=0, gap=1.0, task="nih-1pct", **changes):
    """A run whose record says what its predictions score."""
    found = label_scores(seed, gap, labels=changes.pop("labels", None))
    data = ClassificationInput(found.scores, found.labels.astype(np.float64), found.names)
    scored = score(data, METRICS, replicates=0)
    metrics = {name: facts(s.value, higher_is_better=s.higher_is_better, per_class=s.per_class)
               for name, s in scored.items()}  # fmt: skip
    floors = {name: s.floor for name, s in scored.items()}
    splits = {
        name: {"sha256": digit * 64, "n": n, "patients": 30, "official": True, "positives": {}}
        for name, digit, n in (("train", "6", SIZES.get(task, 100)), ("test", "8", 60))
    }
    return runs.add(
        model, found, seed, task=task,
        record={"metrics": metrics, "floors": floors, **changes.pop("record", {})},
        dataset={"splits": splits, **changes.pop("dataset", {})}, **changes,
    )  # fmt: skip


def add_retrieval(runs, model, seed=0, base=0.3, **changes):
    metrics = {name: facts(base + 0.05 * place + 0.01 * seed)
               for place, name in enumerate(RETRIEVAL)}  # fmt: skip
    record = {"metrics": metrics, "floors": dict.fromkeys(RETRIEVAL, 0.1)}
    return runs.add(
        model, similarities(seed), seed, task="some-retrieval", record=record, **changes
    )


def plan(runs, *kinds, replicates=20, **selection):
    from cxrbench.figures.run import plan as planned

    pages = runs.store.folder / "no-pages"
    return planned(runs.store, pages, kinds, Selection(**selection), replicates)


def draw(runs, kind, **options):
    """The one figure of a kind."""
    from cxrbench.plotting import house_style

    (sheet,) = plan(runs, kind, **options).sheets
    with house_style():
        return sheet.draw(sheet.title)


__all__ = ["LONG", "METRICS", "RETRIEVAL", "Runs", "add_classification", "add_retrieval", "draw",
           "plan", "truth"]  # fmt: skip
