"""Printing: tables for people, JSON for programs, errors in three lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cxrbench.errors import CxrbenchError
from cxrbench.progress import stderr

_PIPED_WIDTH = 160

stdout = Console()
if not stdout.is_terminal:
    stdout = Console(width=_PIPED_WIDTH)


def print_json(value: Any) -> None:
    """Print a JSON value on stdout, as it is."""
    stdout.file.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a plain table; columns whose names start with `>` are aligned right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.lstrip(">"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    stdout.print(table)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names and values in two columns; long values go on in their column."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, escape(value))
    stdout.print(table, highlight=False)


def heading(text: str) -> None:
    """Print a line that something begins with."""
    stdout.print(f"\n{escape(text)}", style="bold", highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print a line on stdout."""
    stdout.print(escape(text), highlight=False, soft_wrap=True)


def note(text: str) -> None:
    """Print a line on stderr, where it does not disturb piped output."""
    stderr.print(escape(text), highlight=False, soft_wrap=True, style="dim")


def print_error(error: CxrbenchError) -> None:
    """Print what, why and what to do on stderr."""
    lines = (
        (f"error: {error.what}", "bold red"),
        (f"  why: {error.why}", ""),
        (f"  do:  {error.fix}", ""),
    )
    for line, style in lines:
        stderr.print(escape(line), style=style, highlight=False, soft_wrap=True)
