"""What stands behind the numbers of the page: one dialog each, with shared parts kept once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cxrbench.leaderboard.board import MARKS, Cell, Column, Figure, Row
from cxrbench.leaderboard.headings import metric_heading
from cxrbench.leaderboard.site.sections import sections
from cxrbench.leaderboard.tables import MISSING, RARE
from cxrbench.leaderboard.units import number, scale
from cxrbench.results.record import Record

_DIGITS = 2


@dataclass
class Behind:
    """Collects the dialogs while tables are laid out.

    Attributes:
        runs: The records, by run id.
        figures: Those drawn of them.
    """

    runs: Mapping[str, Record]
    figures: Sequence[Figure] = ()
    _ids: dict[tuple[Any, ...], str] = field(default_factory=dict)
    _cells: dict[str, dict[str, Any]] = field(default_factory=dict)
    _groups: dict[tuple[str, ...], int] = field(default_factory=dict)
    _told: list[dict[str, Any]] = field(default_factory=list)
    _parts: dict[str, int] = field(default_factory=dict)

    def add(self, row: Row, column: Column, cell: Cell, floor: Cell | None = None) -> str:
        """Add the dialog of a cell, once; returns its id, empty where no run stands behind it."""
        if not cell.run_ids or column.metric is None:
            return ""
        key = (cell.run_ids, column.metric)
        if key not in self._ids:
            self._ids[key] = f"c{len(self._ids) + 1}"
            self._cells[self._ids[key]] = {
                "runs": self._runs(row, column, cell.run_ids),
                "metric": column.metric,
                "value": f"{metric_heading(column)}: {_value(column, cell)}",
                "facts": _facts(column, cell, floor, self.runs[cell.run_ids[0]]),
            }
        return self._ids[key]

    def payload(self) -> dict[str, Any]:
        """All dialogs, for the script of the page.

        Returns:
            `cells` by id, each with the place of its runs in `runs`; these with the places of what
            is told of them in `sections`.
        """
        sections = [json.loads(text) for text in self._parts]
        return {"cells": self._cells, "runs": self._told, "sections": sections}

    def _runs(self, row: Row, column: Column, run_ids: tuple[str, ...]) -> int:
        """The place of what is told of runs, whatever the metric."""
        if run_ids not in self._groups:
            self._groups[run_ids] = len(self._told)
            records = [self.runs[run_id] for run_id in run_ids]
            figures = [figure for figure in self.figures if set(figure.run_ids) & set(run_ids)]
            parts = sections(records, figures)
            texts = [json.dumps(part, sort_keys=True) for part in parts]
            where = f"{column.task}, {column.protocol}: {records[0].dataset.title}"
            self._told.append({
                "title": row.name,
                "where": where,
                "link": run_ids[0],
                "sections": [self._parts.setdefault(text, len(self._parts)) for text in texts],
            })  # fmt: skip
        return self._groups[run_ids]


def _value(column: Column, cell: Cell) -> str:
    """`81.20 ± 0.31 % over 3 seeds`."""
    if cell.value is None:
        return "failed" if cell.failed else "undefined"
    sd = "" if cell.sd is None else f" ± {number(cell.sd, column.unit, _DIGITS)}"
    unit = " %" if scale(column.unit) != 1 else ""
    of = f" of {cell.expected}" if cell.expected != cell.n else ""
    seeds = "seed" if (cell.expected or 1) == 1 else "seeds"
    return f"{number(cell.value, column.unit, _DIGITS)}{sd}{unit} over {cell.n}{of} {seeds}"


def _facts(column: Column, cell: Cell, floor: Cell | None, record: Record) -> list[list[str]]:
    """What is told of this one number, above what is told of its runs."""
    facts = [["Rank", _rank(cell, record)], ["95 % interval", _interval(column, cell, record)]]
    if floor is not None and floor.value is not None:
        facts.append(["Floor", number(floor.value, column.unit, _DIGITS)])
    for reference in cell.references:
        shown = number(reference.value, column.unit, _DIGITS)
        if reference.sd is not None:
            shown += f" ± {number(reference.sd, column.unit, _DIGITS)}"
        facts.append(["Published", f"{shown}, {reference.source}"])
    facts += [[mark, MARKS[mark]] for mark in cell.marks]
    if cell.notes:
        facts.append(["Notes", "; ".join(cell.notes)])
    return [[name, value] for name, value in facts if value]


def _rank(cell: Cell, record: Record) -> str:
    if record.unranked_because:
        return f"not ranked: {', '.join(record.unranked_because)}"
    return "" if cell.rank is None else f"{cell.rank} of {cell.rivals}"


def _interval(column: Column, cell: Cell, record: Record) -> str:
    if cell.ci95 is None:
        facts = record.metrics.get(column.metric or "")
        rare = facts is not None and facts.undefined_replicates
        return "" if cell.value is None else RARE if rare else MISSING
    low, high = (number(bound, column.unit, _DIGITS) for bound in cell.ci95)
    seed = f" of seed {cell.seeds[0].seed}" if cell.seeds else ""
    return f"{low} to {high} (bootstrap over the patients of the test predictions{seed})"
