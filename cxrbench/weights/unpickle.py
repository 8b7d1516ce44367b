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
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import torch

from cxrbench.errors import WeightsError
from cxrbench.weights.report import some

# Packages that no checkpoint has a use for: of some torch loads nothing whatever is allowed, of the
# others everything reaches the system too.
_BLOCKED = frozenset(
    {"commands", "ctypes", "importlib", "multiprocessing", "nt", "os", "popen2", "posix", "pty"}
    | {"runpy", "shutil", "socket", "subprocess", "sys"}
)
_BLOCKED_BUILTINS = frozenset({"__import__", "compile", "eval", "exec", "execfile", "open"})
_UNKNOWN = "?"  # a name that the disassembled pickle does not tell
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
        wanted: The classes and functions, `module.name`, that it names and that were not allowed;
            empty where they are not known.
        named: All that it names beside those of tensors, the allowed ones included.
    """

    def __init__(self, path: Path, named: Sequence[str], allowed: Sequence[str] = ()) -> None:
        wanted = [name for name in named if name not in allowed]
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
        self.named = tuple(named)


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
    except (pickle.UnpicklingError, TypeError, AttributeError) as error:
        # The last two: a state that no stand-in takes.
        raise RefusedError(path, wanted_globals(path), allow) from error


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
    """Whether it reaches the system, or cannot be told: it is refused even where it is allowed."""
    module, _, function = name.rpartition(".")
    if module in ("builtins", "__builtin__"):
        return function in _BLOCKED_BUILTINS
    return _UNKNOWN in name or module.partition(".")[0] in _BLOCKED


def _named(path: Path) -> set[str]:
    """Every global of the pickles at the start of a file, or of those in an archive."""
    found: set[str] = set()
    try:
        for stream in _streams(path):
            with stream:
                _add_globals(stream, found)
    except (OSError, EOFError, zipfile.BadZipFile):
        pass  # no file to look into
    return found


def _streams(path: Path) -> Iterator[IO[bytes]]:
    if not zipfile.is_zipfile(path):
        yield path.open("rb")
        return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith("data.pkl"):
                yield archive.open(name)


def _add_globals(stream: IO[bytes], found: set[str]) -> None:
    try:
        for _ in range(_PICKLES):
            found.update(globals_of(pickletools.genops(stream)))
    except (ValueError, EOFError, StopIteration, UnicodeDecodeError):
        pass  # the values begin, or it is no pickle


def globals_of(operations: Iterable[tuple[pickletools.OpcodeInfo, Any, Any]]) -> Iterator[str]:
    """The globals of one pickle, `module.name`, each as soon as it is met.

    Newer protocols take the two parts from the stack, where an earlier string may have come back
    from the memo; so strings are followed through both, and everything else is None.

    Args:
        operations: What `pickletools.genops` yields.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for code, argument, _ in operations:
        name = code.name
        after: list[Any] = [None] * len(code.stack_after)
        if name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".")
        elif name == "STACK_GLOBAL":
            parts = [None, None, *stack][-2:]
            yield ".".join(part if isinstance(part, str) else _UNKNOWN for part in parts)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if argument is None else int(argument)] = stack[-1] if stack else None
            continue
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            after = [memo.get(int(argument))]
        elif name == "DUP":
            after = stack[-1:] * 2
        elif name == "MARK":
            after = [pickletools.markobject]
        elif "STRING" in name or "UNICODE" in name:
            after = [argument]
        _pop(stack, code)
        stack.extend(after)


def _pop(stack: list[Any], code: pickletools.OpcodeInfo) -> None:
    """Take off the stack what an operation takes."""
    before, mark = code.stack_before, pickletools.markobject
    count = len(before)
    if mark in before:
        count = before.index(mark)
        while stack and stack.pop() is not mark:
            pass
    del stack[len(stack) - min(count, len(stack)) :]


def _stand_in(name: str) -> type:
    """A class that makes an empty mapping of any arguments; torch fills it as it would the real."""

    class StandIn:
        def __new__(cls, *_: Any, **__: Any) -> Any:
            # An OrderedDict of its own class takes items and a state alike.
            return object.__new__(cls) if name.startswith("numpy") else OrderedDict()

        def __setstate__(self, state: Any) -> None:
            pass  # of numpy's types, whose state is no mapping

    return StandIn
