"""The bench for report generation: a phantom with reports, and encoders with grids."""

from __future__ import annotations

from pathlib import Path

from bench import Bench
from cxrbench_tasks.phantoms.iu_xray import write

from cxrbench.execution.plan import make_plan
from cxrbench.execution.request import Request
from cxrbench.registry import Registry
from cxrbench.results.store import Store

REPORT_PLUGIN = Path(__file__).parent / "report_plugin"


def report_phantom(root: Path) -> Path:
    """Write the phantom below `root`."""
    write(root, patients=48, size=48, seed=0)
    return root


class ReportBench(Bench):
    """Plans and runs report generation on one phantom."""

    def __init__(self, root: Path, runs: Path) -> None:
        self.root = root
        self.store = Store(runs)
        self.registry = Registry.discover([REPORT_PLUGIN])

    def plan(self, model, protocol, task="findings", **asked):
        request = Request(
            models=tuple(model.split(",")),
            tasks=("findings",),
            protocols=(protocol,),
            roots={"iu-xray": self.root},
            **asked,
        )
        return make_plan(request, self.registry, self.store)
