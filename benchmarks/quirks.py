"""What each quirk of the published codes does to a number, measured on phantoms.

    python benchmarks/quirks.py            # all of them; prints Markdown tables
    python benchmarks/quirks.py dice boxes # some

Each experiment runs the same model on the same phantoms with one switch of the recipe turned, or
reads two definitions of a metric off one record. Records are kept in the folder given with
`--runs`, so that a second call computes nothing again. Effects on phantoms say in which direction
a number moves and that it moves; how far it moves on radiographs depends on them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cxrbench.cards import merge
from cxrbench.data.open import open_task
from cxrbench.data.regions import Box, draw
from cxrbench.execution.local import run_one
from cxrbench.execution.plan import make_plan
from cxrbench.execution.request import Request
from cxrbench.registry import Registry
from cxrbench.results.record import Record
from cxrbench.results.store import Store
from cxrbench.runners.base import Machine

MODEL = "cogaze-tiny"
SEEDS = (0, 1, 2)
Line = tuple[str, ...]
"""What is looked at, the number one way, the number the other way."""


class Bench:
    """Runs one model on the phantom of a task, with some settings of the recipe changed."""

    def __init__(self, runs: Path) -> None:
        self.registry, self.store = Registry.discover(), Store(runs)

    def run(self, task: str, protocol: str, seed: int = 0, **changes: Any) -> Record:
        """The record of one run.

        Raises:
            RuntimeError: When it cannot be run, or failed.
        """
        model = changes.pop("model", MODEL)
        weights = {model: "random"} if model.startswith("timm/") else {}
        asked = Request(
            models=(model,), tasks=(task,), protocols=(protocol,), seeds=(seed,), demo=True,
            weights=weights,
        )  # fmt: skip
        (planned,) = make_plan(asked, self.registry, self.store)
        if "lookup" in changes:
            data = open_task(planned.task, {}, demo=True, lookup=changes["lookup"])
            planned = replace(planned, data=data)
        recipe = planned.runner.recipe(merge(planned.spec.recipe, changes))
        spec = planned.spec.model_copy(update={"recipe": recipe, "data": planned.data.fingerprint})
        spec = type(spec).model_validate(spec.model_dump())  # forgets the run id it had
        found = self.store.get(spec.run_id)
        record = found or run_one(replace(planned, spec=spec, record=None), self.store, CPU)
        if record.status != "ok":
            raise RuntimeError(f"{record.run_id}: {record.error}")
        return record

    def mean(self, metric: str, task: str, protocol: str, **changes: Any) -> float:
        """Mean over the seeds of one metric."""
        records = [self.run(task, protocol, seed, **changes) for seed in SEEDS]
        return float(np.mean([value_of(record.metrics, metric) for record in records]))


CPU = Machine("cpu")


def value_of(metrics: Mapping[str, Any], name: str) -> float:
    """A metric as a number; NaN where it is undefined."""
    value = metrics[name].value
    return float("nan") if value is None else float(value)


def percent(value: float | None) -> str:
    """A fraction as pages print it."""
    return "–" if value is None else f"{100 * value:.1f}"


def f1(bench: Bench) -> Iterator[Line]:
    """Accuracy printed as F1; thresholds chosen on the test labels."""
    names = ["auroc-macro", "f1-binary@0.5", "accuracy-top1", "f1-binary@val-threshold",
             "f1-binary@best-on-test"]  # fmt: skip
    record = bench.run("rsna-100pct", "linear-probe@1", metrics=names)
    for first, second in (
        ("f1-binary@0.5", "accuracy-top1"),
        ("f1-binary@val-threshold", "f1-binary@best-on-test"),
    ):
        values = (percent(record.metrics[name].value) for name in (first, second))
        yield (f"{first} / {second}", *values)
    floors = (percent(record.floors[name]) for name in ("f1-binary@0.5", "accuracy-top1"))
    yield ("their floors (all present / majority)", *floors)


def selection(bench: Bench) -> Iterator[Line]:
    """The epoch chosen on the validation split, or on the test split."""
    for task in ("shenzhen-100pct", "siim-10pct"):
        ways = [
            bench.mean("auroc-macro", task, "strict@1", select={"split": split})
            for split in ("val", "test")
        ]
        yield (f"{task}, test AUROC, mean of three seeds", *map(percent, ways))


def lookup(bench: Bench) -> Iterator[Line]:
    """SIIM images looked up by whole names, or by the index alone."""
    for task in ("siim-10pct", "siim-100pct"):
        ways = [bench.run(task, "cogaze@1", lookup=how) for how in ("id", "index")]
        yield (f"{task}, test AUROC", *(percent(r.metrics["auroc-macro"].value) for r in ways))
        leaks = (str(sum(r.dataset.leaks.values())) for r in ways)
        yield (f"{task}, test images that are images of train or val", *leaks)


def boxes(bench: Bench) -> Iterator[Line]:
    """RSNA boxes as drawn, or with their lower right corner taken for their size."""
    card = bench.registry.tasks.get("rsna-seg").card
    areas, dices = [], []
    for sample in open_task(card, {}, demo=True).splits["test"].samples:
        if not sample.regions or sample.shape is None:
            continue
        true = draw(sample.regions, *sample.shape)
        wrong = draw([_corners(box) for box in sample.regions if isinstance(box, Box)],
                     *sample.shape)  # fmt: skip
        areas.append(wrong.sum() / true.sum())
        dices.append(2 * (true & wrong).sum() / (true.sum() + wrong.sum()))
    yield ("area of a positive mask against the true one, mean", "1.0", f"{np.mean(areas):.1f}")
    yield ("Dice of that mask with the true one, mean", "100.0", percent(float(np.mean(dices))))


def _corners(box: Box) -> Box:
    return Box(box.x, box.y, box.x + box.width, box.y + box.height)


def dice(bench: Bench) -> Iterator[Line]:
    """Four definitions of Dice: of a model, and of never predicting anything."""
    names = ("dice-image-positives", "dice-pooled-fg", "dice-image-empty1", "mdice-pooled-with-bg")
    for task in ("rsna-seg", "tbx11k-seg"):
        record = bench.run(task, "frozen@1")
        for name in names:
            yield (f"{task}, {name}",
                   percent(record.metrics[name].value), percent(record.floors[name]))  # fmt: skip


def normalisation(bench: Bench) -> Iterator[Line]:
    """The encoder's own mean and deviation, or one for every model."""
    native = bench.registry.model(MODEL).card.preprocessing
    if native is None:
        raise RuntimeError(f"the card of {MODEL} has no preprocessing")
    other = {**native.model_dump(mode="json"), "mean": [0.4978] * 3, "std": [0.2449] * 3}
    for task in ("nih-100pct", "rsna-100pct"):
        ways = [bench.run(task, "linear-probe@1", preprocessing=how) for how in ("native", other)]
        yield (f"{task}, linear probe, test AUROC",
               *(percent(r.metrics["auroc-macro"].value) for r in ways))  # fmt: skip


