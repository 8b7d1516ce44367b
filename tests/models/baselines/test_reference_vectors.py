"""The reference vectors of every encoder, whole checkpoints of the published size."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrbench.registry import Registry
from cxrbench.testing.reference import check_reference

FOLDERS = sorted(
    path.parent for path in (Path(__file__).parents[2] / "golden").glob("*/golden.npz")
)


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_array_agrees_with_the_reference(folder):
    report = check_reference(Registry.discover([]).model(folder.name).card, folder)
    assert report.ok
    assert [result.name for result in report.results if result.status != "ok"] == []
