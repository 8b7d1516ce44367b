"""Every classification task under every protocol that its card allows, on small phantoms."""

from __future__ import annotations

import json
from importlib import import_module

import pytest

from cxrbench.cards import TaskCard
from cxrbench.errors import BadRequest
from cxrbench.execution import plan as planning
from cxrbench.execution.plan import left_out, make_plan, plan_all
from cxrbench.execution.request import Request
from cxrbench.registry import Registry
from cxrbench.results.store import Store

REGISTRY = Registry.discover()
DATA = ("covidx", "nih", "rsna", "shenzhen", "siim", "vindr")
TASKS = {
    name: REGISTRY.tasks.get(name).card for name in REGISTRY.tasks.match(["*pct"])
}  # fmt: skip
MODELS = ("timm/test_resnet", "mgca-vit", "gloria-benchx", "pixel-stats")


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms")
    for name in DATA:
        write = import_module(f"cxrbench_tasks.phantoms.{name}").write
        write(folder / name, patients=40, size=32)
    return {name: folder / name for name in DATA}


def request(roots, protocols, tasks=("*pct",), models=MODELS):
    weights = {} if models == ("pixel-stats",) else {"*": "random"}
    return Request(models=models, tasks=tasks, protocols=protocols, roots=roots, weights=weights)


@pytest.mark.parametrize("protocol", ["strict@1", "linear-probe@1", "cogaze@1", "benchx@1"])
def test_every_pair_plans(roots, tmp_path, protocol):
    asked = request(roots, (protocol,))
    planned = make_plan(asked, REGISTRY, Store(tmp_path))
    expected = {name for name, card in TASKS.items() if protocol in card.protocols}
    assert {p.spec.task for p in planned} == expected
    assert len(planned) == len(expected) * len(MODELS)
    assert len({p.spec.run_id for p in planned}) == len(planned)
    for p in planned:
        whole = p.spec.model == "pixel-stats" and protocol != "linear-probe@1"
        assert (p.state == "not applicable") == whole, p.reason
        single = len(p.task.labels) == 1
        assert ("f1-binary@0.5" in p.spec.recipe["metrics"]) == single
    out = [line for line in left_out(asked, REGISTRY) if f" under {protocol}: " in line]
    assert {line.split()[0] for line in out} == set(TASKS) - expected


def test_one_task_is_opened_once_for_each_way_of_looking_up(roots, tmp_path, monkeypatch):
    opened = []
    original = planning.open_task

    def watch(card: TaskCard, *rest, lookup, **named):
        opened.append((card.id, lookup))
        return original(card, *rest, lookup=lookup, **named)

    monkeypatch.setattr(planning, "open_task", watch)
    make_plan(request(roots, ("*",), ("siim-1pct", "rsna-1pct")), REGISTRY, Store(tmp_path))
    assert sorted(opened) == [("rsna-1pct", "id"), ("siim-1pct", "id"), ("siim-1pct", "index")]


def test_where_nothing_is_left_the_request_is_refused(roots, tmp_path):
    with pytest.raises(BadRequest, match="vindr-100pct cannot be run under cogaze@1") as caught:
        make_plan(request(roots, ("cogaze@1",), ("vindr-*pct",)), REGISTRY, Store(tmp_path))
    assert "strict@1, linear-probe@1, benchx@1" in caught.value.why


def test_a_request_without_a_pair_is_passed_over_while_another_has_one(roots, tmp_path):
    none = request(roots, ("cogaze@1",), ("vindr-*pct",), ("pixel-stats",))
    one = request(roots, ("cogaze@1",), ("siim-1pct",), ("pixel-stats",))
    assert {p.spec.task for p in plan_all([none, one], REGISTRY, Store(tmp_path))} == {"siim-1pct"}
    with pytest.raises(BadRequest, match="cannot be run under cogaze@1"):
        plan_all([none, none], REGISTRY, Store(tmp_path))
    assert left_out(none, REGISTRY)


def test_a_plan_shows_leaks_and_says_what_is_left_out(cli, roots):
    done = cli(
        "run", "--plan", "--no-estimate", "--json", "--model", "pixel-stats",
        "--task", "siim-100pct,vindr-1pct", "--protocol", "cogaze@1,linear-probe@1",
        "--data-root", f"siim={roots['siim']}", "--data-root", f"vindr={roots['vindr']}",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "note: vindr-1pct is left out under cogaze@1" in done.err
    rows = {(r["task"], r["protocol"]): r["leaks"] for r in json.loads(done.out)}
    assert "test in train" in rows.pop(("siim-100pct", "cogaze@1"))
    assert len(rows) == 2
    assert not any(rows.values())
