"""What the shipped cogaze-tiny has learnt, against random weights, on phantoms it never saw.

    python benchmarks/cogaze_tiny.py --patients 600 --seed 1

Draws phantoms of another seed than it was trained on (7), and prints zero-shot AUROC of findings
on NIH ChestX-ray14 (each against all other images, without any context), the classes of the
reports retrieved for the images of MIMIC-5x200 (P@1, chance is 20 %), and how well it predicts
gaze (EGD-CXR). Classification with few labels: `cxrbench run --task nih-1pct --seeds 3`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

FINDINGS = {
    "Atelectasis": "atelectasis",
    "Cardiomegaly": "cardiomegaly",
    "Consolidation": "consolidation",
    "Edema": "pulmonary edema",
    "Effusion": "pleural effusion",
    "Pneumonia": "pneumonia",
    "Pneumothorax": "pneumothorax",
}
PRESENT = ("There is {}.", "{} is present.", "Findings of {}.", "Moderate {} is seen.")
ABSENT = ("There is no {}.", "No {}.", "No evidence of {}.", "No {} is seen.")
CLASSES = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1, help="of the phantoms; not 7")
    parser.add_argument("--model", default="cogaze-tiny")
    parser.add_argument("--weights", nargs="*", default=["random", "card"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CXRBENCH_CACHE"] = f"{folder}/cache"
        _measure(Path(folder), arguments)


def _measure(folder: Path, arguments: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    sources = _sources(folder, arguments.patients, arguments.seed)
    table = Table(title=f"{arguments.model} on phantoms of seed {arguments.seed}, in %")
    table.add_column("what")
    columns: list[dict[str, float]] = []
    for weights in arguments.weights:
        table.add_column(f"{weights} weights", justify="right")
        columns.append(_numbers(arguments.model, weights, sources))
    for name in columns[0]:
        table.add_row(name, *(f"{100 * column[name]:.1f}" for column in columns))
    Console().print(table)


def _sources(folder: Path, patients: int, seed: int) -> dict[str, Any]:
    """The test splits of three phantoms."""
    from cxrbench.explain.source import open_source
    from cxrbench.registry import Registry, load_entry

    datasets = Registry.discover().datasets
    made = {}
    for name in ("nih", "mimic-5x200", "egd"):
        card = datasets.get(name).card
        load_entry(card.phantom)(folder / name, patients=patients, seed=seed, size=128)
        made[name] = open_source(card, "test", {name: folder / name}, demo=False)
    return made


def _numbers(model: str, weights: str, sources: dict[str, Any]) -> dict[str, float]:
    found = {}
    nih = _subject(model, weights, sources["nih"])
    found |= {f"zero-shot AUROC {name}": value for name, value in _zero_shot(nih).items()}
    found["zero-shot AUROC, mean"] = sum(found.values()) / len(found)
    found["retrieval P@1"] = _retrieval(_subject(model, weights, sources["mimic-5x200"]))
    gaze = _gaze(_subject(model, weights, sources["egd"]))
    return found | {f"{name}, sentences": value for name, value in gaze.items()}


def _subject(model: str, weights: str, source: Any) -> Any:
    from cxrbench.building import build
    from cxrbench.explain.subject import Subject
    from cxrbench.registry import Registry
    from cxrbench.weights.choice import resolve

    card = Registry.discover().model(model).card
    chosen = resolve(card, None if weights == "card" else weights, fetch=False)
    encoder, report = build(card, chosen, seed=0)
    return Subject(card, weights, encoder, chosen, report, source, images=0, seed=0, device="cpu")


def _zero_shot(subject: Any) -> dict[str, float]:
    """AUROC of each finding: how much nearer an image is to its presence than to its absence."""
    import torch
    from sklearn.metrics import roc_auc_score

    split, labels = subject.source.shown, subject.source.data.labels
    vectors = _image_vectors(subject, split)
    scores = {}
    with torch.inference_mode():
        for finding, words in FINDINGS.items():
            present, absent = (
                _mean_vector(subject, [form.format(words).capitalize() for form in forms])
                for forms in (PRESENT, ABSENT)
            )
            truth = split.labels[:, labels.index(finding)]
            scores[finding] = float(roc_auc_score(truth, vectors @ (present - absent)))
    return scores


def _retrieval(subject: Any) -> float:
    """Share of images whose nearest report is of their class; a class has as many as another."""
    import numpy as np
    import torch

    split = subject.source.shown
    truth = split.labels.argmax(axis=1)
    images = _image_vectors(subject, split)
    with torch.inference_mode():
        texts = subject.encoder.project_text(
            subject.encoder.encode_text([sample.report.findings for sample in split.samples])
        ).numpy()
    nearest = (images @ texts.T).argmax(axis=1)
    return float(np.mean(truth[nearest] == truth))


def _gaze(subject: Any) -> dict[str, float]:
    from cxrbench.explain import gaze

    numbers = gaze.draw(subject).numbers["sentences"]["mean"]
    return {name: numbers[name] for name in ("gaze-cc", "gaze-auc-judd")}


def _image_vectors(subject: Any, split: Any) -> Any:
    import torch

    parts = []
    with torch.inference_mode():
        for _, batch in subject.batches(split.samples, "images"):
            features = subject.encoder.encode_image(batch)
            parts.append(subject.encoder.project_image(features))
    return torch.cat(parts).numpy()


def _mean_vector(subject: Any, texts: list[str]) -> Any:
    from torch.nn import functional as F

    projected = subject.encoder.project_text(subject.encoder.encode_text(texts))
    return F.normalize(projected.mean(dim=0), dim=-1).numpy()


if __name__ == "__main__":
    main()
