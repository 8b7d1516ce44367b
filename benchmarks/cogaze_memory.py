"""The most memory that a piece of work takes."""

from __future__ import annotations

import ctypes
import gc
import re
from pathlib import Path

import torch

_PROCESS = Path("/proc/self")


class PeakMemory:
    """Highest memory since `reset`.

    On a GPU it is what tensors take. On a CPU it is the resident set of the whole process, which
    Linux alone can count anew; memory that freed tensors left behind is handed back before.

    Attributes:
        what: In words.
    """

    def __init__(self, device: str) -> None:
        """Of tensors on `device`, `cpu` or `cuda`."""
        self._on_gpu = device == "cuda"
        self.what = "memory of tensors" if self._on_gpu else "resident set of the process"
        gc.freeze()  # what is there by now stays, and need not be looked at each time

    def reset(self) -> None:
        """Forget what was."""
        gc.collect()
        if self._on_gpu:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        elif (_PROCESS / "clear_refs").exists():
            trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
            if trim is not None:
                trim(0)
            (_PROCESS / "clear_refs").write_text("5")  # the peak alone, see proc(5)

    def read(self) -> int | None:
        """Bytes; None where the system does not tell."""
        if self._on_gpu:
            return torch.cuda.max_memory_allocated()
        if not (_PROCESS / "clear_refs").exists():
            return None
        found = re.search(r"VmHWM:\s+(\d+) kB", (_PROCESS / "status").read_text())
        return None if found is None else 1024 * int(found[1])
