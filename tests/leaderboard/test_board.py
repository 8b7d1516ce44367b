"""The table model: ranks, marks, references, and what joins in a row."""

from __future__ import annotations

import math

import pytest
from made import failed, given, golden, many, paper, printed, record, shown
from test_overview import ranked

from cxrbench.leaderboard.board import DIFFERS, EMPTY, INCOMPLETE, MARKS, OTHER_SPLIT, OVERLAP
from cxrbench.leaderboard.ranks import places, row_places


def table(made, place=0):
    return made.families[0].tables[place]


def cells(made, name):
    (row,) = (row for row in table(made).measured if row.name == name)
    return row.cells


# --- ranks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "higher", "expected"),
    [
        ([0.8, 0.9, 0.8, 0.7, None], True, [2, 1, 2, 4, None]),
        ([0.8, 0.9, 0.8, 0.7, None], False, [2, 4, 2, 1, None]),
        ([None, None], True, [None, None]),
        ([], True, []),
        ([0.5], True, [1]),
        ([0.1 + 0.2, 0.3], True, [1, 2]),
    ],
)
def test_equal_values_share_a_place_and_the_next_is_skipped(values, higher, expected):
    assert places(values, higher_is_better=higher) == expected


def test_the_place_of_a_row_is_by_the_mean_of_its_places():
    # Of three rows, the last lacks the second column: it counts as one behind the last there.
    assert row_places([[1, 2, 3], [2, 1, None]], 3) == [1, 1, 3]
    assert row_places([[2, 3, 1], [1, 2, None]], 3) == [1, 3, 2]
    assert row_places([[None, 1], [None, 1]], 2) == [None, 1]
    assert row_places([], 0) == []


def test_rows_are_sorted_and_ranked_over_the_columns():
    records = [
        record("a", 0.9), record("a", 0.7, task="nih-10pct"),
        record("b", 0.8), record("b", 0.9, task="nih-10pct"),
        record("c", 0.7), record("c", 0.8, task="nih-10pct"),
        record("d", 0.95),
    ]  # fmt: skip
    made = shown(records)
    # Places: a 2, 3; b 3, 1; c 4, 2; d 1 and, for what it lacks, 4.
    assert [(row.rank, row.name) for row in table(made).measured] == [
        (1, "b"), (2, "a"), (2, "d"), (4, "c"),
    ]  # fmt: skip
    assert [cell.rank for cell in cells(made, "b")] == [3, 1]
    assert cells(made, "d")[1] is EMPTY or cells(made, "d")[1].value is None


def test_best_and_second_are_among_two_or_more_ranked_values():
    made = shown([record("a", 0.8), record("b", 0.9), record("c", 0.8), record("d", 0.7)])
    assert [(r.name, r.cells[0].best, r.cells[0].second) for r in table(made).measured] == [
        ("b", True, False), ("a", False, True), ("c", False, True), ("d", False, False),
    ]  # fmt: skip
    alone = shown([record("a", 0.8)], paper(printed(protocol="strict@1")))
    (cell,) = cells(alone, "a")
    assert (cell.rank, cell.best) == (1, False)
    tied = shown([record("a", 0.8), record("b", 0.8), record("c", 0.7)])
    assert [row.cells[0].best for row in table(tied).measured] == [True, True, False]
    assert not any(row.cells[0].second for row in table(tied).measured)


def test_where_lower_is_better_the_lowest_is_best():
    made = shown([ranked("a", 12.0), ranked("b", 3.5)])
    assert [(row.name, row.cells[0].best) for row in table(made).measured] == [
        ("b", True), ("a", False),
    ]  # fmt: skip


def test_what_is_not_ranked_has_no_place_anywhere():
    made = shown(many(), paper(printed(protocol="strict@1")))
    unranked = [t for t in made.families[0].tables if not t.ranked]
    assert unranked
    for each in unranked:
        assert not each.published, "published rows never stand below phantoms"
    for each in made.families[0].tables + made.families[0].details:
        for row in each.rows:
            free = row.kind != "measured" or not each.ranked
            if free:
                assert row.rank is None
                assert {cell.rank for cell in row.cells} <= {None}
                assert not any(cell.best or cell.second for cell in row.cells)
    for best in made.best:
        for name, cell in best.cells:
            assert "random" not in name
            assert not any(made.runs[run_id].unranked_because for run_id in cell.run_ids)


