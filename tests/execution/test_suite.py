"""Suites: found by name, in parts, and what the command line puts in their place."""

from __future__ import annotations

import pytest

from cxrbench.discovery import installed_suites
from cxrbench.errors import BadRequest, UnknownNameError
from cxrbench.execution.plan import plan_all
from cxrbench.execution.request import Request
from cxrbench.execution.suite import (
    Suite,
    chosen_parts,
    find_suite,
    read_suite,
    unused_weights,
    weights_of,
)
from cxrbench.registry import Registry
from cxrbench.runners.base import get_runner

REGISTRY = Registry.discover()
PARTS = Suite.model_validate(
    {
        "models": ["pixel-stats"],
        "protocols": ["linear-probe@1"],
        "parts": [
            {"tasks": ["nih-*pct"]},
            {"models": ["cogaze", "mgca-*"], "tasks": ["rsna-1pct"], "protocols": ["strict@1"]},
        ],
    }
)


def names(suite=PARTS, **asked):
    return [(p.models, p.tasks, p.protocols) for p in chosen_parts(suite, REGISTRY, **asked)]


@pytest.mark.parametrize("name", sorted(installed_suites()))
def test_every_suite_names_what_there_is(name):
    """All models, tasks and protocols exist, and each task allows what the suite asks of it."""
    suite = read_suite(find_suite(name))
    assert suite.title
    for part in chosen_parts(suite, REGISTRY):
        assert part.models and part.tasks
        for model in part.models:
            REGISTRY.model(model)
        for task in part.tasks:
            card = REGISTRY.tasks.get(task).card
            assert get_runner(card.type)
            for protocol in part.protocols or [card.default_protocol]:
                assert protocol in card.protocols, (task, protocol)
                assert card.type in REGISTRY.protocols.get(protocol).card.recipes


def test_a_part_takes_what_it_lacks_from_the_suite():
    first, second = names()
    assert first == (["pixel-stats"], ["nih-100pct", "nih-10pct", "nih-1pct"], ["linear-probe@1"])
    assert second[0][0] == "cogaze" and "mgca-vit" in second[0]
    assert second[1:] == (["rsna-1pct"], ["strict@1"])


def test_the_command_line_goes_before_every_part():
    found = names(models=["rad-dino"], protocols=["benchx@1"])
    assert [(models, protocols) for models, _, protocols in found] == [
        (["rad-dino"], ["benchx@1"])
    ] * 2


@pytest.mark.parametrize(
    ("tasks", "kept"),
    [(["nih-1pct"], [["nih-1pct"]]), (["*-1pct"], [["nih-1pct"], ["rsna-1pct"]]),
     (["rsna-*"], [["rsna-1pct"]])],
)  # fmt: skip
def test_tasks_are_chosen_among_those_of_the_suite(tasks, kept):
    assert [tasks for _, tasks, _ in names(tasks=tasks)] == kept


@pytest.mark.parametrize("task", ["siim-1pct", "siim-*"])
def test_a_task_of_another_suite(task):
    with pytest.raises(BadRequest, match=task.replace("*", r"\*")):
        names(tasks=[task])


def test_a_model_of_the_suite_stays_in_the_parts_that_name_it():
    found = names(models=["mgca-vit", "cogaze"])
    assert [models for models, _, _ in found] == [["mgca-vit", "cogaze"]]
    assert found[0][1] == ["rsna-1pct"]
    both = names(models=["pixel-stats", "rad-dino", "cogaze"])
    assert [models for models, _, _ in both] == [
        ["pixel-stats", "rad-dino"],
        ["rad-dino", "cogaze"],
    ]


def test_a_model_that_is_in_the_suite_for_other_tasks_alone():
    with pytest.raises(BadRequest, match="no part for cogaze on nih-1pct") as caught:
        names(models=["cogaze"], tasks=["nih-1pct"])
    assert "--model and --task" in caught.value.fix


def test_the_models_of_the_paper_stay_in_their_tables():
    suite = read_suite(find_suite("paper"))
    found = chosen_parts(suite, REGISTRY, models=["moco-v3"])
    assert [(part.tasks, part.models) for part in found] == [(["shenzhen-100pct"], ["moco-v3"])]


def test_the_quick_suite_takes_three_encoders_on_all_parts():
    suite = read_suite(find_suite("quick"))
    three = ["cogaze-tiny", "timm/tinynet_e", "pixel-stats"]
    found = chosen_parts(suite, REGISTRY, models=three)
    assert [part.models for part in found] == [three] * len(suite.parts)


def test_a_part_may_have_its_own_seeds():
    suite = read_suite(find_suite("paper"))
    for part in chosen_parts(suite, REGISTRY):
        assert part.seeds == ([42, 0, 1] if "benchx@1" in part.protocols else [0, 1, 2])


def test_a_suite_is_named_or_a_file(tmp_path):
    assert find_suite("quick").name == "quick.yaml"
    assert find_suite("quick.yaml").parts == ("quick.yaml",)
    assert find_suite(str(tmp_path / "quick")) == tmp_path / "quick"
    with pytest.raises(UnknownNameError, match="quik") as caught:
        find_suite("quik")
    assert "quick" in caught.value.fix


@pytest.mark.parametrize(
    "text",
    ["parts: [{models: [a]}]\n", "models: [a]\n", "tasks: [a]\nseeds: []\n",
     "tasks: [a]\nparts: [{task: [b]}]\n", "tasks: [a]\nweights: {a: 3}\n"],
)  # fmt: skip
def test_a_suite_that_is_not_complete(tmp_path, text):
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(BadRequest, match=r"s\.yaml"):
        read_suite(path)


@pytest.mark.parametrize(
    ("given", "suite", "expected"),
    [
        ({}, {"f/*": "random"}, {"f/a": "random"}),
        ({"f/a": "x.pt"}, {"f/*": "random"}, {"f/a": "x.pt"}),
        ({"*": "random"}, {"f/a": "y.pt"}, {"f/a": "random", "b": "random"}),
        ({}, {"*": "random", "f/*": "y.pt"}, {"f/a": "y.pt", "b": "random"}),
        ({}, {"f/a": "one", "f/*": "two"}, {"f/a": "one"}),
        ({"b": "z"}, {}, {"b": "z"}),
    ],
)
def test_weights_go_by_name_then_by_glob(given, suite, expected):
    assert weights_of(["f/a", "b"], given, suite) == expected


def test_weights_that_no_model_has():
    assert unused_weights(["f/a", "b"], {"*": "x", "f/*": "y", "c": "z", "g/*": "v"}) == [
        "c",
        "g/*",
    ]


def test_plans_of_several_parts_hold_each_run_once(bench):
    request = Request(("small",), ("tiny",), protocols=("linear-probe@1",),
                      roots={"nih": bench.root})  # fmt: skip
    other = Request(("small", "frozen"), ("tiny",), protocols=("linear-probe@1",),
                    roots={"nih": bench.root})  # fmt: skip
    plan = plan_all([request, other], bench.registry, bench.store)
    assert [run.spec.model for run in plan] == ["small", "frozen"]
