"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cxrbench import atomic
from cxrbench.atomic import atomic_path, remove_leftovers, write_text

KILLED = """
import os, signal, sys
from pathlib import Path
from cxrbench.atomic import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half of the n")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_content_is_there_and_nothing_else(tmp_path):
    write_text(tmp_path / "a" / "b.txt", "é\r\nx\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "é\r\nx\n".encode()
    assert names(tmp_path / "a") == ["b.txt"]
    assert (tmp_path / "a" / "b.txt").stat().st_mode & 0o777 == 0o644


def test_until_the_block_ends_a_reader_sees_the_old_file(tmp_path):
    target = tmp_path / "x"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
        assert temporary.parent == tmp_path
    assert target.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_whatever_is_raised_the_old_file_stays_alone(tmp_path, error):
    target = tmp_path / "x"
    target.write_text("old")
    with pytest.raises(error), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize("old", ["old", None])
def test_a_kill_leaves_the_old_file_and_a_leftover_no_glob_sees(tmp_path, old):
    target = tmp_path / "x.json"
    if old is not None:
        target.write_text(old)
    done = subprocess.run([sys.executable, "-c", KILLED, str(target)], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (target.read_text() if target.exists() else None) == old
    (leftover,) = set(names(tmp_path)) - {"x.json"}
    assert leftover.startswith(".")
    assert not leftover.endswith(".json")
    (tmp_path / ".keep").touch()
    remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted({".keep"} | ({"x.json"} if old else set()))


def test_a_full_disk_on_writing_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "x"
    target.write_text("old")

    def full(self, *args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_text(target, "new")
    assert target.read_text() == "old"
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failure_at_the_last_moment_leaves_the_old_file(tmp_path, monkeypatch, call):
    target = tmp_path / "x"
    target.write_text("old")

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((atomic.os, "fsync") if call == "fsync" else (Path, "replace")), full)
    with pytest.raises(OSError, match="No space left"):
        write_text(target, "new")
    assert target.read_text() == "old"
    assert names(tmp_path) == ["x"]


def test_the_content_is_on_the_disk_before_it_is_renamed(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(atomic.os, "fsync", lambda f: (order.append("sync"), fsync(f))[1])
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (order.append("rename"), replace(self, to))[1]
    )
    write_text(tmp_path / "x", "new")
    assert order == ["sync", "rename", "sync"]  # the last one is the folder's
