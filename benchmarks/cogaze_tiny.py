"""What the shipped cogaze-tiny has learnt, against random weights, on phantoms it never saw.

    python benchmarks/cogaze_tiny.py --patients 600 --seed 1

Draws phantoms of another seed than it was trained on (7), and prints zero-shot AUROC of findings
on NIH ChestX-ray14 (without any context; against images without findings, and against all others),
the classes of the reports retrieved for the images of MIMIC-5x200 (P@1, chance is 20 %), and how
well it predicts gaze (EGD-CXR). Random weights: the mean of three seeds. Classification with few
labels: `cxrbench run --task nih-1pct --seeds 3`.
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
SEEDS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1, help="of the phantoms; not 7")
    parser.add_argument("--model", default="cogaze-tiny")
    parser.add_argument("--weights", nargs="*", default=["random", "card"])
    parser.add_argument("--no-context", action="store_true", help="hide the clinical contexts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CXRBENCH_CACHE"] = f"{folder}/cache"
        _measure(Path(folder), arguments)


def _measure(folder: Path, arguments: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    sources = open_sources(folder, arguments.patients, arguments.seed)
    table = Table(title=f"{arguments.model} on phantoms of seed {arguments.seed}, in %")
    table.add_column("what")
    columns: list[dict[str, float]] = []
    for weights in arguments.weights:
        table.add_column(f"{weights} weights", justify="right")
        seeds = range(SEEDS if weights == "random" else 1)
        context = not arguments.no_context
        columns.append(
            _mean([numbers(arguments.model, weights, sources, seed, context) for seed in seeds])
        )
    for name in columns[0]:
        table.add_row(name, *(f"{100 * column[name]:.1f}" for column in columns))
    Console().print(table)


def open_sources(folder: Path, patients: int, seed: int) -> dict[str, Any]:
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


def numbers(
    model: str, weights: str, sources: dict[str, Any], seed: int = 0, context: bool = True
) -> dict[str, float]:
    """All numbers of one set of weights, 0..1.

    Args:
        model: Id.
        weights: `card`, `random`, or a path.
        sources: From `open_sources`.
        seed: Of random weights.
        context: Whether the encoder is told the clinical contexts.
    """

    def subject(source: str) -> Any:
        return _subject(model, weights, sources[source], seed, context)

    found: dict[str, float] = {}
    for against, scores in _zero_shot(subject("nih")).items():
        found |= {f"zero-shot, {name} vs {against}": v for name, v in scores.items()}
        found[f"zero-shot, mean vs {against}"] = sum(scores.values()) / len(scores)
    found["retrieval P@1"] = _retrieval(subject("mimic-5x200"))
    gaze = _gaze(subject("egd"))
    return found | {f"{name}, sentences": value for name, value in gaze.items()}


def _mean(columns: list[dict[str, float]]) -> dict[str, float]:
    return {name: sum(column[name] for column in columns) / len(columns) for name in columns[0]}


def _subject(model: str, weights: str, source: Any, seed: int, context: bool) -> Any:
    from cxrbench.building import build
    from cxrbench.explain.subject import Subject
    from cxrbench.registry import Registry
    from cxrbench.weights.choice import resolve

    card = Registry.discover().model(model).card
    chosen = resolve(card, None if weights == "card" else weights, fetch=False)
    encoder, report = build(card, chosen, seed=seed)
    if not context:
        kept = [capability for capability in card.capabilities if capability != "context"]
        card = card.model_copy(update={"capabilities": kept})
    return Subject(
        card,
        f"{weights}-{seed}",
        encoder,
        chosen,
        report,
        source,
        images=1,
        seed=seed,
        device="cpu",
    )


def _zero_shot(subject: Any) -> dict[str, dict[str, float]]:
    """AUROC of each finding: how much nearer an image is to its presence than to its absence."""
    import torch
    from sklearn.metrics import roc_auc_score

    split, labels = subject.source.shown, subject.source.data.labels
    vectors, free = _image_vectors(subject, split), split.labels.sum(axis=1) == 0
    scores: dict[str, dict[str, float]] = {"no findings": {}, "all others": {}}
    with torch.inference_mode():
        for finding, words in FINDINGS.items():
            present, absent = (
                _mean_vector(subject, [form.format(words).capitalize() for form in forms])
                for forms in (PRESENT, ABSENT)
            )
            truth, score = split.labels[:, labels.index(finding)], vectors @ (present - absent)
            some = (truth == 1) | free
            scores["no findings"][finding] = float(roc_auc_score(truth[some], score[some]))
            scores["all others"][finding] = float(roc_auc_score(truth, score))
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
