"""A broken plugin costs only itself, and a name offered twice is nobody's."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from cxrbench.cli.main import app
from cxrbench.errors import PluginError
from cxrbench.registry import Registry, load_entry
from cxrbench.testing import check_encoder

CARD = """\
id: {id}
family: fake
title: Fake
entry: {entry}
status: no-weights
capabilities: [image]
"""
GOOD = CARD.format(id="fake", entry="fake_plugin.encoder:Fake")


@pytest.fixture
def others():
    """What is there without any broken plugin."""
    return set(Registry.discover().models.ids())


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ("id: [unclosed", "not valid YAML"),
        ("- a\n- list\n", "expected a mapping"),
        ("id: \xe9".encode("latin-1"), "can't decode"),
        (GOOD + "colour: blue\n", "colour"),
        (GOOD.replace("title: Fake\n", ""), "title"),
    ],
)
def test_a_broken_card_is_a_problem_of_its_own(distribution, others, card, words):
    distribution("fake-plugin", cards={"a.yaml": card, "good.yaml": GOOD})
    registry = Registry.discover()
    (problem,) = registry.problems
    assert problem.provider.distribution == "fake-plugin"
    assert words in problem.error.why and "a.yaml" in str(problem.error)
    assert set(registry.models.ids()) == others | {"fake"}


def test_a_missing_package_is_a_problem_of_its_own(distribution, others):
    distribution("fake-plugin", package="fake_plugin_that_is_gone", cards={})
    registry = Registry.discover()
    (problem,) = registry.problems
    assert "fake_plugin_that_is_gone" in problem.error.why
    assert "fake-plugin" in problem.error.fix
    assert set(registry.models.ids()) == others


def test_a_package_that_raises_is_a_problem_of_its_own(distribution, others):
    site = distribution("fake-plugin", package="fake_parent.cards", cards={})
    (site / "fake_parent").mkdir()
    (site / "fake_parent" / "__init__.py").write_text("raise RuntimeError('out of order')\n")
    registry = Registry.discover()
    assert [p.provider.distribution for p in registry.problems] == ["fake-plugin"]
    assert set(registry.models.ids()) == others


@pytest.mark.parametrize("line", ["import nothing_of_that_name", "raise OSError", "x ="])
def test_an_entry_that_does_not_import_is_told_when_it_is_asked_for(distribution, line):
    card = GOOD.replace("fake_plugin.encoder", "fake_plugin_raises.encoder")
    site = distribution("fake-plugin-raises", cards={"good.yaml": card})
    (site / "fake_plugin_raises" / "encoder.py").write_text(line + "\n")
    with pytest.raises(PluginError, match="cannot load fake_plugin_raises"):
        load_entry(Registry.discover().model("fake").card.entry)


def test_commands_work_beside_a_broken_plugin(distribution, others):
    distribution("fake-plugin", cards={"a.yaml": "id: [unclosed"})
    done = CliRunner().invoke(app, ["list", "models", "--json"])
    assert done.exit_code == 0
    assert {model["id"] for model in json.loads(done.stdout)} == others


def test_a_missing_module_is_told_when_it_is_built(distribution):
    distribution("fake-plugin", cards={"good.yaml": GOOD})
    registry = Registry.discover()
    assert not registry.problems
    report = check_encoder(registry.model("fake").card)
    failed = {result.check: result for result in report.failures}
    assert "fake_plugin.encoder" in failed["builds"].text
    assert {r.check for r in report.results if r.status == "ok"} <= {"card-facts", "card-weights"}


def test_a_name_offered_twice_names_both_and_resolves_by_distribution(distribution, others):
    distribution("first-plugin", cards={"a.yaml": GOOD})
    distribution("second-plugin", cards={"a.yaml": GOOD.replace("title: Fake", "title: Other")})
    registry = Registry.discover()
    with pytest.raises(PluginError, match="not unique") as raised:
        registry.model("fake")
    for side in ("first-plugin", "second-plugin"):
        assert side in raised.value.why and f"{side}:fake" in raised.value.fix
    assert registry.model("second-plugin:fake").card.title == "Other"
    assert registry.model("first-plugin:fake").card.title == "Fake"
    assert others <= set(registry.models.ids())
    assert registry.model(min(others - {name for name in others if "*" in name}))
