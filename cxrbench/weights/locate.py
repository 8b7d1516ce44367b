"""Finding and fetching the files a card names."""

from __future__ import annotations

import socket
import urllib.parse
import urllib.request
from importlib.util import find_spec
from pathlib import Path

from cxrbench.cards import WeightsFile
from cxrbench.download import download
from cxrbench.errors import DataError, WeightsError
from cxrbench.paths import cache_dir

TENSOR_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".tar", ".torch")
_TIMEOUT_SECONDS = 5


def is_side_file(entry: WeightsFile) -> bool:
    """Whether the name of the file on the card says that it holds no tensors."""
    return Path(entry.file).suffix not in (*TENSOR_SUFFIXES, "")


def file_names(entry: WeightsFile) -> list[str]:
    """Names under which the file is looked for in a folder, the one to prefer first.

    Tensors may have been converted to safetensors, also beside a file that cannot be read safely.
    Where the card declares a hash, its own file comes first.
    """
    own = Path(entry.file or entry.repo).name
    names = [own, f"{entry.name}{Path(own).suffix}"]
    if is_side_file(entry):
        return names
    converted = f"{Path(own).stem}.safetensors"
    first = [own, converted] if entry.sha256 else [converted, own]
    return [*first, names[1], f"{entry.name}.safetensors"]


def locate(entry: WeightsFile) -> Path | None:
    """The file if it is on this machine already; nothing is downloaded."""
    if entry.source == "hf":
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(entry.repo, entry.file, revision=entry.revision)
        return Path(found) if isinstance(found, str) else None
    if entry.source == "package":
        return _packaged_path(entry)
    paths = (_kept_path(entry).parent / name for name in file_names(entry))
    return next((path for path in paths if path.is_file()), None)


def fetch(entry: WeightsFile) -> Path:
    """Download the file unless it is here already.

    Raises:
        WeightsError: When it has to be got by hand, cannot be reached, or is missing from the
            package it comes with.
    """
    found = locate(entry)
    if found is not None:
        return found
    if entry.source == "package":
        raise WeightsError(
            f"{entry.file} is missing from {entry.repo}",
            why="the package is not installed, or not whole",
            fix=f"install the distribution that has {entry.repo} again, or give --weights PATH",
        )
    if entry.access == "none":
        raise WeightsError(
            f"nobody offers {entry.file or entry.name}",
            why="its authors published no weights",
            fix="give a file of your own with --weights PATH, or say --weights random",
        )
    if entry.source == "manual":
        raise WeightsError(
            f"{entry.file or entry.name} has to be fetched by hand",
            why=f"its owners offer it at {entry.repo or 'an address on the card'} only",
            fix=f"download it and place it at {_kept_path(entry)}, or give --weights PATH",
        )
    if entry.source == "url":
        return _fetch_from_url(entry)
    return _fetch_from_hub(entry)


def _fetch_from_url(entry: WeightsFile) -> Path:
    try:
        return download(entry.repo, _kept_path(entry), sha256=entry.sha256)
    except DataError as error:
        raise WeightsError(error.what, why=error.why, fix=error.fix) from error


def _fetch_from_hub(entry: WeightsFile) -> Path:
    from huggingface_hub import constants, hf_hub_download

    _check_reachable(constants.ENDPOINT, entry)
    try:
        return Path(hf_hub_download(entry.repo, entry.file, revision=entry.revision))
    except Exception as error:  # the hub client raises many kinds: offline, gated, not found
        reason = str(error).strip().splitlines()
        raise WeightsError(
            f"cannot fetch {entry.file} from {entry.repo}",
            why=f"{type(error).__name__}: {reason[0] if reason else 'no reason given'}",
            fix="check the network and your access (`hf auth login`), or give --weights PATH",
        ) from error


def _check_reachable(endpoint: str, entry: WeightsFile) -> None:
    """Fail at once without a network: the hub client would retry for half a minute first."""
    if urllib.request.getproxies():
        return  # only the proxy knows what it reaches
    address = urllib.parse.urlsplit(endpoint)
    try:
        socket.create_connection(
            (address.hostname or "", address.port or 443), _TIMEOUT_SECONDS
        ).close()
    except OSError as error:
        raise WeightsError(
            f"cannot fetch {entry.file} from {entry.repo}",
            why=f"{endpoint} cannot be reached: {error}",
            fix="check the network, or give --weights PATH",
        ) from error


def _packaged_path(entry: WeightsFile) -> Path | None:
    """Where the file lies in an installed package; of its code the parent packages alone run."""
    try:
        found = find_spec(entry.repo)
    except ImportError:
        return None
    folders = found.submodule_search_locations if found else None
    paths = [Path(folder) / entry.file for folder in folders or ()]
    return next((path for path in paths if path.is_file()), None)


def _kept_path(entry: WeightsFile) -> Path:
    return cache_dir() / "weights" / entry.name / Path(entry.file or entry.repo).name
