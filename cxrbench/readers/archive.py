"""The archives that AllenNLP writes: settings, vocabulary and weights in one `.tar.gz`."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from cxrbench.errors import WeightsError

WEIGHTS = "weights.pt"
_NAMES = {"config.json": "config.json", "weights.th": WEIGHTS}


@contextmanager
def unpacked(archive: Path, *, weights: bool = True) -> Iterator[Path]:
    """A folder with what is of use of an archive, for as long as the block runs.

    It has `config.json`, `weights.pt` (`weights.th` there) and `vocabulary/*.txt`. Members are
    written under these names whatever their paths are, and nothing else is taken out.

    Args:
        archive: The file.
        weights: Whether the weights, which are large, are wanted.

    Raises:
        WeightsError: When it is no such archive, or not whole.
    """
    with TemporaryDirectory(prefix="cxrbench-") as name:
        folder = Path(name)
        (folder / "vocabulary").mkdir()
        try:
            with tarfile.open(archive) as packed:
                for member in packed:
                    target = _target(PurePosixPath(member.name))
                    if not weights and target == WEIGHTS:
                        continue
                    content = packed.extractfile(member) if target and member.isfile() else None
                    if target and content:
                        with content, (folder / target).open("wb") as stream:
                            shutil.copyfileobj(content, stream)
        except (tarfile.TarError, OSError, EOFError) as error:
            raise _wrong(archive, str(error)) from error
        wanted = [*_NAMES.values()] if weights else ["config.json"]
        missing = [name for name in wanted if not (folder / name).is_file()]
        if missing:
            raise _wrong(archive, f"it has no {' and no '.join(missing)}")
        yield folder


def settings(folder: Path) -> dict[str, Any]:
    """The content of `config.json`.

    Raises:
        WeightsError: When it is no JSON object.
    """
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise _wrong(folder / "config.json", str(error)) from error
    if not isinstance(found, dict):
        raise _wrong(folder / "config.json", "it is no JSON object")
    return found


def vocabulary(folder: Path, kind: str) -> tuple[str, ...]:
    """The entries of the one vocabulary of a kind, such as `ner_labels`, in their order.

    Its file is called `<data set>__<kind>.txt`; an entry a line, of which the first may be empty.

    Raises:
        WeightsError: When there is none, or more than one.
    """
    files = sorted((folder / "vocabulary").glob(f"*__{kind}.txt"))
    if len(files) != 1:
        raise _wrong(folder, f"it has {len(files)} vocabularies of {kind}, and not one")
    lines = files[0].read_text(encoding="utf-8").split("\n")
    return tuple(lines[:-1] if lines[-1] == "" else lines)


def _target(path: PurePosixPath) -> str | None:
    if path.name in _NAMES:
        return _NAMES[path.name]
    if path.parent.name == "vocabulary" and path.suffix == ".txt":
        return f"vocabulary/{path.name}"
    return None


def _wrong(path: Path, why: str) -> WeightsError:
    return WeightsError(
        f"{path.name} is no archive of a DyGIE++ model",
        why=why.strip().splitlines()[0][:200] if why.strip() else "no reason given",
        fix="fetch it again, complete",
    )
