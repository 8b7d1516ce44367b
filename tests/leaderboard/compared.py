"""Comparisons of two models, made up."""

from __future__ import annotations

from typing import Any

from cxrbench.results.comparison import ModelComparison

_FOUND: dict[str, Any] = {
    "first": 0.823, "second": 0.811, "difference": 0.012, "ci95": (0.008, 0.016), "se": 0.002,
    "effect": 0.11, "effect_ci95": (0.08, 0.15), "p": 0.001, "p_bootstrap": 0.001, "p_holm": 0.003,
    "by_seed": [0.011, 0.012, 0.013], "n": 22433, "groups": 2797, "higher_is_better": True,
    "unit": "fraction",
}  # fmt: skip
_SIDE: dict[str, Any] = {"runs": ["r0", "r1", "r2"], "unranked_because": [], "overlaps": []}


def comparison(**changes: Any) -> ModelComparison:
    """A comparison. `changes`: fields of it, of what was found, or mappings of either side."""
    fields: dict[str, Any] = {
        "task": "nih-1pct", "protocol": "strict@1", "metric": "auroc-macro",
        "dataset": "NIH ChestX-ray14", "data": "real", "split": "test", "images": 22433,
        "patients": 2797, "seeds": [0, 1, 2], "replicates": 1000, "draws_seed": 0, "notes": [],
    }  # fmt: skip
    sides = {n: {**_SIDE, "name": d, **changes.pop(n, {})} for n, d in
             (("first", "A"), ("second", "B"))}  # fmt: skip
    own = {name: value for name, value in changes.items() if name in fields}
    found = {name: value for name, value in changes.items() if name not in fields}
    return ModelComparison.model_validate({**fields, **own, **sides, "found": {**_FOUND, **found}})
