"""The benchmark of CheXbert, in small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "chexbert.py"


@pytest.mark.slow
def test_the_tiny_size_runs_to_the_end_with_equal_labels(tmp_path):
    out = tmp_path / "found.json"
    command = [sys.executable, SCRIPT, "--tiny", "--device=cpu", "--reports=12", f"--json={out}"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "times as fast" in printed
    found = json.loads(out.read_text())
    assert found["same_labels"]
    assert found["reports"] == 12
    assert found["ratio"] > 0
