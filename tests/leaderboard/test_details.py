"""The pages by data set: tables of all metrics, with intervals and values by label."""

from __future__ import annotations

import re

import pytest
from made import given, many, record
from reading import rows_of

from cxrbench.leaderboard.details import detail_pages
from cxrbench.leaderboard.tables import FLOOR, MISSING, RARE, comparisons

# --- what may stand together ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "cogaze@1"},
        {"task": "nih-10pct"},
        {"task_version": 2},
        {"data": {"train_ids": "other"}},
        {"limit": 5},
        {"weights": {"source": "random"}},
        {"dataset": {"kind": "phantom"}},
    ],
)
def test_what_was_measured_another_way_is_in_another_table(change):
    tables = comparisons([record("a", 0.8), record("b", 0.9, **change)])
    assert [[row.name.split()[0] for row in table.rows] for table in tables] in (
        [["a", "floor"], ["b", "floor"]],
        [["b", "floor"], ["a", "floor"]],
    )
    if len({table.ranked for table in tables}) == 1:
        assert {row.rank for table in tables for row in table.rows[:1]} == {1}


def test_tables_that_differ_in_the_version_of_the_task_say_so():
    tables = comparisons([record("a", 0.8), record("a", 0.9, task_version=2)])
    assert [table.data.endswith("task version 2") for table in tables].count(True) == 1


@pytest.mark.parametrize(
    "change",
    [{"precision": "bf16"}, {"micro_batch": 4}, {"encoder": "other"}, {"recipe": {"epochs": 1}}],
)
def test_seeds_of_different_specs_are_not_averaged(change):
    (table,) = comparisons([record("a", 0.8, 0), record("a", 0.9, 1, **change)])
    assert [row.cells[0] for row in table.rows[:-1]] == ["90.0 (1)", "80.0 (1)"]


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"precision": "bf16"}, "bf16"),
        ({"micro_batch": 4}, "4 training images at once"),
        ({"record": {"overlaps": ["nih", "rsna"]}}, "† pretrained on images of nih, rsna"),
    ],
)
def test_rows_of_one_name_are_told_apart_by_their_notes(change, note):
    (table,) = comparisons([record("a", 0.8), record("b", 0.9, **change)])
    assert note in table.rows[0].notes
    assert note not in table.rows[1].notes


def test_a_model_whose_card_has_changed_is_told_from_what_it_was():
    (table,) = comparisons([record("a", 0.9, encoder="f" * 16), record("a", 0.8), record("b", 0.7)])
    notes = [[note for note in row.notes if note.startswith("encoder")] for row in table.rows[:3]]
    assert notes == [["encoder ffffffff"], ["encoder 5f2d0c9e"], []]


def test_two_checkpoints_of_one_model_are_told_apart():
    (table,) = comparisons([given("a", 0.8, "b"), given("a", 0.9, "c")])
    assert [row.name for row in table.rows[:-1]] == ["a (given weights)"] * 2
    assert ["weights cccccccc" in row.notes for row in table.rows[:-1]] == [True, False]


# --- ranks, n and ± ------------------------------------------------------------------------------


def test_ties_share_a_place_and_the_next_one_is_skipped():
    values = {"a": 0.8, "b": 0.9, "c": 0.8, "d": 0.7, "e": None}
    (table,) = comparisons([record(name, value) for name, value in values.items()])
    assert [(row.name, row.rank) for row in table.rows] == [
        ("b", 1), ("a", 2), ("c", 2), ("d", 4), ("e", None), (FLOOR, None),
    ]  # fmt: skip


def test_where_lower_is_better_the_lowest_is_first():
    swap = {"main_metric": "brier-macro"}
    (table,) = comparisons([record("a", 0.9, record=swap), record("b", 0.5, record=swap)])
    assert [(row.name, row.rank) for row in table.rows[:2]] == [("a", 1), ("b", 2)]
    assert table.columns[0] == "brier-macro"
    text = detail_pages([record("a", 0.9)])["details/nih.md"]
    header = rows_of(text, "### nih-1pct")[0]
    assert [name for name in header if name.endswith("↓")] == ["brier-macro ↓"]


def test_what_is_not_ranked_never_has_a_rank():
    text = detail_pages(many())["details/nih.md"]
    ranked, unranked = text.split("## Not ranked")
    assert "rank" not in unranked.replace("ranked", "").split("\n\n", 1)[1]
    for table in comparisons(many()):
        if not table.ranked:
            assert {row.rank for row in table.rows} == {None}
    for word in ("phantom", "random weights", "--limit", "custom"):
        assert word in unranked
        assert f"| {word}" not in ranked


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.8], "80.0 (1)"),
        ([0.80, 0.81, 0.82], "81.0 ± 1.0 (3)"),
        ([0.5, 0.5], "50.0 ± 0.0 (2)"),
        ([0.8, None], "80.0 (1/2)"),
        ([0.8, 0.82, None], "81.0 ± 1.4 (2/3)"),
        ([None], MISSING),
    ],
)
def test_mean_spread_and_number(values, shown):
    (table,) = comparisons([record("a", value, seed) for seed, value in enumerate(values)])
    assert table.rows[0].cells[0] == shown


def test_the_interval_is_that_of_the_first_seed():
    (table,) = comparisons([record("a", 0.9, 7), record("a", 0.5, 3)])
    assert table.rows[0].cells[-1] == "48.0 to 52.0"