def test_unranked_records_are_left_out_unless_asked_for():
    made = shown(many(), unranked=False)
    assert made.hidden == 4
    assert not any(record.unranked_because for record in made.runs.values())
    assert all(each.ranked for each in made.families[0].tables)
    assert shown(many()).hidden == 0


# --- cells ---------------------------------------------------------------------------------------


def test_a_cell_has_all_that_stands_behind_it():
    made = shown([record("a", value, seed) for seed, value in enumerate((0.80, 0.81, 0.82))])
    (cell,) = cells(made, "a")
    assert cell.value == pytest.approx(0.81)
    assert cell.sd == pytest.approx(0.01)
    assert (cell.n, cell.expected, cell.ci95) == (3, 3, (0.78, 0.8200000000000001))
    assert [seed.seed for seed in cell.seeds] == [0, 1, 2]
    assert [made.runs[run_id].spec.seed for run_id in cell.run_ids] == [0, 1, 2]


def test_the_interval_is_that_of_the_first_seed():
    (cell,) = cells(shown([record("a", 0.9, 7), record("a", 0.5, 3)]), "a")
    assert cell.ci95 == (0.48, 0.52)


@pytest.mark.parametrize(
    ("records", "n", "expected", "marks", "is_failed"),
    [
        ([record("a", 0.8), record("a", 0.9, 1)], 2, 2, (), False),
        ([record("a", 0.8), failed("a", 1)], 1, 2, (INCOMPLETE,), False),
        ([record("a", 0.8), record("a", None, 1)], 1, 2, (INCOMPLETE,), False),
        ([record("a", None)], 0, 1, (), False),
        ([failed("a"), failed("a", 1)], 0, 2, (), True),
        ([record("a", 0.8, record={"overlaps": ["nih"]})], 1, 1, (OVERLAP,), False),
    ],
)
def test_marks_of_seeds_and_overlaps(records, n, expected, marks, is_failed):
    (cell,) = cells(shown(records), "a")
    assert (cell.n, cell.expected, cell.marks, cell.failed) == (n, expected, marks, is_failed)
    assert len(cell.run_ids) == len(records)


def test_failed_runs_are_listed_and_never_ranked():
    made = shown([record("a", 0.8), failed("b"), failed("a", 1)])
    assert [made.runs[run_id].spec.model for run_id in made.failed] == ["a", "b"]
    assert made.families[0].failed == made.failed
    (row,) = (row for row in table(made).measured if row.name == "b")
    assert (row.rank, row.cells[0].rank, row.cells[0].failed) == (None, None, True)
    assert table(made).measured[0].cells[0].rivals == 1


def test_a_task_of_which_every_run_failed_has_its_place():
    made = shown([failed("a"), failed("b", task="nih-10pct"), record("b", 0.5)])
    assert [column.task for column in table(made).columns] == ["nih-1pct", "nih-10pct"]
    assert made.families[0].datasets == ("nih",)


def test_a_custom_split_is_marked():
    made = golden()
    (marked,) = [row.cells[0] for t in made.families[0].tables if not t.ranked
                 for row in t.measured if row.cells[0].value == 0.99]  # fmt: skip
    assert OTHER_SPLIT in marked.marks


def test_the_floor_stands_once_below_the_measured_rows():
    for each in golden().families[0].tables:
        kinds = [row.kind for row in each.rows]
        order = ["measured"] * len(each.measured) + ["floor"] * len(each.floors)
        assert kinds == order + ["published"] * len(each.published)
        assert len(each.floors) == bool(each.measured)


# --- rows ----------------------------------------------------------------------------------------


def test_runs_of_one_model_and_settings_are_one_row():
    made = shown([record("a", 0.8), record("a", 0.9, task="nih-10pct"),
                  record("a", 0.7, precision="bf16")])  # fmt: skip
    assert [(row.name, row.notes[:-1], [cell.value for cell in row.cells])
            for row in table(made).measured] == [
        ("a", (), [0.8, 0.9]), ("a", ("precision bf16",), [0.7, None]),
    ]  # fmt: skip


