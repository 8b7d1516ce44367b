"""What this machine offers: its device, its accelerator's name, the memory a run took."""

from __future__ import annotations

import os
import resource
import sys

from cxrbench.errors import BadRequest

_MOST_WORKERS = 8


def choose_device(asked: str) -> str:
    """The torch device to use: `auto` takes the first accelerator there is.

    Raises:
        BadRequest: When the device asked for is not here.
    """
    import torch

    if asked == "auto":
        if torch.cuda.is_available():
            return "cuda:0"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=asked)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise BadRequest(
            f"the device {asked} cannot be used",
            why=str(error).splitlines()[0],
            fix="say --device cpu, or leave it out to use what is there",
        ) from error
    return asked


def default_workers() -> int:
    """Processes for loading training data: none on two cores, where they would only compete."""
    return min(_MOST_WORKERS, max(0, (os.cpu_count() or 1) - 2))


def gpu_name(device: str) -> str:
    """Name of the accelerator; empty on a CPU."""
    if not device.startswith("cuda"):
        return ""
    import torch

    return torch.cuda.get_device_name(torch.device(device))


def peak_memory(device: str) -> dict[str, int]:
    """Peak bytes of this process so far, by `host` and device."""
    scale = 1 if sys.platform == "darwin" else 1024
    found = {"host": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale}
    if device.startswith("cuda"):
        import torch

        found[device] = torch.cuda.max_memory_allocated(torch.device(device))
    return found
