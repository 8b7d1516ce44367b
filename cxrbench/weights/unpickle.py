"""Unpickling a checkpoint without running code, and saying what a refused one wants.

torch's `weights_only` unpickler builds tensors and plain containers and refuses every other class
or function. What is allowed here on top is never imported either: an empty stand-in takes the
place of a class, so that a checkpoint can be read past the objects beside its tensors.
"""

from __future__ import annotations

import pickle
import pickletools
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from cxrbench.errors import WeightsError
from cxrbench.weights.report import some

# Modules that torch never loads from, whatever is allowed.
_BLOCKED = frozenset({"nt", "os", "posix", "sys"})
# What a file in the format before zip archives names for the tensors themselves.
_OF_TENSORS = re.compile(
    r"torch\.\w*Storage|torch\._utils\._rebuild_\w+|torch\.nn\.parameter\.Parameter|torch\.Size"
    r"|torch\.(device|Tensor|storage\._load_from_bytes)|collections\.(OrderedDict|Counter)"
)
_PICKLES = 4  # of that format, in front of the values: a number, a version, a system, the content


class RefusedError(WeightsError):
    """A pickle that wants more than tensors and plain containers.

    Attributes:
        path: The file.
        wanted: The classes and functions it names, `module.name`; empty where they are not known.
    """

    def __init__(self, path: Path, wanted: Sequence[str]) -> None:
        names = "; ".join(some("classes or functions are no tensors", wanted))
        super().__init__(
            f"{path.name} is refused",
            why="it is a pickle that needs more than tensors to load, so it could run code"
            + (f" ({names})" if names else ""),
            fix=f"see `cxrbench weights convert {path} --out FILE.safetensors`, which lists what "
            "it wants and runs nothing",
        )
        self.path = path
        self.wanted = tuple(wanted)


def unpickle(path: Path, allow: Sequence[str] = ()) -> Any:
    """The content of a torch checkpoint, tensors on the CPU.

    Args:
        path: The file.
        allow: Classes or functions, `module.name`, in whose place stand-ins are made: mappings
            that take whatever the file gives them, and whose state is in their `__dict__`.

    Raises:
        RefusedError: When the file wants more than `allow`, or is too unlike a torch checkpoint.
        RuntimeError, OSError, EOFError, ValueError, KeyError: When it cannot be read.
    """
    stand_ins: list[Callable[..., Any] | tuple[Callable[..., Any], str]]
    stand_ins = [(_stand_in(name), name) for name in allow]
    try:
        with torch.serialization.safe_globals(stand_ins):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise RefusedError(path, [n for n in wanted_globals(path) if n not in allow]) from error
    except (TypeError, AttributeError) as error:  # a state that no stand-in takes
        raise RefusedError(path, []) from error


def wanted_globals(path: Path) -> list[str]:
    """Classes and functions that a checkpoint names beside those of tensors, sorted.

    The pickle is disassembled and not run. Empty where that cannot be done.
    """
    try:
        if zipfile.is_zipfile(path):
            return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError):
        pass  # a newer pickle protocol than torch's own disassembler knows
    return sorted({name for name in _named(path) if not _OF_TENSORS.fullmatch(name)})


def is_blocked(name: str) -> bool:
    """Whether torch refuses it even where it is allowed."""
    return name.rpartition(".")[0] in _BLOCKED


def _named(path: Path) -> set[str]:
    """Every global of the pickles at the start of a file, or of the one in an archive."""
    found: set[str] = set()
    strings: list[str] = []
    try:
        with _stream(path) as stream:
            for _ in range(_PICKLES):
                for code, argument, _ in pickletools.genops(stream):
                    if code.name == "GLOBAL":
                        found.add(str(argument).replace(" ", "."))
                    elif code.name == "STACK_GLOBAL":
                        found.add(".".join(strings[-2:]))
                    elif isinstance(argument, str):
                        strings.append(argument)
    except (OSError, ValueError, EOFError, StopIteration, UnicodeDecodeError, zipfile.BadZipFile):
        pass  # the values begin, or it is no pickle
    return found


def _stream(path: Path) -> Any:
    if not zipfile.is_zipfile(path):
        return path.open("rb")
    archive = zipfile.ZipFile(path)
    content = next((name for name in archive.namelist() if name.endswith("data.pkl")), None)
    if content is None:
        raise ValueError("no data.pkl in the archive")
    return archive.open(content)


def _stand_in(name: str) -> type:
    """A class that makes an empty mapping of any arguments; torch fills it as it would the real."""

    class StandIn:
        def __new__(cls, *_: Any, **__: Any) -> Any:
            # An OrderedDict of its own class takes items and a state alike.
            return object.__new__(cls) if name.startswith("numpy") else OrderedDict()

        def __setstate__(self, state: Any) -> None:
            pass  # of numpy's types, whose state is no mapping

    return StandIn