def cosine(bench: Bench) -> Iterator[Line]:
    """A cosine schedule that ends, or one that climbs again."""
    short = {"epochs": 60, "early_stop": None, "validate_every": 5, "first_validation": 5,
             "source_size": 64, "batch_size": 32, "optimizer": {"name": "adam", "lr": 1e-4},
             "preprocessing": {"size": [64, 64]}}  # fmt: skip
    ways = [
        bench.mean("auroc-macro", "rsna-100pct", "benchx@1", model="timm/resnet10t", **short,
                   schedule={"name": name, "warmup_steps": 5, "total_steps": 90})
        for name in ("cosine", "unclamped-cosine")
    ]  # fmt: skip
    yield ("rsna-100pct, test AUROC, mean of three seeds", *map(percent, ways))


def retrieval(bench: Bench) -> Iterator[Line]:
    """One gallery, or batches of it; the own report in it, or not; Hit or Recall."""
    whole = bench.run("mimic-5x200", "strict@1")
    size = whole.dataset.splits["test"].n
    for batch in (50, 10):
        small = bench.run("mimic-5x200", "strict@1", gallery="batch", gallery_size=batch)
        for name in ("i2t-precision@1", "i2t-hit@5", "i2t-recall@5"):
            ways = (percent(r.metrics[name].value) for r in (whole, small))
            yield (f"{name}, all {size} reports / batches of {batch}", *ways)
    for name in ("i2t-precision@1", "i2t-precision@5"):
        ways = (percent(whole.metrics[name + end].value) for end in ("", "-no-own"))
        yield (f"{name}, own report in the gallery / left out", *ways)
    ways = (percent(whole.metrics[name].value) for name in ("i2t-hit@5", "i2t-recall@5"))
    yield ("what is called R@5: i2t-hit@5 / i2t-recall@5", *ways)


def zero_shot(bench: Bench) -> Iterator[Line]:
    """Clinical context, wording of the prompts, and the threshold that is best on the test."""
    for task in ("rsna-zeroshot", "siim-zeroshot"):
        record = bench.run(task, "strict@1")
        own = record.metrics["auroc-macro"].value
        for name, metrics in record.conditions.items():
            if "context" in name:
                yield (f"{task}, AUROC, context / {name}", percent(own),
                       percent(metrics["auroc-macro"].value))  # fmt: skip
        single = [value_of(metrics, "auroc-macro")
                  for name, metrics in record.conditions.items() if "prompt" in name]  # fmt: skip
        yield (f"{task}, AUROC of single prompts, worst / best of {len(single)}",
               percent(min(single)), percent(max(single)))  # fmt: skip
        flattered = bench.run(task, "strict@1", metrics=["f1-binary@0.5", "f1-binary@best-on-test"])
        yield (f"{task}, F1 at equality / at the threshold that is best on the test",
               *(percent(m.value) for m in flattered.metrics.values()))  # fmt: skip


EXPERIMENTS: dict[str, Callable[[Bench], Iterator[Line]]] = {
    function.__name__: function
    for function in (
        f1, selection, lookup, boxes, dice, normalisation, cosine, retrieval, zero_shot
    )
}  # fmt: skip


def main() -> None:
    """Run the experiments asked for and print a table for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("experiments", nargs="*", choices=[[], *EXPERIMENTS], default=[])
    parser.add_argument("--runs", type=Path, default=Path("runs-quirks"))
    asked = parser.parse_args()
    bench = Bench(asked.runs)
    for name in asked.experiments or EXPERIMENTS:
        experiment = EXPERIMENTS[name]
        print(f"\n### {name}: {(experiment.__doc__ or '').splitlines()[0]}\n")
        print("| what | one way | the other |\n|---|---|---|")
        for line in experiment(bench):
            print("| " + " | ".join(line) + " |", flush=True)


if __name__ == "__main__":
    main()
