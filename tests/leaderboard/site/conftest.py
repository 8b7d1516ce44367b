"""The page of the fixed records, as text, as its parts, and opened in a browser."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

import browser as driver
from made import golden
from page_parts import Parts

from cxrbench.leaderboard.site import PAGE, pages


@pytest.fixture(scope="session")
def text() -> str:
    return pages(golden())[PAGE]


@pytest.fixture(scope="session")
def parts(text: str) -> Parts:
    return Parts(text)


@pytest.fixture(scope="session")
def url(text: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the page lies on the disk."""
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(text, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[driver.Browser]:
    program = driver.find()
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    found = driver.Browser(program, tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture
def page(chromium: driver.Browser, url: str) -> driver.Browser:
    """The page, freshly opened in a wide window by day."""
    chromium.set_width(1280)
    chromium.prefer("light")
    chromium.open(url)
    if chromium.run("try { localStorage.length } catch { 0 }"):
        chromium.run("localStorage.clear()")
        chromium.open(url)
    return chromium
