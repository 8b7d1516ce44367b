"""From a torch checkpoint to a safetensors file, which needs no trust to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from cxrbench.atomic import atomic_path
from cxrbench.cards import ModelCard, WeightsFile
from cxrbench.errors import BadRequest, WeightsError
from cxrbench.hashing import sha256_file
from cxrbench.registry import load_entry
from cxrbench.weights.locate import is_side_file
from cxrbench.weights.mapping import match_files
from cxrbench.weights.read import is_safetensors, read_content
from cxrbench.weights.unpickle import is_blocked
from cxrbench.weights.write import write_tensors

_MODULE_PARTS = ("_parameters", "_buffers", "_modules")


@dataclass(frozen=True)
class Conversion:
    """What became of a checkpoint.

    Attributes:
        path: The file written.
        sha256: Of the file.
        tensors: How many it holds.
        bytes: Its size.
        wrapper: The key that held the state dict, or empty.
        left_out: What it does not hold: entries that are no tensors, and keys beside the wrapper.
        shared: Tensors that shared memory with another, such as tied weights; each is written.
        fits: How it fits the model that was named, in words, or empty.
    """

    path: Path
    sha256: str
    tensors: int
    bytes: int
    wrapper: str
    left_out: tuple[str, ...]
    shared: tuple[str, ...]
    fits: str = ""


def convert(
    path: Path,
    out: Path,
    *,
    wrapper: str | None = None,
    allow: Sequence[str] = (),
    card: ModelCard | None = None,
) -> Conversion:
    """Write the tensors of a checkpoint as safetensors, under the names they have.

    Args:
        path: A torch checkpoint. No code in it is run.
        out: The new file, `.safetensors`; appears whole or not at all.
        wrapper: Top-level key that holds the state dict. None: the card's, or the only one that
            holds tensors.
        allow: Classes or functions, `module.name`, whose objects are passed over (see `unpickle`).
        card: Model that the tensors have to fit.

    Raises:
        BadRequest: When the files are not of these kinds, `out` exists, or what is never allowed
            is in `allow`.
        WeightsError: When the checkpoint cannot be read safely, or does not fit the card.
    """
    _check_files(path, out)
    _check_allowed(path, allow)
    entry = None if card is None else _entry(card, path)
    content = read_content(path, allow)
    key = wrapper or _wrapper(path, content, entry)
    state = _state(_enter(path, content, key))
    tensors = {str(name): value.detach() for name, value in state.items() if _is_tensor(value)}
    if not tensors:
        raise WeightsError(
            f"no tensors in {path.name}",
            why=f"{f'its key {key}' if key else 'it'} holds {len(state)} entries of other kinds",
            fix="name the key that holds the state dict with --wrapper",
        )
    fits = "" if card is None or entry is None else _fit(card, entry, tensors)
    beside = [str(name) for name in content if name != key] if key else []
    left_out = [f"{name} ({_kind(v)})" for name, v in state.items() if not _is_tensor(v)]
    try:
        with atomic_path(out) as temporary:
            shared = write_tensors(temporary, tensors)
    except (SafetensorError, RuntimeError, ValueError, KeyError, NotImplementedError) as error:
        raise WeightsError(
            f"cannot write {out.name}",
            why=str(error).strip().splitlines()[0],
            fix="sparse and quantised tensors have no place in safetensors: make them dense first",
        ) from error
    return Conversion(
        out, sha256_file(out), len(tensors), out.stat().st_size, key or "",
        (*left_out, *beside), tuple(shared), fits,
    )  # fmt: skip


def _check_files(path: Path, out: Path) -> None:
    problem = None
    if path.suffix == ".safetensors" or is_safetensors(path):
        problem = f"{path} is safetensors already", "use it as it is"
    elif out.suffix != ".safetensors":
        problem = f"{out} does not end in .safetensors", "say --out FILE.safetensors"
    elif out.exists():
        problem = f"{out} exists", "delete it, or choose another name with --out"
    if problem is not None:
        why, fix = problem
        raise BadRequest(f"cannot convert {path.name}", why=why, fix=fix)


def _check_allowed(path: Path, allow: Sequence[str]) -> None:
    blocked = [name for name in allow if is_blocked(name)]
    if blocked:
        raise BadRequest(
            f"cannot convert {path.name}",
            why=f"{', '.join(blocked)} reaches the system and is never allowed",
            fix="leave it out of --allow; do not use a file that wants it",
        )


def _entry(card: ModelCard, path: Path) -> WeightsFile:
    """The card's file that a checkpoint stands for: of its name, or the first with tensors."""
    files = [file for file in card.weights if not is_side_file(file)]
    if not files:
        raise BadRequest(
            f"cannot convert {path.name} for {card.id}",
            why="its card lists no checkpoint",
            fix="leave --model out",
        )
    return next((file for file in files if Path(file.file).name == path.name), files[0])


