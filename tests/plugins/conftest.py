"""Plugins as pip leaves them: folders with a package and its metadata."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "fixtures" / "plugin_pkg"


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> Path:
    """The example plugin, built and installed by pip into a folder of its own."""
    source = tmp_path_factory.mktemp("source") / "plugin"
    shutil.copytree(SOURCE, source)  # the build writes beside what it builds
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def cxrbench(cache) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command in a process of its own, with folders added to its import path."""

    def run(*arguments: object, path: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CXRBENCH_")}
        environment |= {"CXRBENCH_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
        old = os.environ.get("PYTHONPATH", "")
        environment["PYTHONPATH"] = os.pathsep.join(str(p) for p in (path, old) if p)
        code = "from cxrbench.cli.main import run; run()"
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            capture_output=True, text=True, env=environment, cwd=cache,
        )  # fmt: skip

    return run


@pytest.fixture
def distribution(tmp_path, monkeypatch) -> Callable[..., Path]:
    """Makes a distribution on the import path of this process."""

    def make(name: str, *, package: str | None = None, cards: dict[str, bytes | str]) -> Path:
        site = tmp_path / name
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        value = package or name.replace("-", "_")
        (info / "entry_points.txt").write_text(f"[cxrbench.models]\nx = {value}\n")
        if package is None:
            (site / value).mkdir()
            (site / value / "__init__.py").touch()
            for file, content in cards.items():
                data = content if isinstance(content, bytes) else content.encode()
                (site / value / file).write_bytes(data)
        monkeypatch.syspath_prepend(site)
        return site

    return make
