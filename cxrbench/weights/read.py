"""Reading a checkpoint without running any code in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from cxrbench.errors import WeightsError
from cxrbench.weights.unpickle import unpickle


def read_tensors(path: Path, wrapper: Sequence[str] = ()) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, on the CPU.

    Args:
        path: A safetensors file, or a torch checkpoint that `weights_only=True` can read.
        wrapper: Top-level keys that may hold the state dict; the first one present is entered.

    Raises:
        WeightsError: When the file cannot be read safely or holds no tensors.
    """
    if path.suffix == ".safetensors" or is_safetensors(path):
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise _unreadable(path, str(error)) from error
    content = read_content(path)
    for key in wrapper:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping):
        raise _unreadable(path, f"expected a mapping, found {type(content).__name__}")
    tensors = {str(k): v.detach() for k, v in content.items() if isinstance(v, Tensor)}
    if not tensors:
        keys = ", ".join(map(str, list(content)[:5]))
        raise _unreadable(path, f"no tensor at its top level (keys: {keys})")
    return tensors


def is_safetensors(path: Path) -> bool:
    """Whether the content is safetensors: the size of a JSON header, then the header."""
    try:
        with path.open("rb") as stream:
            start = stream.read(9)
        room = path.stat().st_size - 8
    except OSError:
        return False
    return start[8:] == b"{" and int.from_bytes(start[:8], "little") <= room


def read_content(path: Path, allow: Sequence[str] = ()) -> Any:
    """Everything that a torch checkpoint holds; see `unpickle`.

    Raises:
        WeightsError: When the file cannot be read safely.
    """
    try:
        return unpickle(path, allow)
    except (RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, reason: str) -> WeightsError:
    first_line = reason.strip().splitlines()[0] if reason.strip() else "no reason given"
    return WeightsError(
        f"cannot read the checkpoint {path.name}",
        why=f"{path}: {first_line[:200]}",
        fix="check that the download is complete and is a checkpoint of this model",
    )