def test_two_recipes_on_one_task_are_two_rows_and_say_so():
    made = shown([record("a", 0.8), record("a", 0.9, 1, recipe={"epochs": 1}),
                  record("a", 0.7, task="nih-10pct")])  # fmt: skip
    found = [(row.notes, [cell.value for cell in row.cells]) for row in table(made).measured]
    assert sorted(values for _, values in found if values[0]) == [[0.8, None], [0.9, None]]
    assert [None, 0.7] in [values for _, values in found]
    for notes, values in found:
        assert any(note.startswith("recipe ") for note in notes) == (values[0] is not None)


def test_two_checkpoints_and_two_cards_are_told_apart():
    made = shown([given("a", 0.8, "b"), given("a", 0.9, "c"), record("b", 0.7),
                  record("b", 0.6, encoder="f" * 16)])  # fmt: skip
    notes = [row.notes[0] for row in table(made).measured]
    assert notes == ["weights cccccccc", "weights bbbbbbbb", "encoder 5f2d0c9e", "encoder ffffffff"]
    assert len({row.key for row in table(made).measured}) == 4


def test_a_row_has_one_key_in_all_tables():
    made = golden()
    keys = {(row.name, row.notes[:1]): row.key for row in made.families[0].tables[0].measured}
    for each in made.families[0].details:
        for row in each.measured:
            assert row.key in keys.values() or not each.ranked or each.protocol != "strict@1"


def test_a_note_of_some_tasks_names_them():
    made = shown([record("a", 0.8), record("a", 0.8, task="nih-10pct",
                                           record={"context_used": False})])  # fmt: skip
    (row,) = table(made).measured
    assert row.notes == ("clinical context used: nih-1pct",)


# --- published -----------------------------------------------------------------------------------


def differs(value, sd=None, seeds=(0.9, 0.92), **changes):
    """Whether a measured mean is marked, beside a published value in percent."""
    values = [value if sd is None else [value, sd]]
    row = {"model": "a", "method": "A", "values": values}
    records = [record("a", each, seed, protocol="cogaze@1") for seed, each in enumerate(seeds)]
    made = shown(records, paper(printed(rows=[row], **changes)))
    (cell,) = (row.cells[place]
               for each in made.families[0].tables
               for place, column in enumerate(each.columns) if column.main
               for row in each.measured)  # fmt: skip
    return DIFFERS in cell.marks, cell.references


def test_what_differs_by_more_than_two_sd_is_marked():
    # The mean is 91; the spread of the seeds is 1.41.
    assert differs(92.0, 0.6)[0] is False
    assert differs(92.0, 0.4)[0] is True
    assert differs(90.0, 0.4)[0] is True
    # Where the paper has no spread, that of the seeds decides.
    assert differs(93.7)[0] is False
    assert differs(93.9)[0] is True
    # One seed and no published spread: nothing to measure the difference with.
    assert differs(50.0, seeds=(0.9,))[0] is False
    assert differs(50.0, 0.5, seeds=(0.9,))[0] is True


def test_a_reference_says_where_it_is_from():
    (found,) = differs(92.0, 0.6, page=7)[1]
    assert (found.value, found.sd, found.source) == (0.92, 0.006, "Some (2026), Table 3, p. 7")


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "strict@1"},
        {"columns": [{"task": "nih-1pct", "metric": "brier-macro", "printed_as": "x",
                      "higher_is_better": False}]},
        {"columns": [{"task": "nih-10pct", "metric": "auroc-macro", "printed_as": "x"}]},
        {"columns": [{"task": "nih-1pct", "metric": "auroc-macro", "printed_as": "x",
                      "split": "theirs"}]},
    ],
)  # fmt: skip
def test_only_what_was_measured_alike_is_held_against(change):
    assert differs(10.0, 0.1, **change) == (False, ())


