"""Runs whose data or weights are not on this machine."""

from __future__ import annotations

import pytest
from bench import Bench

from cxrbench.cards import WeightsFile
from cxrbench.errors import BadRequest, MissingDataError, MissingWeightsError
from cxrbench.execution.plan import make_plan, survey
from cxrbench.execution.request import Request
from cxrbench.weights import choice


@pytest.fixture
def needing(bench):
    """A bench whose model `trunk` wants a gated file, and `small` an open one."""
    for name, access in (("trunk", "gated"), ("small", "open")):
        (entry,) = bench.registry.models.offers[name]
        file = WeightsFile(name="model", source="hf", repo="nobody/none",
                           file="absent.safetensors", access=access)  # fmt: skip
        entry.card.weights.append(file)
    return bench


def request(roots, *models, **more):
    return Request(models, ("tiny",), protocols=("linear-probe@1",), roots=roots, **more)


def test_all_that_is_missing_is_surveyed(needing):
    asked = request({"nih": needing.root}, "frozen", "trunk", "small", seeds=(0, 1), fetch=False)
    found = survey([asked], needing.registry, needing.store)
    assert [run.spec.model for run in found.runs] == ["frozen"] * 2
    assert [(run.model, run.seed) for run in found.missing] == [
        ("trunk", 0), ("trunk", 1), ("small", 0), ("small", 1),
    ]  # fmt: skip
    assert {run.lacking for run in found.missing} == {"weights of trunk", "weights of small"}
    assert "cxrbench weights fetch trunk" in found.missing[0].reason


def test_nothing_is_fetched_while_something_else_is_missing(needing, monkeypatch):
    fetched = []

    def fetch(entry):
        fetched.append(entry)
        raise BadRequest("no network", why="none", fix="bring one")

    monkeypatch.setattr(choice, "fetch_file", fetch)
    roots = {"nih": needing.root}
    found = survey([request(roots, "trunk", "small")], needing.registry, needing.store)
    assert ([run.model for run in found.missing], fetched) == (["trunk"], [])
    found = survey([request({}, "small")], needing.registry, needing.store)
    assert ([run.lacking for run in found.missing], fetched) == (["data of nih"], [])
    found = survey([request(roots, "small")], needing.registry, needing.store)
    assert ([run.lacking for run in found.missing], len(fetched)) == (["weights of small"], 1)


def test_a_single_thing_is_refused_as_it_is_and_several_together(needing):
    with pytest.raises(MissingWeightsError, match="weights of trunk are not on this machine"):
        make_plan(request({"nih": needing.root}, "trunk"), needing.registry, needing.store)
    with pytest.raises(MissingDataError, match="nih is not on this machine"):
        make_plan(request({}, "frozen"), needing.registry, needing.store)
    with pytest.raises(BadRequest) as caught:
        make_plan(request({}, "frozen", "trunk"), needing.registry, needing.store)
    told = caught.value
    assert told.exit_code == 2
    assert told.what == "1 data set and weights of 1 model are not on this machine"
    assert told.why == "data of nih; weights of trunk"
    for words in ("--data-root", "weights fetch", "--task", "--model", "--plan"):
        assert words in told.fix


def test_what_does_not_apply_needs_no_weights(bench):
    (entry,) = bench.registry.models.offers["text-only"]
    entry.card.weights.append(WeightsFile(name="model", source="manual", access="gated"))
    asked = request({"nih": bench.root}, "text-only")
    found = survey([asked], bench.registry, bench.store)
    assert ([run.state for run in found.runs], found.missing) == (["not applicable"], [])


def test_data_that_is_wrong_is_refused_at_once(tmp_path):
    wrong = Bench(tmp_path, tmp_path / "runs")
    with pytest.raises(BadRequest) as caught:
        survey([request({"nih": tmp_path}, "frozen")], wrong.registry, wrong.store)
    assert not isinstance(caught.value, MissingDataError)
