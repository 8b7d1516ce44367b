"""The kinds of figures there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import cast

from cxrbench.errors import BadRequest, UnknownNameError
from cxrbench.figures.scope import Scope
from cxrbench.figures.sheet import Sheet
from cxrbench.names import did_you_mean

KINDS = {
    "bars": "metrics by model, for each data set",
    "retrieval": "precision and hits among the first K",
    "efficiency": "the main metric by number of training images",
    "roc": "ROC curves with bands",
    "pr": "precision-recall curves with bands",
    "calibration": "reliability diagrams with counts",
    "dots": "the main metric of all tasks",
    "ranks": "places over all tasks",
    "radar": "the main metric of all tasks around a circle",
}
"""Each is a module of this package with a function `sheets`."""
ON_REQUEST = {"radar"}
_ELSEWHERE = "tsne"


def sheets_of(kind: str, scope: Scope) -> Iterator[Sheet]:
    """The figures of a kind that can be drawn."""
    found = import_module(f"cxrbench.figures.{kind}").sheets
    return cast(Callable[[Scope], Iterator[Sheet]], found)(scope)


def parse_kinds(asked: Sequence[str]) -> tuple[str, ...]:
    """The kinds asked for, in their own order; all but those on request where none is.

    Raises:
        UnknownNameError: When there is no such kind.
        BadRequest: When it is drawn by another command.
    """
    for name in asked:
        if name == _ELSEWHERE:
            raise BadRequest(
                "t-SNE is not drawn from records",
                why="records and predictions hold no features",
                fix="cxrbench explain --model MODEL --task TASK --only tsne --out DIR",
            )
        if name not in KINDS:
            raise UnknownNameError(
                f"unknown kind of figure: {name}",
                why=f"there are {', '.join(KINDS)}",
                fix=did_you_mean(name, KINDS, "cxrbench figures --help"),
            )
    return tuple(name for name in KINDS if name in asked or (not asked and name not in ON_REQUEST))
