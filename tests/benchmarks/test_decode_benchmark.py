"""The benchmark of decoding, in small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "decode.py"


@pytest.mark.slow
@pytest.mark.parametrize("ends", [[], ["--ends"]])
def test_the_tiny_size_runs_to_the_end_with_equal_texts(tmp_path, ends):
    out = tmp_path / "found.json"
    printed = subprocess.run(
        [sys.executable, SCRIPT, "--tiny", "--device=cpu", "--batch=3", "--beams=4",
         "--max-length=20", "--rounds=2", f"--json={out}", *ends],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "equal texts: 3 of 3" in printed and "ratio" in printed
    ours, theirs = json.loads(out.read_text())["rows"]
    assert ours["ids"] == theirs["ids"] and len(ours["seconds"]) == 2
    assert all(row["tokens"] > 0 for row in (ours, theirs))
    assert (max(map(len, ours["ids"])) < 20) == bool(ends)