def _wrapper(path: Path, content: Any, entry: WeightsFile | None) -> str | None:
    """The key that holds the state dict; None where the content itself is one."""
    if not isinstance(content, Mapping) or _is_module(content):
        return None
    holding = {str(key): sum(map(_is_tensor, _state(value).values()))
               for key, value in content.items()}  # fmt: skip
    named = [key for key in (entry.wrapper if entry else ()) if holding.get(key)]
    if named:
        return named[0]
    if any(_is_tensor(value) for value in content.values()):
        return None
    keys = [key for key, count in holding.items() if count]
    if len(keys) == 1:
        return keys[0]
    found = ", ".join(f"{key} ({holding[key]} tensors)" for key in keys)
    raise WeightsError(
        f"cannot tell where the state dict of {path.name} is",
        why=f"tensors are in {found}" if keys else f"no tensor below its keys {list(content)[:5]}",
        fix="say --wrapper KEY",
    )


def _enter(path: Path, content: Any, key: str | None) -> Any:
    if key is None:
        return content
    if not isinstance(content, Mapping) or key not in content:
        keys = ", ".join(map(str, list(content)[:8])) if isinstance(content, Mapping) else "none"
        raise WeightsError(
            f"{path.name} has no key {key}",
            why=f"its keys are {keys}",
            fix="say --wrapper with one of them, or leave it out",
        )
    return content[key]


def _state(content: Any) -> Mapping[Any, Any]:
    """A state dict as it is; of a whole module that was pickled, what its `state_dict` would be."""
    if _is_module(content):
        return _module_state(vars(content))
    return content if isinstance(content, Mapping) else {}


def _is_module(content: Any) -> bool:
    """Whether a stand-in has what every torch module has."""
    return set(_MODULE_PARTS) <= set(getattr(content, "__dict__", ()))


def _module_state(parts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    passing = parts.get("_non_persistent_buffers_set", ())
    own = {**parts["_parameters"], **parts["_buffers"]}
    state = {prefix + name: value for name, value in own.items() if value is not None}
    state = {name: v for name, v in state.items() if name.removeprefix(prefix) not in passing}
    for name, child in parts["_modules"].items():
        if _is_module(child):
            state |= _module_state(vars(child), f"{prefix}{name}.")
    return state


def _fit(card: ModelCard, entry: WeightsFile, tensors: Mapping[str, Tensor]) -> str:
    """How tensors fit the part of the encoder that a file of the card fills."""
    with torch.device("meta"):
        encoder = load_entry(card.entry)(card)
    wanted = encoder.state_dict() if isinstance(encoder, nn.Module) else {}
    match, rest = match_files(card, wanted, [(entry, tensors)]), ""
    others = sum(not is_side_file(file) for file in card.weights) - 1
    if match.missing and others and match.tensors:
        match.missing, rest = [], f"; {others} other file(s) of the card fill the rest"
    if match.problems:
        raise WeightsError(
            f"the checkpoint does not fit {card.id}",
            why="; ".join(match.problems),
            fix="give the checkpoint that the card describes, or leave --model out",
        )
    return f"{len(match.tensors)} of the {len(wanted)} tensors of {card.id}{rest}"


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


def _kind(value: Any) -> str:
    return "an object" if isinstance(value, Mapping) else type(value).__name__
