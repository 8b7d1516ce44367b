"""Records for the pages, all from the golden one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