def test_other_weights_are_not_held_against_the_published_value():
    changes = {"weights": {"source": "path", "sha256": {"m": "b" * 64}}, "spec_weights": {"m": "b"}}
    quoted = paper(printed(rows=[{"model": "a", "method": "A", "values": [[10, 1]]}]))
    made = shown([record("a", 0.9, protocol="cogaze@1", **changes)], quoted)
    assert table(made).measured[0].cells[0].references == ()


def test_of_several_published_values_each_must_differ():
    def made(*values):
        tables = [printed(table=str(n), rows=[{"model": "a", "method": "A", "values": [[v, 0.1]]}])
                  for n, v in enumerate(values)]  # fmt: skip
        return cells(shown([record("a", 0.9, protocol="cogaze@1")], paper(*tables)), "a")[0]

    assert DIFFERS in made(80.0, 70.0).marks
    assert DIFFERS not in made(80.0, 90.1).marks
    assert len(made(80.0, 70.0).references) == 2
    assert len(made(80.0, 80.0).references) == 1


def test_published_rows_of_several_tables_are_one_line_and_contradictions_are_two():
    ten = [{"task": "nih-10pct", "metric": "auroc-macro", "printed_as": "AUROC"}]
    row = {"model": "a", "method": "A"}
    made = shown([], paper(
        printed(rows=[{**row, "values": [80.0]}]),
        printed(table="4", columns=ten, rows=[{**row, "values": [90.0]}]),
        printed(table="5", rows=[{**row, "values": [81.0]}]),
    ))  # fmt: skip
    rows = table(made).published
    assert [[cell.value for cell in each.cells] for each in rows] == [[0.8, 0.9], [0.81, None]]
    assert [each.source.table for each in rows] == ["Table 3; Table 4", "Table 5"]


def test_published_values_are_those_printed_to_the_last_digit():
    made = shown([], paper(printed(
        columns=[{"task": "nih-1pct", "metric": "bleu4-raw", "printed_as": "B4",
                  "printed": "fraction"}],
        rows=[{"method": "A", "values": [0.1748117157]}, {"method": "B", "values": [[0.41, 0.002]]},
              {"method": "C", "values": [1]}],
    )))  # fmt: skip
    found = [row.cells[0] for row in table(made).published]
    assert [(cell.value, cell.sd, cell.digits) for cell in found] == [
        (0.1748117157, None, 2), (0.41, 0.002, 1), (1.0, None, 1),
    ]  # fmt: skip
    percent = shown([], paper(printed(rows=[{"method": "A", "values": [[80.7, 0.25]]}])))
    (cell,) = table(percent).published[0].cells
    assert (cell.value, cell.sd, cell.digits) == (0.807, 0.0025, 2)


def test_a_table_without_runs_is_not_ranked():
    made = shown([], paper())
    assert [(t.ranked, len(t.published), t.measured) for t in made.families[0].tables] == [
        (False, 1, ()),
    ]  # fmt: skip
    assert made.best == ()


def test_the_table_of_another_protocol_says_where_published_numbers_are():
    made = shown([record("a", 0.8)], paper())
    strict, cogaze = made.families[0].tables
    assert (strict.protocol, cogaze.protocol) == ("strict@1", "cogaze@1")
    assert "they stand under cogaze@1" in " ".join(strict.notes)
    assert not strict.published


def test_a_printed_table_keeps_together_and_has_measured_rows_above():
    columns = [
        {"task": "nih-10pct", "metric": "auroc-macro", "printed_as": "AUROC"},
        {"task": "nih-1pct", "metric": "brier-macro", "printed_as": "Brier",
         "higher_is_better": False},
        {"task": None, "group": "Elsewhere", "metric": None, "printed_as": "F1"},
    ]  # fmt: skip
    rows = [{"model": "a", "method": "A", "values": [80, 10, 5]},
            {"method": "B", "values": [70, None, 6]}]  # fmt: skip
    quoted = paper(printed(family="ablations", alone=True, columns=columns, rows=rows))
    records = [record("a", 0.8, protocol="cogaze@1"), record("z", 0.9, protocol="cogaze@1"),
               record("a", 0.7)]  # fmt: skip
    made = shown(records, quoted)
    (found,) = next(family for family in made.families if family.id == "ablations").tables
    assert [column.metric for column in found.columns] == ["auroc-macro", "brier-macro", None]
    assert [(row.name, row.kind) for row in found.rows] == [
        ("a", "measured"), ("floor (best constant)", "floor"), ("A", "published"),
        ("B", "published"),
    ]  # fmt: skip
    assert [cell.value for cell in found.measured[0].cells] == [None, pytest.approx(0.1), None]
    assert len(made.best) == 2, "a printed table is no second place for the best"


