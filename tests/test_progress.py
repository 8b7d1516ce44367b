"""Progress bars: late, on a terminal only, and never in the way of the items."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cxrbench import progress
from cxrbench.progress import track


@pytest.fixture
def terminal(monkeypatch):
    """A terminal that is remembered, and a clock that goes a second an item."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80)
    monkeypatch.setattr(progress, "stderr", console)
    ticks = iter(range(10_000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(ticks)))
    return file


def test_items_pass_in_order():
    assert list(track([3, 1, 2], "x")) == [3, 1, 2]
    assert list(track(iter("ab"), "x")) == ["a", "b"]
    assert list(track([], "x")) == []


def test_short_work_shows_nothing(terminal):
    assert list(track(range(2), "quick work")) == [0, 1]
    assert "quick work" not in terminal.getvalue()


def test_long_work_shows_a_bar_with_its_total(terminal):
    list(track(range(50), "long work"))
    assert "long work" in terminal.getvalue()
    assert "/50" in terminal.getvalue()


def test_weights_count_instead_of_items(terminal):
    list(track([[1] * 10] * 6, "heavy work", total=60, weigh=len))
    assert "60/60" in terminal.getvalue()


def test_piped_output_stays_empty(monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(progress, "stderr", Console(file=file, force_terminal=False))
    ticks = iter(range(10_000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(ticks)))
    list(track(range(50), "long work"))
    assert file.getvalue() == ""


def test_an_error_passes_and_the_bar_ends(terminal):
    def go():
        for item in track(range(50), "long work"):
            if item == 30:
                raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        go()
    assert terminal.getvalue().endswith("\x1b[?25h") or "\x1b[?25h" in terminal.getvalue()
