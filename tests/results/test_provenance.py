"""Where a number comes from, without where somebody lives."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrbench.results import provenance
from cxrbench.results.provenance import collect, redact


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("run", "run"),
        ("--limit", "--limit"),
        ("timm/vit_small,timm/resnet10t", "timm/vit_small,timm/resnet10t"),
        ("auroc=0.5", "auroc=0.5"),
        ("/home/jane/data/nih", "…/nih"),
        ("/home/jane doe/my data/nih", "…/nih"),
        ("nih=/home/jane/nih", "nih=…/nih"),
        ("--data-root=nih=/home/jane/nih", "--data-root=nih=…/nih"),
        ("~/jane/weights.pt", "…/weights.pt"),
        ("~jane/weights.pt", "…/weights.pt"),
        ("~jane", "…"),
        ("~", "…"),
        ("../jane/nih", "…/nih"),
        ("./runs", "…/runs"),
        ("..", "…"),
        ("/", "…"),
        ("C:\\Users\\jane\\nih", "…/nih"),
    ],
)
def test_folders_are_cut_and_names_are_not(argument, shown):
    assert redact([argument]) == [shown]


def test_the_home_folder_is_not_told(monkeypatch, tmp_path):
    home = tmp_path / "jane"
    monkeypatch.setenv("HOME", str(home))
    assert redact([str(home), f"nih={home}", f"{home}/nih"]) == ["…", "nih=…", "…/nih"]


def test_the_command_is_redacted(monkeypatch, tmp_path):
    monkeypatch.setattr(provenance.sys, "argv", ["cxrbench", "run", "--runs", str(tmp_path)])
    found = collect({"distribution": "cxrbench"}, "")
    assert found.argv == ["run", "--runs", f"…/{tmp_path.name}"]
    assert str(Path.home()) not in found.model_dump_json()
    assert {"python", "torch", "numpy", "cxrbench"} <= set(found.versions)
    assert found.created.endswith("+00:00")
