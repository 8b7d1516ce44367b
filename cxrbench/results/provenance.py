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
_PATH_OPTIONS = (
    "--weights", "--data-root", "--runs", "--out", "--plugin", "--suite", "--reference",
    "--init", "--compare", "--html", "--per-report", "--tokenizer", "--plot", "--pages",
)  # fmt: skip
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

    The values of options that take a path are paths. Elsewhere paths are recognised by how they
    begin (`/`, `~`, `.`, a drive), after a `NAME=` if there is one; names such as
    `timm/vit_small` are left alone. Of a path its last part stays, unless that is the home
    folder's.
    """
    shown = []
    before = ""
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if before in _PATH_OPTIONS:
            shown.append(_redact_value(argument))
        elif option in _PATH_OPTIONS and equals:
            shown.append(f"{option}={_redact_value(value)}")
        else:
            shown.append(_redact_any(argument))
        before = "" if before in _PATH_OPTIONS else argument
    return shown


def _redact_value(value: str) -> str:
    """`PATH` or `NAME=PATH`, in which every path is one, also a relative one."""
    name, equals, path = value.partition("=")
    if equals and not _PATH.match(name):
        return f"{name}={_last_part(path)}"
    return _last_part(value)


def _redact_any(argument: str) -> str:
    if _PATH.match(argument):
        return _last_part(argument)
    name, equals, rest = argument.partition("=")
    return f"{name}={_redact_any(rest)}" if equals else argument


def _last_part(value: str) -> str:
    """The last part of a path, behind … where there is more of it; a mere name as it is."""
    path = Path(value.replace("\\", "/"))
    is_home = value.startswith("~") and len(path.parts) == 1
    if is_home or Path.home() in (path, path.absolute()) or path.name in ("", ".."):
        return "…"
    return value if value == path.name else f"…/{path.name}"


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
