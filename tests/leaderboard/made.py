"""Records and papers for the pages; records are all from the golden one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cxrbench.leaderboard.board import Board
from cxrbench.leaderboard.build import board
from cxrbench.leaderboard.layout import read_layout
from cxrbench.leaderboard.published import Paper
from cxrbench.results.record import Record

GOLDEN = Path(__file__).parents[1] / "golden"
_TEMPLATE = json.loads((GOLDEN / "records" / "v1" / "ok.json").read_text(encoding="utf-8"))
_TEMPLATE["dataset"]["splits"]["test"]["positives"] = {"Hernia": 42, "Mass": 0}


def record(
    model: str = "encoder-a", value: float | None = 0.8, seed: int = 0, **changes: Any
) -> Record:
    """A ranked record. `changes`: fields of the spec (its weights as `spec_weights`), or mappings
    `dataset`, `weights` and `record` of fields beside it.

    The macro AUROC is `value`; the Brier score falls as it rises.
    """
    fields = json.loads(json.dumps(_TEMPLATE))
    for part in ("dataset", "weights"):
        fields[part].update(changes.pop(part, {}))
    fields.update(changes.pop("record", {}))
    fields["spec"]["weights"] = changes.pop("spec_weights", fields["spec"]["weights"])
    fields["spec"].update({"model": model, "seed": seed, **changes})
    auroc, brier = fields["metrics"]["auroc-macro"], fields["metrics"]["brier-macro"]
    auroc["value"] = value
    auroc["ci95"] = None if value is None else [value - 0.02, value + 0.02]
    auroc["per_class"] = {"Hernia": value, "Mass": None}
    auroc["ci95_per_class"] = {"Hernia": auroc["ci95"], "Mass": None}
    brier["value"] = None if value is None else round(0.3 - value / 4, 6)
    found = Record.model_validate(fields)
    return found.model_copy(update={"run_id": found.spec.run_id})


def given(model: str, value: float, letter: str) -> Record:
    """A record of weights given by path, whose digest is 64 times a letter."""
    digest = {"model": letter * 64}
    return record(model, value, weights={"source": "path", "sha256": digest}, spec_weights=digest)


def many() -> list[Record]:
    """What a page has to show: seeds, ties, a gap, other data, protocols, weights and settings."""
    custom = json.loads(json.dumps(_TEMPLATE["dataset"]["splits"]))
    custom["train"].update(official=False, n=700)
    phantom = {"kind": "phantom"}
    return [
        *(record("encoder-a", value, seed) for seed, value in enumerate((0.80, 0.81, 0.82))),
        record("encoder-b", 0.85),
        record("encoder-c", 0.79, record={"overlaps": ["nih"]}),
        record("encoder-d", 0.79),
        *(record("encoder-e", value, seed) for seed, value in enumerate((0.7, None))),
        record("encoder-f", None),
        *(given("encoder-a", value, letter) for value, letter in ((0.74, "b"), (0.76, "c"))),
        record("encoder-b", 0.86, precision="bf16"),
        record("encoder-b", 0.84, micro_batch=4),
        record("encoder-a", 0.9, protocol="cogaze@1"),
        record("encoder-a", 0.88, task="nih-10pct"),
        record("encoder-b", 0.99, dataset={"splits": custom}, data={"train_ids": "custom"}),
        record("encoder-b", 0.98, dataset=phantom, data={"train_ids": "phantom"}),
        record("encoder-b", 0.55, weights={"source": "random", "sha256": {}},
               spec_weights={"source": "random"}),
        record("encoder-b", 0.97, limit=10),
        record("encoder-g", 0.6, dataset={"name": "pipes", "title": "Pipes | and bars"},
               data={"train_ids": "pipes"}),
        record("failed", None, record={"status": "failed"}),
    ]  # fmt: skip


def failed(model: str, seed: int = 0, **changes: Any) -> Record:
    """A record of a run that failed."""
    error = {"type": "RunError", "message": "it broke"}
    fields = {"status": "failed", "metrics": {}, "floors": {}, "error": error}
    found = record(model, None, seed, **changes)
    return Record.model_validate({**found.model_dump(), **fields})


def printed(**changes: Any) -> dict[str, Any]:
    """A printed table with one column."""
    return {
        "table": "3",
        "title": "Classification",
        "family": "classification",
        "origin": "authors",
        "protocol": "cogaze@1",
        "columns": [{"task": "nih-1pct", "metric": "auroc-macro", "printed_as": "AUROC"}],
        "rows": [{"model": "encoder-a", "method": "Encoder A", "values": [80.0]}],
        **changes,
    }


def paper(*tables: dict[str, Any], **changes: Any) -> Paper:
    """A paper; with one printed table where none are given."""
    fields = {"id": "some", "name": "Some", "title": "Some paper", "year": 2026,
              "url": "https://arxiv.org/abs/1", "tables": list(tables) or [printed()]}  # fmt: skip
    return Paper.model_validate({**fields, **changes})


def quoted() -> Paper:
    """What a page has to quote: values with and without sd, other metrics, splits and no metric."""
    nih = {"task": "nih-1pct", "metric": "auroc-macro", "printed_as": "AUROC"}
    ten = {**nih, "task": "nih-10pct"}
    accuracy = {**nih, "metric": "accuracy-elementwise@0.5", "printed_as": "Acc & F1_x"}
    return paper(
        printed(
            columns=[nih, ten, accuracy],
            seeds=3,
            page=7,
            rows=[
                {"model": "encoder-a", "method": "Encoder A", "values": [[88.25, 0.5], 91, 70]},
                {"method": "Other 50 %", "venue": "X'25", "values": [80.5, None, [65, 1.0]]},
            ],
            notes=["A note of the paper."],
        ),
        printed(
            table="A1",
            rows=[{"model": "encoder-a", "method": "Encoder A", "values": [[88.25, 0.5]]}],
        ),
        printed(
            table="Figure 4",
            protocol="strict@1",
            columns=[{**nih, "split": "their own"}],
            rows=[{"model": "encoder-a", "method": "Encoder A", "values": [81.1]},
                  {"model": "encoder-c", "method": "Encoder C", "values": [[70, 0.5]],
                   "origin": "reproduced by the authors"}],
        ),
        printed(
            table="2",
            title="Something untold",
            protocol=None,
            alone=True,
            columns=[{"task": None, "group": "Elsewhere", "metric": None, "printed_as": "F1",
                      "printed": "fraction"}],
            rows=[{"method": "Another", "values": [0.597]}],
        ),
    )  # fmt: skip


def shown(records: list[Record], *papers: Paper, unranked: bool = True) -> Board:
    """The board of records and papers, in the layout that comes with cxrbench."""
    return board(records, papers, read_layout(), unranked=unranked)


def golden() -> Board:
    """What the golden pages are made of."""
    seeds = [record("encoder-h", 0.83, 0), failed("encoder-h", 1)]
    return shown([*many(), *seeds], quoted())
