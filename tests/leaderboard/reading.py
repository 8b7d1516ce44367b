"""Reading the pages back."""

from __future__ import annotations

import re


def rows_of(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table in Markdown below a heading."""
    lines = text.split(heading, 1)[1].lstrip("\n").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table.append([part.strip() for part in re.split(r"(?<!\\)\|", line)[1:-1]])
    return table
