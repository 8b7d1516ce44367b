"""What BenchX segmented with: every published row can be run as it was."""

from __future__ import annotations

import pytest
from cxrbench_tasks.phantoms import rsna, siim, tbx11k

from cxrbench.execution.plan import make_plan
from cxrbench.execution.request import Request
from cxrbench.execution.suite import chosen_parts, find_suite, read_suite
from cxrbench.registry import Registry
from cxrbench.results.store import Store

PHANTOMS = {"rsna": rsna, "siim": siim, "tbx11k": tbx11k}


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Plans a part of a suite under benchx@1 on small phantoms, with random weights."""
    folder, registry = tmp_path_factory.mktemp("phantoms"), Registry.discover()
    for name, module in PHANTOMS.items():
        module.write(folder / name, patients=40, size=32)

    def plan(suite, title):
        parts = chosen_parts(read_suite(find_suite(suite)), registry)
        (part,) = [p for p in parts if p.title == title]
        kept = [t for t in part.tasks if registry.tasks.get(t).card.dataset.name in PHANTOMS]
        request = Request(
            models=tuple(part.models), tasks=tuple(kept), protocols=("benchx@1",),
            weights={"*": "random"}, roots={name: folder / name for name in PHANTOMS},
        )  # fmt: skip
        return make_plan(request, registry, Store(folder / "runs"))

    return plan


@pytest.mark.parametrize(
    ("suite", "title", "models", "tasks"),
    [("paper", "Table 5, rows from BenchX", 8, {"rsna-seg", "tbx11k-seg"}),
     ("benchx", "Segmentation", 11, {"rsna-seg", "siim-seg", "tbx11k-seg"})],
)  # fmt: skip
def test_each_row_is_run_under_the_settings_of_benchx(planned, suite, title, models, tasks):
    runs = planned(suite, title)
    assert {run.spec.task for run in runs} == tasks
    assert len(runs) == models * len(tasks)
    assert {run.spec.model: run.reason for run in runs if run.state != "to run"} == {}
    assert all(run.spec.recipe["preprocessing"]["size"] == [512, 512] for run in runs)
