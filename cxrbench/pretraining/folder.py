"""The folder of a run: it belongs to one run alone, and a finished one is known by its weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from cxrbench.atomic import remove_leftovers, write_text
from cxrbench.errors import BadRequest, RunBusyError
from cxrbench.hashing import sha256_file
from cxrbench.pretraining.logs import BOARD, EPOCHS, STEPS
from cxrbench.pretraining.plan import Plan
from cxrbench.pretraining.record import RECORD, PretrainingRecord

WEIGHTS = "weights.safetensors"
FIT = "fit"
_RUN, _LOCK = "run.json", ".lock"
_FILES, _FOLDERS = (_RUN, RECORD, WEIGHTS, EPOCHS, STEPS), (FIT, BOARD)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes out of the folder, which is made when it is not there.

    Raises:
        BadRequest: When it holds files and no run of this command.
        RunBusyError: When another process is working in it.
    """
    _check(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / _LOCK, timeout=0):
            yield
    except Timeout as error:
        raise RunBusyError(
            f"{folder.name} is being trained by another process",
            why=f"{folder / _LOCK} is held",
            fix="wait for it, or say another --out",
        ) from error


def claim(plan: Plan, folder: Path, overwrite: bool) -> None:
    """Make sure that what the folder holds is of this run; its caller holds the folder.

    Raises:
        BadRequest: When it is of another one, and `overwrite` does not say to forget that.
    """
    known = _known(folder)
    if known == plan.digest:
        return
    if known is not None:
        if not overwrite:
            raise BadRequest(
                f"{folder} holds another run",
                why="its recipe, settings, weights or data are not those asked for now",
                fix="say another --out, or --overwrite to forget it",
            )
        _forget(folder)
    remove_leftovers(folder)
    content = {"recipe": plan.recipe.id, "digest": plan.digest}
    write_text(folder / _RUN, json.dumps(content) + "\n")


def finished(plan: Plan, folder: Path, overwrite: bool) -> PretrainingRecord | None:
    """The record of the run, if it is finished and its weights are there.

    Weights that are gone are written again, from the best checkpoint; so is the record.

    Args:
        plan: What is done.
        folder: Claimed for it.
        overwrite: Write weights and record again where they are of something else.

    Raises:
        BadRequest: When weights or record are of something else.
    """
    record, weights = folder / RECORD, folder / WEIGHTS
    if not record.exists():
        return None
    try:
        found = PretrainingRecord.model_validate_json(record.read_text("utf-8"))
    except ValueError:
        found = None
    if found is None or found.digest != plan.digest:
        wrong = f"{RECORD} is not the record of this run"
    elif not weights.exists():
        return None
    elif sha256_file(weights) != found.weights.sha256:
        wrong = f"{WEIGHTS} is not the file that {RECORD} tells of"
    else:
        return found
    if not overwrite:
        raise BadRequest(
            f"{folder} was changed after the run",
            why=wrong,
            fix="move that file away, or say --overwrite to write it again",
        )
    return None


def _check(folder: Path) -> None:
    """Refuse a folder that holds other things."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), None)
    if there is not None and not there.is_dir():
        raise BadRequest(
            f"cannot train in {folder}", why=f"{there} is a file", fix="say another --out"
        )
    if not folder.is_dir() or _known(folder) is not None:
        return
    # A run that was killed at once leaves no more than its lock and half of its mark.
    own = (_LOCK, f".{_RUN}.")
    if any(not path.name.startswith(own) for path in folder.iterdir()):
        raise BadRequest(
            f"{folder} holds other files",
            why=f"it is not empty and has no {_RUN} of this command",
            fix="say --out DIR with a new or empty folder",
        )


def _known(folder: Path) -> str | None:
    """The digest of the run that the folder belongs to."""
    try:
        content = json.loads((folder / _RUN).read_text("utf-8"))
        return str(content["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _forget(folder: Path) -> None:
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    for name in _FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
