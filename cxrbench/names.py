"""Help for names that were typed almost right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], command: str) -> str:
    """One line of advice: close matches of `name`, else the command that lists all names."""
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    return f"see `{command}` for the names"
