"""The label table of the phantom, read without pandas, and ways to change a root."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from cxrbench.cards import TaskCard
from cxrbench.registry import Registry

TABLE = "Data_Entry_2017_v2020.csv"


@pytest.fixture(scope="session")
def nih_card() -> TaskCard:
    return Registry.discover().tasks.get("nih-1pct").card


@pytest.fixture(scope="session")
def truth(nih_root: Path) -> dict[str, list[str]]:
    """Image name to the fields of its row, by position."""
    with (nih_root / TABLE).open(newline="") as file:
        rows = list(csv.reader(file))
    return {row[0]: row for row in rows[1:]}


@pytest.fixture
def edit() -> Callable[[Path, Callable[[list[str]], None]], None]:
    """Change the lines of a text file in place."""

    def change(path: Path, how: Callable[[list[str]], None]) -> None:
        lines = path.read_text().splitlines()
        how(lines)
        path.write_text("\n".join(lines) + "\n")

    return change