def test_labels_too_rare_for_an_interval_are_told_from_no_interval():
    def without_interval(name, value, undefined):
        found = record(name, value)
        facts = found.metrics["auroc-macro"].model_copy(
            update={"ci95": None, "undefined_replicates": undefined}
        )
        return found.model_copy(update={"metrics": {**found.metrics, "auroc-macro": facts}})

    records = [without_interval("a", 0.9, 900), without_interval("b", 0.8, 0),
               without_interval("c", None, 1000)]  # fmt: skip
    (table,) = comparisons(records)
    assert [row.cells[-1] for row in table.rows[:-1]] == [RARE, MISSING, MISSING]
    assert RARE in detail_pages(records)["details/nih.md"].split("## Ranked")[0]


def test_an_interval_by_label_stands_beside_the_value_it_belongs_to():
    text = detail_pages([record("a", 0.70, 2), record("a", 0.80, 3)])["details/nih.md"]
    assert rows_of(text, "by label")[2:] == [
        ["a", "75.0", MISSING],
        ["*seed 2, 95 % CI*", "70.0 (68 to 72)", MISSING],
        ["*positives*", "42 of 22,433", "0 of 0"],
    ]


def test_the_floor_stands_last_without_rank_or_spread():
    for table in comparisons(many()):
        assert table.rows[-1].name == FLOOR
        assert table.rows[-1].cells[:2] == ("50.0", "6.0")
        assert [row.name for row in table.rows].count(FLOOR) == 1


# --- Markdown ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a|b", "a\nb", "a \\ b"])
def test_what_is_in_a_cell_stays_there(name):
    text = detail_pages([record(name, 0.8)])["details/nih.md"]
    (model,) = (line for line in rows_of(text, "### nih-1pct") if line[0] == "1")
    assert len(model) == 6
    assert "|" not in model[1].replace("\\|", "")


@pytest.mark.parametrize("name", ["*a*", "<b>a", "a_b_c", "`a`", "[a](b)"])
def test_a_name_is_a_name_and_no_markup(name):
    made = record(
        name, 0.8, dataset={"title": name}, record={"overlaps": [name]}, task=name,
    )  # fmt: skip
    facts = made.metrics["auroc-macro"]
    facts = facts.model_copy(update={"per_class": {name: 0.8}, "ci95_per_class": {}})
    made = made.model_copy(update={"metrics": {name: facts, **made.metrics, "auroc-macro": facts}})
    text = detail_pages([made])["details/nih.md"]
    sign = re.compile(r"(?<!\\)[`*_<\[]")
    escaped = re.sub(r"([`*_<\[])", r"\\\1", name)
    assert not sign.search(escaped)
    # The title, the task, the row and its note, its metric, then a row and a column by label.
    assert text.count(escaped) == 7
    assert name not in text.replace(escaped, "")


@pytest.mark.parametrize("content", detail_pages(many()).values())
def test_every_table_is_rectangular(content):
    for block in re.findall(r"(?:^\|.*\|\n?)+", content, flags=re.MULTILINE):
        widths = {len(re.split(r"(?<!\\)\|", line)) for line in block.strip().splitlines()}
        assert len(widths) == 1


def test_labels_keep_their_columns_when_a_record_orders_them_otherwise():
    def labels(*names):
        found = record(names[0], 0.8)
        facts = found.metrics["auroc-macro"]
        values = {"x": 0.1, "y": 0.9}
        part = facts.model_copy(
            update={"per_class": {n: values[n] for n in names[1:]}, "ci95_per_class": {}}
        )
        return found.model_copy(update={"metrics": {**found.metrics, "auroc-macro": part}})

    text = detail_pages([labels("a", "x", "y"), labels("b", "y", "x")])["details/nih.md"]
    assert rows_of(text, "by label") == [
        ["model", "x", "y"], ["---"] * 3, ["a", "10.0", "90.0"], ["b", "10.0", "90.0"],
    ]  # fmt: skip


def test_positives_are_those_of_a_record_that_tells_them():
    def older(name, value):
        found = record(name, value)
        splits = {**found.dataset.splits}
        splits["test"] = splits["test"].model_copy(update={"positives": {}})
        dataset = found.dataset.model_copy(update={"splits": splits})
        return found.model_copy(update={"dataset": dataset})

    text = detail_pages([older("a", 0.9), record("b", 0.8)])["details/nih.md"]
    assert rows_of(text, "by label")[-1] == ["*positives*", "42 of 22,433", "0 of 0"]
    assert "positives" not in detail_pages([older("a", 0.9)])["details/nih.md"]


def test_dates_and_commits_of_the_records_are_told():
    def on(day, commit):
        found = record(f"m{day}", 0.8)
        made = found.provenance.model_copy(
            update={"created": f"2026-01-{day}T00:00:00+00:00", "git": {"commit": commit * 40}}
        )
        return found.model_copy(update={"provenance": made})

    text = detail_pages([on("09", "b"), on("03", "a"), on("05", "a")])["details/nih.md"]
    assert (
        f"3 records, 2026-01-03 to 2026-01-09, measured with cxrbench at {'a' * 12}, {'b' * 12}"
        in text
    )
    assert "1 record, 2026-01-03, measured" in detail_pages([on("03", "a")])["details/nih.md"]
