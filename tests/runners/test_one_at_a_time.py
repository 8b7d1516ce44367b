"""An encoder that pools over padding, as released: no batch and no cache decides its numbers."""

from __future__ import annotations

import numpy as np
import pytest
from bench import Bench
from cxrbench_tasks.phantoms import mimic_5x200, rsna

from cxrbench.execution.plan import make_plan
from cxrbench.execution.request import Request
from cxrbench.registry import Registry
from cxrbench.results.predictions import read_predictions
from cxrbench.results.store import Store
from cxrbench.runners.base import Machine
from cxrbench.training.features import Extractor

REGISTRY = Registry.discover()
PATIENTS = 60


class ReleasedBench(Bench):
    """Runs the packaged encoder as released."""

    def __init__(self, roots, runs):
        self.roots, self.store, self.registry = roots, Store(runs), REGISTRY

    def plan(self, model, protocol, task, **asked):
        request = Request(
            models=(model,), tasks=(task,), protocols=(protocol,), roots=self.roots, **asked
        )
        return make_plan(request, self.registry, self.store)

    def values(self, task, batch_size, **asked):
        """The numbers of all predictions of one run, by name."""
        machine = Machine("cpu", batch_size)
        record = self.run("cogaze-tiny", "cogaze@1", machine, task, batch_size=batch_size, **asked)
        folder, found = self.store.run_folder(record.run_id), {}
        for name, artifact in record.artifacts.items():
            if name.startswith("predictions-"):
                kept = read_predictions(folder / artifact.path)
                found[name] = kept.values if hasattr(kept, "values") else kept.scores
        return record.run_id, found


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    found = tmp_path_factory.mktemp("released")
    rsna.write(found / "rsna", patients=PATIENTS, size=48)
    mimic_5x200.write(found / "mimic-5x200", patients=PATIENTS, size=48)
    return {name: found / name for name in ("rsna", "mimic-5x200")}


@pytest.mark.parametrize("task", ["rsna-zeroshot", "mimic-5x200"])
def test_neither_batch_nor_earlier_runs_change_a_prediction(roots, tmp_path, monkeypatch, task):
    def fresh(name):
        monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / f"{name}-cache"))
        return ReleasedBench(roots, tmp_path / name)

    run_id, alone = fresh("alone").values(task, 1)
    others = {"together": fresh("together").values(task, 4)}
    again = fresh("again")
    again.values(task, 4, limit=3)
    others["after a limited run"] = again.values(task, 4)
    for name, (other_id, found) in others.items():
        assert other_id == run_id
        assert list(found) == list(alone) and len(alone) == 2, "with and without context"
        for which, values in found.items():
            np.testing.assert_array_equal(values, alone[which], err_msg=f"{name}, {which}")


def test_it_would_depend_on_the_batch_otherwise(roots, tmp_path, monkeypatch):
    """Else the test above would test nothing."""
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    original = Extractor._batch
    sizes, vectors = [], []

    def batch(self, split, positions, compute):
        sizes.append(len(positions))
        one = original(self, split, positions[:1], compute)
        together = original(self, split, [*positions, *range(len(split))], compute)[:1]
        vectors.append((self.context, float(np.abs(one - together).max())))
        return original(self, split, positions, compute)

    monkeypatch.setattr(Extractor, "_batch", batch)
    ReleasedBench(roots, tmp_path / "runs").values("mimic-5x200", 4, limit=6)
    assert set(sizes) == {1}
    assert max(d for context, d in vectors if context) > 1e-3
    assert max(d for context, d in vectors if not context) < 1e-4
