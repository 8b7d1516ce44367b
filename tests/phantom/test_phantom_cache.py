"""The cache of phantom roots: written once, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from cxrbench.phantom import cache
from cxrbench.phantom.cache import cached

KEY = {"seed": 0, "patients": 20}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path))
    return tmp_path / "phantom"


class Writer:
    def __init__(self):
        self.calls = 0

    def __call__(self, root):
        self.calls += 1
        (root / "a.txt").write_text("whole")


def test_a_second_call_does_not_write():
    write = Writer()
    first, second = (cached("toy", write, KEY) for _ in range(2))
    assert first == second
    assert (first / "a.txt").read_text() == "whole"
    assert write.calls == 1


def test_the_root_depends_on_kind_key_and_version(monkeypatch):
    roots = {cached("toy", Writer(), KEY), cached("toy", Writer(), {**KEY, "seed": 1})}
    roots.add(cached("other", Writer(), KEY))
    monkeypatch.setattr(cache, "PHANTOM_VERSION", cache.PHANTOM_VERSION + 1)
    roots.add(cached("toy", Writer(), KEY))
    assert len(roots) == 4


def test_a_failed_write_leaves_nothing_and_can_be_repeated(home):
    def fail(root):
        (root / "half.txt").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cached("toy", fail, KEY)
    assert [p for p in home.iterdir() if p.is_dir()] == []
    assert (cached("toy", Writer(), KEY) / "a.txt").exists()


def test_a_killed_write_is_neither_used_nor_kept(home):
    code = (
        "import os\n"
        "from cxrbench.phantom.cache import cached\n"
        "def die(root):\n"
        "    (root / 'half.txt').write_text('half')\n"
        "    os._exit(9)\n"
        f"cached('toy', die, {KEY!r})\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert any(home.rglob("half.txt"))
    root = cached("toy", Writer(), KEY)
    assert [p.name for p in root.iterdir()] == ["a.txt"]
    assert not any(home.rglob("half.txt"))


def test_two_at_once_write_once():
    write, started, roots = Writer(), threading.Event(), []

    def slow(root):
        started.set()
        release.wait(5)
        write(root)

    release = threading.Event()
    threads = [
        threading.Thread(target=lambda: roots.append(cached("toy", slow, KEY))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    assert started.wait(5)
    release.set()
    for thread in threads:
        thread.join(10)
    assert write.calls == 1
    assert len(roots) == 2
    assert roots[0] == roots[1]
