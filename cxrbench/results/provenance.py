"""Where a number comes from: versions, commit, command, machine."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import cache
from importlib import metadata
from pathlib import Path

from cxrbench.results.record import Provenance

_PACKAGES = (
    "cxrbench",
    "torch",
    "torchvision",
    "lightning",
    "transformers",
    "timm",
    "numpy",
    "scipy",
    "scikit-learn",
    "pillow",
    "pandas",
)
_GIT_SECONDS = 5
_PATH = re.compile(r"~|\.{0,2}[/\\]|\.\.?$|[A-Za-z]:[/\\]")


def collect(plugin: dict[str, str], gpu: str) -> Provenance:
    """The provenance of a run that ends now."""
    return Provenance(
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        argv=redact(sys.argv[1:]),
        versions={"python": platform.python_version(), **package_versions()},
        git=git_state(),
        plugin=plugin,
        platform=f"{platform.system()} {platform.machine()}",
        gpu=gpu,
    )


@cache
def package_versions() -> dict[str, str]:
    """Installed versions of the packages that can change a number."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def git_state() -> dict[str, str | bool]:
    """Commit of the clone that cxrbench runs from and whether it has changes; empty elsewhere."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return {}
    commit = _git(folder, "rev-parse", "HEAD")
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {} if commit is None else {"commit": commit, "dirty": bool(status)}


def redact(arguments: Sequence[str]) -> list[str]:
    """Arguments with folders cut from paths: a record may be shared, a home folder may not.

    Paths are recognised by how they begin (`/`, `~`, `.`, a drive), after a `NAME=` if there is
    one; names such as `timm/vit_small` are left alone. Of a path its last part stays, unless that
    is the home folder's.
    """
    return [_redact_one(argument) for argument in arguments]


def _redact_one(argument: str) -> str:
    head, equals, value = argument.rpartition("=")
    if not _PATH.match(value):
        return argument
    path = Path(value.replace("\\", "/"))
    is_home = value.startswith("~") and len(path.parts) == 1
    if is_home or path == Path.home() or path.name in ("", ".."):
        return f"{head}{equals}…"
    return f"{head}{equals}…/{path.name}"


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603  (fixed program, fixed arguments)
            ["git", "-C", str(folder), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
