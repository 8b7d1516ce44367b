"""Plugin folders."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CARD = """\
id: {id}
family: fake
title: Fake
entry: {package}.encoder:Fake
status: no-weights
capabilities: [image]
"""


@pytest.fixture(autouse=True)
def _import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what plugin folders add to the import path."""
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def package(tmp_path: Path) -> Callable[..., Path]:
    """Makes a package with a card for each id."""

    def make(where: str, *ids: str) -> Path:
        folder = tmp_path / where
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text('raise RuntimeError("listing must not import this")\n')
        for name in ids:
            text = CARD.format(id=name, package=folder.name)
            (folder / f"{name}.yaml").write_text(text)
        return folder

    return make