# --- pages ---------------------------------------------------------------------------------------


def test_families_come_in_the_order_of_the_layout_and_unknown_types_last():
    kinds = ("segmentation", "dowsing", "classification")
    made = shown([record("a", 0.8, task=f"{kind}-x", record={"task_type": kind}) for kind in kinds])
    assert [family.id for family in made.families] == ["classification", "segmentation", "dowsing"]
    assert made.families[-1].title == "Dowsing"


def test_columns_follow_the_size_of_the_training_list():
    tasks = ("nih-100pct", "nih-1pct", "nih-10pct")
    made = shown([record("a", 0.8, task=task) for task in tasks])
    assert [column.label for column in table(made).columns] == ["1 %", "10 %", "100 %"]
    assert {column.group for column in table(made).columns} == {"NIH ChestX-ray14"}


def test_ends_of_task_ids_that_say_nothing_are_left_out():
    def labels(*tasks):
        made = shown([record("a", 0.8, task=task, dataset={"name": task.partition("-")[0]},
                             data={"ids": task}) for task in tasks])  # fmt: skip
        return [column.label for column in table(made).columns]

    assert labels("nih-seg", "rsna-seg") == ["", ""]
    assert labels("nih-100pct", "rsna-100pct") == ["100 %", "100 %"]


def test_details_have_all_metrics_of_every_task():
    made = golden()
    found = made.families[0].details
    assert len({each.id for each in found}) == len(found)
    shown_tasks = {(r.spec.task, r.spec.protocol, bool(r.unranked_because))
                   for r in made.runs.values()}  # fmt: skip
    assert {(t.columns[0].task, t.protocol, not t.ranked) for t in found} == shown_tasks
    assert {c.metric for t in found for c in t.columns} == {"auroc-macro", "brier-macro"}
    assert found[0].columns[0].main
    assert not found[0].columns[1].main


def test_ids_are_unique_and_fit_for_anchors():
    tables = [t for f in golden().families for t in (*f.tables, *f.details)]
    assert len({t.id for t in tables}) == len(tables)
    for each in tables:
        assert set(each.id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")


def test_every_mark_is_explained_and_every_table_rectangular():
    for family in golden().families:
        for each in (*family.tables, *family.details):
            for row in each.rows:
                assert len(row.cells) == len(each.columns)
                for cell in row.cells:
                    assert set(cell.marks) <= set(MARKS)
                    assert cell.value is None or math.isfinite(cell.value)


def test_the_best_are_told_with_what_sets_them_apart():
    made = shown([record("a", 0.8), record("a", 0.9, precision="bf16"), record("b", 0.9)])
    (best,) = made.best
    assert [name for name, _ in best.cells] == ["a (precision bf16)", "b"]
    assert best.second is None, "two share the first place"
    assert best.column.task == "nih-1pct"
    (other,) = shown([record("a", 0.8), record("b", 0.9)]).best
    assert (other.cells[0][0], other.second[0]) == ("b", "a")


def test_the_footer_tells_dates_and_commits():
    def on(day, commit):
        found = record(f"m{day}", 0.8)
        made = found.provenance.model_copy(
            update={"created": f"2026-01-{day}T00:00:00+00:00", "git": {"commit": commit * 40}}
        )
        return found.model_copy(update={"provenance": made})

    footer = shown([on("09", "b"), on("03", "a"), on("05", "a")]).footer
    assert (footer.records, footer.oldest, footer.newest) == (3, "2026-01-03", "2026-01-09")
    assert footer.commits == ("a" * 12, "b" * 12)
