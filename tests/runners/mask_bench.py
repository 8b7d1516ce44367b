"""The bench for segmentation: a phantom with boxes, and encoders with grids."""

from __future__ import annotations

from pathlib import Path

from bench import Bench
from cxrbench_tasks.phantoms.tbx11k import write

from cxrbench.execution.plan import make_plan
from cxrbench.execution.request import Request
from cxrbench.registry import Registry
from cxrbench.results.store import Store

MASK_PLUGIN = Path(__file__).parent / "mask_plugin"


def mask_phantom(root: Path) -> Path:
    """Write the phantom below `root`."""
    write(root, patients=40, size=48, seed=0)
    return root


class MaskBench(Bench):
    """Plans and runs segmentation on one phantom."""

    def __init__(self, root: Path, runs: Path) -> None:
        self.root = root
        self.store = Store(runs)
        self.registry = Registry.discover([MASK_PLUGIN])

    def plan(self, model, protocol, task="boxes", **asked):
        request = Request(
            models=tuple(model.split(",")),
            tasks=("boxes",),
            protocols=(protocol,),
            roots={"tbx11k": self.root},
            **asked,
        )
        return make_plan(request, self.registry, self.store)
