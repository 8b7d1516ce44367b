"""Runs with stored predictions, written by hand: nothing is trained or encoded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from cxrbench.data.packed import pack_mask
from cxrbench.data.samples import Sample
from cxrbench.execution.stages import save_predicted
from cxrbench.hashing import sha256_file
from cxrbench.predictions import LabelScores, Masks, Similarities
from cxrbench.results.record import Artifact, Record
from cxrbench.results.store import Store
from cxrbench.runners.base import Outcome
from cxrbench.weights.report import LoadReport

_GOLDEN = Path(__file__).parents[1] / "golden" / "records" / "v1" / "ok.json"
_TYPES = {
    LabelScores: ("classification", {}, "auroc-macro"),
    Masks: ("segmentation", {}, "dice-image-empty1"),
    Similarities: ("retrieval", {"text": ["findings"]}, "i2t-precision@1"),
}
PATIENTS, IMAGES = 30, 2
NAMES = ("Hernia", "Mass")


def samples(patients=PATIENTS):
    """Two images of each patient."""
    return [
        Sample(id=f"i{p:02}-{k}", patient=f"p{p:02}", image=Path(), study=f"s{p:02}")
        for p in range(patients)
        for k in range(IMAGES)
    ]


def truth():
    rng = np.random.default_rng(0)
    return np.repeat(rng.random((PATIENTS, len(NAMES))) < 0.5, IMAGES, axis=0).astype(np.float32)


def label_scores(seed=0, gap=1.0, order=None, drop=0, labels=None):
    """Scores whose classes are `gap` standard deviations apart; the same patients are hard."""
    common = np.random.default_rng(1).normal(size=(PATIENTS * IMAGES, len(NAMES)))
    own = np.random.default_rng(seed).normal(size=common.shape)
    known = truth() if labels is None else labels
    scores = 1 / (1 + np.exp(-(gap * truth() + 0.7 * common + 0.7 * own)))
    rows = np.arange(len(scores) - drop) if order is None else order
    found = samples()
    return LabelScores([found[r] for r in rows], NAMES, known[rows], scores[rows])


def similarities(seed=0, gap=1.0):
    known = np.eye(3, dtype=np.float32)[np.arange(PATIENTS * IMAGES) % 3]
    alike = known @ known.T
    noise = np.random.default_rng(seed).normal(size=alike.shape)
    return Similarities(samples(), ("a", "b", "c"), known, (gap * alike + noise).astype(np.float32))


def masks(seed=0, share=0.8, side=16):
    """A square in every image, of which a share of the pixels is found."""
    rng = np.random.default_rng(seed)
    true = np.zeros((side, side), bool)
    true[: side // 2, : side // 2] = True
    predicted = [pack_mask(true & (rng.random(true.shape) < share)) for _ in samples()]
    count = len(predicted)
    labels = np.ones((count, 1), np.float32)
    shapes = [(side, side)] * count
    return Masks(samples(), ("Mass",), labels, shapes, predicted, [pack_mask(true)] * count)


class Runs:
    """A store that runs are put into."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)

    def add(self, model: str, predictions: Any, seed: int = 0, **changes: Any) -> Record:
        """A finished run. `changes`: fields of the spec, or mappings `dataset`, `weights` and
        `record` of fields beside it."""
        fields = json.loads(_GOLDEN.read_text(encoding="utf-8"))
        kind, recipe, metric = _TYPES[type(predictions)]
        fields.update(task_type=kind, main_metric=metric, overlaps=[])
        facts = fields["metrics"].pop("auroc-macro")
        names = {metric: facts, "brier-macro": fields["metrics"]["brier-macro"]}
        fields["metrics"] = names if kind == "classification" else {metric: facts}
        settings = {"metrics": list(fields["metrics"]), "preprocessing": "native"}
        own = changes.pop("recipe", {})
        fields["spec"]["recipe"] = {**settings, "context": False, **recipe, **own}
        for part in ("dataset", "weights"):
            fields[part].update(changes.pop(part, {}))
        fields.update(changes.pop("record", {}))
        fields["spec"].update({"model": model, "seed": seed, **changes})
        record = Record.model_validate(fields)
        folder = self.store.run_folder(record.spec.run_id)
        folder.mkdir(parents=True)
        sets = {"test": predictions, **({"val": predictions} if kind == "classification" else {})}
        outcome = Outcome(sets, selection=None, load=LoadReport(0, 0), context_used=False)
        files = save_predicted(folder, outcome, {}).files
        artifacts = {
            f"predictions-{name}": Artifact(
                path=path.name, sha256=sha256_file(path), restricted=False
            )
            for name, path in files.items()
        }
        done = record.model_copy(update={"run_id": record.spec.run_id, "artifacts": artifacts})
        self.store.write(done)
        return done
