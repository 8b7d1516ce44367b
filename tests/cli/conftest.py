"""Commands on the small phantom."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROBE = ("--model", "pixel-stats", "--task", "nih-1pct", "--protocol", "linear-probe@1")


@pytest.fixture
def probe(nih_root: Path) -> tuple[str, ...]:
    """Options of a run that takes a second."""
    return (*PROBE, "--data-root", f"nih={nih_root}")


@pytest.fixture
def answer(cli: Callable[..., Any]) -> Callable[..., Any]:
    """The JSON a command prints; nothing else may be on stdout."""

    def run(*arguments: object) -> Any:
        done = cli(*arguments, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    return run


@pytest.fixture
def refused(cli: Callable[..., Any]) -> Callable[..., str]:
    """Runs what has to be refused: exit code 2, nothing on stdout, three lines on stderr."""

    def run(*arguments: object) -> str:
        done = cli(*arguments)
        assert (done.code, done.out) == (2, "")
        lines = done.err.splitlines()
        assert [line[:7] for line in lines] == ["error: ", "  why: ", "  do:  "]
        return str(done.err)

    return run
