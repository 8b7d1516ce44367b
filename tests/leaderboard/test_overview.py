"""Tasks by models, and numbers that are no fractions."""

from __future__ import annotations

import pytest
from made import record, shown
from reading import rows_of

from cxrbench.leaderboard.details import detail_pages
from cxrbench.leaderboard.markdown import pages
from cxrbench.leaderboard.overview import Unfit, overview
from cxrbench.leaderboard.tables import comparisons


def ranked(model, value, floor=50.5, **changes):
    """A record whose main metric is a rank, where low is good."""
    found = record(model, 0.5, **changes)
    facts = found.metrics["auroc-macro"].model_copy(
        update={"value": value, "unit": "rank", "higher_is_better": False,
                "ci95": (value - 1, value + 1), "per_class": {"Hernia": value, "Mass": None},
                "ci95_per_class": {"Hernia": (value - 1, value + 1), "Mass": None}}
    )  # fmt: skip
    return found.model_copy(
        update={
            "main_metric": "median-rank",
            "metrics": {"median-rank": facts, "brier-macro": found.metrics["brier-macro"]},
            "floors": {"median-rank": floor},
        }
    )


def test_tasks_by_models_with_the_floor():
    records = [
        record("a", 0.8, 0), record("a", 0.9, 1), record("b", 0.7),
        record("a", 0.6, task="nih-10pct"),
        record("b", None, task="nih-10pct", record={"status": "failed"}),
    ]  # fmt: skip
    (matrix,) = overview(records)
    assert (matrix.protocol, matrix.metric) == ("strict@1", "auroc-macro")
    assert matrix.models == ("a", "b")
    assert [(line.task, *line.cells, line.floor) for line in matrix.lines] == [
        ("nih-1pct", "85.0 ± 7.1 (2)", "70.0 (1)", "50.0"),
        ("nih-10pct", "60.0 (1)", "failed", "50.0"),
    ]
    assert {line.test for line in matrix.lines} == {22433}


def test_what_does_not_apply_keeps_its_place():
    unfit = [Unfit("c", "nih-1pct", "strict@1", "no text"), Unfit("b", "x", "strict@1", "…")]
    (matrix,) = overview([record("a", 0.8)], unfit)
    assert matrix.models == ("a", "b", "c")
    assert matrix.lines[0].cells == ("80.0 (1)", "", "–")


def test_protocols_and_metrics_stand_apart_and_so_do_states_of_the_data():
    records = [record("a", 0.8), record("a", 0.7, protocol="cogaze@1"), ranked("a", 3.5),
               record("a", 0.9, limit=5)]  # fmt: skip
    found = overview(records)
    assert [(m.protocol, m.metric, len(m.lines)) for m in found] == [
        ("strict@1", "auroc-macro", 2), ("cogaze@1", "auroc-macro", 1),
        ("strict@1", "median-rank (rank) ↓", 1),
    ]  # fmt: skip


def test_states_of_the_data_of_one_task_are_named():
    records = [record("a", 0.8), record("a", 0.9, limit=5), record("a", 0.7, task="nih-10pct")]
    (matrix,) = overview(records)
    whole, limited, other = (line.named for line in matrix.lines)
    assert whole.startswith("nih-1pct (official split ")
    assert limited.endswith("--limit 5)")
    assert other == "nih-10pct"
    assert [line.unranked for line in matrix.lines] == [False, True, False]
    assert matrix.unranked == frozenset()


def test_models_that_are_not_ranked_beside_others_are_told():
    random = {"weights": {"source": "random", "sha256": {}}, "spec_weights": {"source": "random"}}
    (matrix,) = overview([record("a", 0.8), record("b", 0.6, **random)])
    assert matrix.unranked == {"b (random weights)"}
    assert not matrix.lines[0].unranked


def test_settings_are_not_averaged():
    (matrix,) = overview([record("a", 0.8), record("a", 0.9, precision="bf16")])
    assert matrix.lines[0].cells == ("2 settings",)


def test_a_rank_is_shown_as_it_is_with_its_unit():
    (table,) = comparisons([ranked("a", 12.0), ranked("b", 3.5), ranked("b", 4.5, seed=1)])
    assert [(row.name, row.rank, *row.cells) for row in table.rows] == [
        ("b", 1, "4.0 ± 0.7 (2)", "17.5 ± 0.0 (2)", "2.5 to 4.5"),
        ("a", 2, "12.0 (1)", "17.5 (1)", "11.0 to 13.0"),
        ("floor (best constant)", None, "50.5", "–", ""),
    ]
    assert table.headings[:2] == ("median-rank (rank) ↓", "brier-macro ↓")
    assert "(in % where no unit stands, mean" in table.title
    (plain,) = comparisons([record("a", 0.8)])
    assert "(%, mean" in plain.title


def test_the_pages_say_which_numbers_are_no_percentages():
    records = [ranked("a", 3.5), record("a", 0.8, task="nih-10pct")]
    text = detail_pages(records)["details/nih.md"]
    assert "Numbers in % where no unit stands" in text
    assert rows_of(text, "median-rank by label")[2:4] == [
        ["a", "3.5", "–"], ["*seed 0, 95 % CI*", "3.5 (2 to 4)", "–"],
    ]  # fmt: skip
    assert "All numbers in %" in detail_pages([record("a", 0.8)])["details/nih.md"]
    page = pages(shown(records))["classification.md"]
    assert "Numbers are in % where no unit stands." in page
    assert rows_of(page, "## strict@1: median-rank (rank) ↓\n")[2][:3] == ["1", "a", "3.5 (1)"]
    assert rows_of(page, "## strict@1: auroc-macro\n")[2][:3] == ["1", "a", "80.0 (1)"]
    assert "All numbers are in %." in pages(shown([record("a", 0.8)]))["classification.md"]


@pytest.mark.parametrize("status", ["ok", "failed"])
def test_an_overview_of_one_record(status):
    (matrix,) = overview([record("a", 0.8, record={"status": status})])
    assert matrix.lines[0].cells == ({"ok": "80.0 (1)", "failed": "failed"}[status],)
