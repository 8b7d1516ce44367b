"""A record that may be sent: of a built-in model on official lists, with numbers that could be."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np

from cxrbench.execution.recipes import known
from cxrbench.metrics import get_metric
from cxrbench.registry import Registry
from cxrbench.results.record import Record
from cxrbench.results.submission import Known

TASK, MODEL, PROTOCOL = "nih-100pct", "pixel-stats", "linear-probe@1"
ONE_LABEL = "rsna-100pct"


@cache
def registry() -> Registry:
    return Registry.discover()


def know(record: Record) -> Known:
    return known(record, registry())


@cache
def _fields(of: str) -> str:
    """The fields of the record of a task, as JSON; made once."""
    task = registry().tasks.get(of).card
    lists = task.splits
    hashes = dict(zip(lists, ("a" * 64, "b" * 64, "c" * 64), strict=True))
    fields: dict[str, Any] = {
        "schema_version": 1,
        "run_id": "",
        "kind": "measured",
        "status": "ok",
        "spec": {
            "model": MODEL,
            "encoder": "",
            "weights": {"source": "none"},
            "task": of,
            "task_version": task.version,
            "data": {**{f"{name}_ids": digest for name, digest in hashes.items()},
                     "labels": "d" * 64, "told": "e" * 64, "images": "f" * 64},
            "protocol": PROTOCOL,
            "recipe": {},
            "seed": 0,
            "precision": "32",
            "micro_batch": None,
            "limit": None,
        },
        "task_type": task.type,
        "main_metric": task.main_metric,
        "dataset": {
            "name": task.dataset.name,
            "title": task.dataset.title,
            "release": task.dataset.release,
            "layout": "Data_Entry_2017_v2020.csv, images",
            "kind": "real",
            "splits": {
                name: {"sha256": hashes[name], "n": card.n, "patients": card.patients or card.n,
                       "official": True, "positives": card.positives or {task.labels[0]: 7}}
                for name, card in lists.items()
            },
            "leaks": {"test in train": 3},
            "missing": 1,
        },
        "weights": {"source": "none", "sha256": {}, "matched": 0, "total": 0, "by_order": False,
                    "phantom": False},
        "context_used": False,
        "overlaps": [],
        "selection": {"split": "val", "metric": "auroc-macro", "value": 0.7, "epoch": 3,
                      "hyperparameters": {"C": 0.1, "solver": "lbfgs"}},
        "artifacts": {"predictions-test": {"path": "predictions-test.parquet",
                                           "sha256": "9" * 64, "restricted": False}},
        "provenance": {
            "created": "2026-01-02T03:04:05+00:00",
            "scored": "2026-01-03T03:04:05+00:00",
            "argv": ["run", "--data-root", "nih=…/nih"],
            "versions": {"python": "3.11.7", "torch": "2.6.0+cu124", "cxrbench": "0.1.0"},
            "git": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False},
            "plugin": {"distribution": "cxrbench", "version": "0.1.0"},
            "platform": "Linux x86_64",
            "gpu": "NVIDIA H100 80GB HBM3",
        },
        "timings": {"fit": 1.5},
        "peak_memory": {"cuda:0": 123456789},
        "warnings": ["weights were matched by order and shape: their names differ"],
        "error": None,
    }  # fmt: skip
    cards = know(Record.model_validate(fields))
    fields["spec"] |= {"recipe": cards.recipe, "encoder": cards.encoder}
    n = lists["test"].n
    metrics = {metric: _metric(metric, task.labels, n) for metric in cards.recipe["metrics"]}
    women = {metric: facts | {"n": n // 2} for metric, facts in metrics.items()}
    fields["metrics"], fields["floors"] = metrics, dict.fromkeys(metrics, 0.1)
    fields["subgroups"] = {"sex F": women}
    fields["subgroup_floors"] = {"sex F": dict.fromkeys(women, 0.1)}
    fields["conditions"] = {"without context": metrics}
    return json.dumps(fields)


def _metric(name: str, labels: list[str], n: int) -> dict[str, Any]:
    metric = get_metric(name)
    each = np.linspace(0.6, 0.9, len(labels))
    by_label = dict(zip(labels, each.tolist(), strict=True))
    value = float(metric.aggregate(each[None])[0])
    return {
        "value": value,
        "n": n,
        "higher_is_better": metric.higher_is_better,
        "unit": metric.unit,
        "ci95": [value - 0.02, value + 0.02],
        "ci95_per_class": {label: [v - 0.05, v + 0.05] for label, v in by_label.items()},
        "ci_method": "bootstrap-patient-percentile-1000",
        "undefined_replicates": 2,
        "per_class": by_label if metric.averaging == "macro" else None,
        "n_per_class": dict.fromkeys(labels, n),
        "impl": "cxrbench 0.1.0 cxrbench.metrics.auroc",
        "reason": None,
    }


def fields_of(task: str = TASK, **changes: Any) -> dict[str, Any]:
    """The fields, with some replaced: `a__b=value` sets `fields["a"]["b"]`."""
    fields: dict[str, Any] = json.loads(_fields(task))
    for path, value in changes.items():
        *way, last = path.split("__")
        part = fields
        for step in way:
            part = part[step]
        part[last] = value
    return fields


def made(fields: dict[str, Any]) -> Record:
    """The record of fields, with the run id of its spec."""
    found = Record.model_validate(fields)
    return found.model_copy(update={"run_id": found.spec.run_id})


def valid(task: str = TASK, **changes: Any) -> Record:
    """The record; `changes` as of `fields_of`."""
    return made(fields_of(task, **changes))
