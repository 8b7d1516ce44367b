"""What stands on which page."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import record

from cxrbench.errors import BadRequest
from cxrbench.leaderboard.build import board
from cxrbench.leaderboard.layout import begins_with, ordered_metrics, place, read_layout
from cxrbench.registry import Registry

PAGES = Path(__file__).parents[2] / "leaderboards"


def test_every_task_has_a_page():
    registry = Registry.discover()
    layout = read_layout()
    types = {registry.tasks.get(task).card.type for task in registry.tasks.ids()}
    assert types
    assert None not in {layout.family_of(kind) for kind in types}


def test_the_layout_of_the_repository_names_every_data_set():
    registry = Registry.discover()
    names = {registry.tasks.get(task).card.dataset.name for task in registry.tasks.ids()}
    layout = read_layout(PAGES)
    assert names <= set(layout.names)
    assert set(layout.protocols) == set(registry.protocols.ids())


def test_a_layout_beside_the_pages_is_laid_over(tmp_path):
    (tmp_path / "layout.yaml").write_text(
        "names: {nih: The NIH}\nfamilies: {classification: {title: Labels}, odd: {title: Odd, "
        "types: [classif*]}}\ndatasets: [z, nih]\n"
    )
    layout = read_layout(tmp_path)
    made = board([record("a", 0.8)], layout=layout)
    assert made.families[0].title == "Labels"
    assert made.families[0].tables[0].columns[0].group == "The NIH"
    assert "odd" in layout.families
    assert layout.family_of("classification") == "classification", "the first that fits"


@pytest.mark.parametrize("text", ["families: [", "familes: {}", "names: [nih]"])
def test_a_layout_that_is_wrong_is_named(tmp_path, text):
    (tmp_path / "layout.yaml").write_text(text)
    with pytest.raises(BadRequest, match=r"layout\.yaml"):
        read_layout(tmp_path)


def test_order_and_names():
    assert begins_with("mimic-5x200-listed", ["mimic", "mimic-5x200", "mim"]) == "mimic-5x200"
    assert begins_with("nih-1pct", ["ni"]) == ""
    assert place("b", ["c", "b*"]) == (1, "b")
    assert place("z", ["c", "b*"]) == (2, "z")
    found = ordered_metrics(["a", "m1", "m10", "main", "x"], ["main"], ["m1*", "a"])
    assert found == ["main", "m1", "m10", "a"]


def test_metrics_of_the_layout_are_tables_beside_the_main_one():
    layout = read_layout().model_dump()
    layout["families"]["classification"]["metrics"] = ["brier-*"]
    made = board([record("a", 0.8)], layout=type(read_layout()).model_validate(layout))
    assert [t.columns[0].metric for t in made.families[0].tables] == ["auroc-macro", "brier-macro"]
    assert made.families[0].tables[1].title == "strict@1: brier-macro ↓"
