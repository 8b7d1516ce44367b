"""Metric ids: the built-in ones, suggestions, and plugins installed as distributions."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

from cxrbench import metrics
from cxrbench.errors import PluginError, UnknownNameError
from cxrbench.metrics import Metric, get_metric, metric_ids, plugin_problems, registry

MODULES = sorted(
    module.name.removeprefix(f"{metrics.__name__}.")
    for module in walk_packages(metrics.__path__, f"{metrics.__name__}.")
    if not module.ispkg
)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that installs a distribution with one metric plugin."""

    def add(name, source, attribute="METRICS"):
        module = name.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        entry = f"[cxrbench.metrics]\n{name} = {module}:{attribute}\n"
        (info / "entry_points.txt").write_text(entry)
        monkeypatch.delitem(sys.modules, module, raising=False)
        registry._plugins.cache_clear()

    monkeypatch.syspath_prepend(str(tmp_path))
    yield add
    registry._plugins.cache_clear()


def offering(metric_id):
    return (
        "from dataclasses import replace\n"
        "from cxrbench.metrics.brier import METRICS as BRIER\n"
        f"METRICS = [replace(BRIER[0], id={metric_id!r})]\n"
    )


def expanded(pattern):
    """`a-{b,c}[-d]` stands for a-b, a-c, a-b-d and a-c-d."""
    found = re.search(r"\{([^}]*)\}|\[([^\]]*)\]", pattern)
    if not found:
        return [pattern]
    options = found[1].split(",") if found[1] else ["", found[2]]
    parts = (pattern[: found.start()] + o + pattern[found.end() :] for o in options)
    return [name for part in parts for name in expanded(part)]


def test_the_table_of_built_in_ids_equals_what_the_modules_offer():
    offered = {
        metric.id: f"cxrbench.metrics.{name}"
        for name in MODULES
        for metric in getattr(import_module(f"cxrbench.metrics.{name}"), "METRICS", ())
    }
    assert offered == registry._BUILTIN


def test_the_documentation_lists_exactly_the_built_in_ids():
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    lines = page.read_text(encoding="utf-8").splitlines()
    written = [line.split("`")[1] for line in lines if line.startswith("| `")]
    documented = [name for pattern in written for name in expanded(pattern)]
    reports = "cxrbench.metrics.text."  # docs/report-metrics.md, by name and preset
    expected = [i for i, module in registry._BUILTIN.items() if not module.startswith(reports)]
    assert sorted(documented) == sorted(expected)


@pytest.mark.parametrize("metric_id", sorted(registry._BUILTIN))
def test_every_metric_is_found_and_described(metric_id):
    metric = get_metric(metric_id)
    assert isinstance(metric, Metric)
    assert metric.id == metric_id
    assert metric.summary.endswith(".")
    assert metric.formula
    assert metric.source
    assert metric.range[0] < metric.range[1]
    assert metric.averaging in ("macro", "micro")


@pytest.mark.parametrize(
    ("asked", "meant"), [("auroc", "auroc-macro"), ("f1-macro", "f1-macro@0.5")]
)
def test_an_unknown_id_gets_a_suggestion(asked, meant):
    with pytest.raises(UnknownNameError) as caught:
        get_metric(asked)
    assert meant in caught.value.fix


def test_a_plugin_adds_its_metrics(install):
    install("acme-metrics", offering("brier-acme"))
    assert get_metric("brier-acme").id == "brier-acme"
    assert metric_ids()[-1] == "brier-acme"
    assert plugin_problems() == []


def test_a_plugin_that_takes_a_built_in_id_is_an_error_naming_both(install):
    install("acme-metrics", offering("auroc-macro"))
    with pytest.raises(PluginError) as caught:
        get_metric("auroc-macro")
    assert "both cxrbench and acme-metrics" in caught.value.why
    assert get_metric("auprc-macro").id == "auprc-macro"
    assert len(plugin_problems()) == 1


def test_two_plugins_with_one_id_are_an_error_naming_both(install):
    install("acme-metrics", offering("brier-acme"))
    install("other-metrics", offering("brier-acme"))
    with pytest.raises(PluginError) as caught:
        get_metric("brier-acme")
    assert "acme-metrics" in caught.value.why
    assert "other-metrics" in caught.value.why


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("METRICS = 3", "TypeError"),
        ("METRICS = ['auroc']", "str"),
        ("", "AttributeError"),
    ],
)
def test_a_broken_plugin_costs_only_itself(install, source, why):
    install("acme-metrics", source)
    assert get_metric("auroc-macro").id == "auroc-macro"
    (problem,) = plugin_problems()
    assert why in problem.why
    assert "acme-metrics" in problem.what
    with pytest.raises(UnknownNameError) as caught:
        get_metric("brier-acme")
    assert "acme-metrics" in caught.value.why


def test_importing_the_metrics_imports_no_torch_and_no_scikit_learn():
    code = (
        "import sys, cxrbench.metrics as m\n"
        "[m.get_metric(i) for i in m.metric_ids()]\n"
        "sys.exit(bool({'torch', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
