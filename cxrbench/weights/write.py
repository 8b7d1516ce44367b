"""Writing tensors as safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> list[str]:
    """Write tensors; those that share memory are written each by itself.

    Args:
        path: The file, written over.
        tensors: By name, on any device.

    Returns:
        Names of the tensors that share memory with one before them, such as tied weights.
    """
    seen: set[int] = set()
    shared, own = [], {}
    for name, tensor in tensors.items():
        storage = tensor.untyped_storage()
        place, whole = storage.data_ptr(), storage.nbytes()
        if tensor.numel() and place in seen:
            shared.append(name)
        kept = tensor.detach().cpu().contiguous()
        if kept.data_ptr() == tensor.data_ptr() and (
            place in seen or kept.numel() * kept.element_size() != whole
        ):
            kept = kept.clone()  # neither tied nor a part of a larger tensor
        seen.add(place)
        own[name] = kept
    save_file(own, path, metadata={"format": "pt"})
    return shared
