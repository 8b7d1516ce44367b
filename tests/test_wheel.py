"""The wheel holds every file of the tree that belongs in it, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "cxrbench": "cxrbench",
    "models": "cxrbench_models",
    "tasks": "cxrbench_tasks",
    "configs/pretrain": "cxrbench_recipes",
    "configs/reports": "cxrbench_report_recipes",
    "configs/suites": "cxrbench_suites",
}
JUNK = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy, since a build writes beside its sources."""
    source = tmp_path_factory.mktemp("source")
    for folder in PACKAGES:
        shutil.copytree(ROOT / folder, source / folder, ignore=JUNK)
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--wheel-dir", str(out)]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def held(wheel) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_the_files_are_those_of_the_tree(held):
    expected = {}
    for folder, package in PACKAGES.items():
        for path in (ROOT / folder).rglob("*"):
            inside = path.relative_to(ROOT / folder)
            hidden = any(part.startswith(".") or part == "__pycache__" for part in inside.parts)
            if path.is_file() and not hidden:
                expected[f"{package}/{inside.as_posix()}"] = path.read_bytes()
    found = {name for name in held if ".dist-info/" not in name}
    assert found == set(expected)
    assert {name for name in found if held[name] != expected[name]} == set()


def test_what_the_command_needs_is_in_it(held):
    for name in ("cxrbench/py.typed", "cxrbench_models/timm.yaml", "cxrbench_tasks/nih.yaml",
                 "cxrbench_tasks/protocols/strict.yaml", "cxrbench_models/py.typed",
                 "cxrbench_recipes/cogaze.yaml", "cxrbench_suites/quick.yaml"):  # fmt: skip
        assert name in held
    assert any(name.endswith(".yaml.tmpl") for name in held)


def test_metadata_names_the_command_the_plugins_and_the_licence(held):
    (points,) = [held[n].decode() for n in held if n.endswith("entry_points.txt")]
    assert "cxrbench = cxrbench.cli.main:run" in points
    for group in ("models", "tasks", "protocols", "runners", "recipes", "report_recipes", "suites"):
        assert f"[cxrbench.{group}]" in points
    assert any(name.endswith("licenses/LICENSE") for name in held)
    assert not any("tests" in name.split("/")[0] for name in held)
