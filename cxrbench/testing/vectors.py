"""Files of reference numbers, and a record of which of them were looked at."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from cxrbench.errors import DataError


class Vectors:
    """The arrays of one `.npz` file; reading one marks it as known.

    Args:
        path: The file.

    Raises:
        DataError: When it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        try:
            with np.load(path, allow_pickle=False) as file:
                self._arrays: Mapping[str, NDArray[Any]] = {key: file[key] for key in file.files}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
            raise _unreadable(path, error) from error
        self._known: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __getitem__(self, key: str) -> NDArray[Any]:
        """An array.

        Raises:
            DataError: When the file does not have it.
        """
        if key not in self._arrays:
            raise DataError(
                f"the reference {self.name} is incomplete",
                why=f"it has no array {key}",
                fix="give a folder of reference vectors of this model",
            )
        self._known.add(key)
        return self._arrays[key]

    def know(self, keys: Iterable[str]) -> None:
        """Mark arrays, which need not exist, as accounted for."""
        self._known.update(keys)

    def unknown(self) -> list[str]:
        """Arrays that nothing has looked at, in the order of the file."""
        return [key for key in self._arrays if key not in self._known]


def read_manifest(path: Path) -> dict[str, Any]:
    """The JSON mapping that says names and shapes.

    Raises:
        DataError: When it cannot be read or is no mapping.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(content, dict):
        raise _unreadable(path, TypeError(f"expected a mapping, found {type(content).__name__}"))
    return content


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = (str(error).splitlines() or ["no reason given"])[0]
    return DataError(
        f"cannot read the reference {path.name}",
        why=f"{path}: {reason}",
        fix="give a complete folder of reference vectors",
    )
