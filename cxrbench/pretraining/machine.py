"""How a run uses the machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _nothing_known() -> dict[str, int]:
    return {}


@dataclass(frozen=True)
class Machine:
    """What a run is the same run on, whatever it is.

    Device and workers change numbers by rounding alone. With several devices losses and gradients
    of a batch are those of one, up to rounding, except that each device draws its own dropout.

    Attributes:
        device: A torch device, such as `cpu` or `cuda`.
        devices: Processes that train together, each with a device of that kind; they share each
            batch.
        workers: Processes that load data, for each of them.
        gpu: Name of the accelerator, for the record.
        peak_memory: Peak bytes so far, for the record.
    """

    device: str
    devices: int = 1
    workers: int = 0
    gpu: str = ""
    peak_memory: Callable[[], dict[str, int]] = _nothing_known
