"""The pages: a pure function of the records, byte for byte."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from made import GOLDEN, given, many, record

from cxrbench.leaderboard.markdown import pages
from cxrbench.leaderboard.pages import differences, remove_stale, write_pages
from cxrbench.leaderboard.tables import FLOOR, MISSING, RARE, comparisons

PAGES = GOLDEN / "leaderboard"


def rows_of(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    lines = text.split(heading, 1)[1].lstrip("\n").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table.append([part.strip() for part in re.split(r"(?<!\\)\|", line)[1:-1]])
    return table


# --- bytes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["README.md", "nih.md", "pipes.md"])
def test_the_pages_of_fixed_records_are_the_golden_ones(name):
    expected = (PAGES / name).read_bytes()
    assert pages(many())[name].encode() == expected


def test_there_is_a_page_for_each_data_set_and_an_index():
    assert set(pages(many())) == {"README.md", "nih.md", "pipes.md"}


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_records_means_nothing(seed):
    mixed = many()
    random.Random(seed).shuffle(mixed)
    assert pages(mixed) == pages(many())


def test_no_records_no_tables():
    assert "No records yet" in pages([])["README.md"]
    assert set(pages([record("failed", None, record={"status": "failed"})])) == {"README.md"}


# --- checking ------------------------------------------------------------------------------------


def test_pages_that_are_as_they_should_be(tmp_path):
    content = pages(many())
    written = write_pages(tmp_path, content)
    assert sorted(path.name for path in written) == sorted(content)
    assert differences(tmp_path, content) == []


def test_writing_again_touches_nothing(tmp_path):
    content = pages(many())
    write_pages(tmp_path, content)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    inodes = {path.name: path.stat().st_ino for path in tmp_path.iterdir()}
    write_pages(tmp_path, content)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert {path.name: path.stat().st_ino for path in tmp_path.iterdir()} == inodes


def edit(folder: Path) -> None:
    path = folder / "nih.md"
    path.write_text(path.read_text().replace("85.0", "95.0", 1))


def stale(folder: Path) -> None:
    """A page of a data set whose records are gone."""
    (folder / "x.md").write_text(pages(many())["pipes.md"])


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (edit, "nih.md differs from what the records say"),
        (lambda folder: (folder / "pipes.md").unlink(), "pipes.md is missing"),
        (stale, "x.md has no record behind it"),
    ],
)
def test_every_difference_is_told(tmp_path, damage, line):
    content = pages(many())
    write_pages(tmp_path, content)
    damage(tmp_path)
    assert differences(tmp_path, content) == [line]


def test_the_command_checks_and_repairs(cli, tmp_path):
    out, records = tmp_path / "pages", tmp_path / "pages" / "records"
    records.mkdir(parents=True)
    for number, each in enumerate(many()):
        (records / f"{number}.json").write_text(each.model_dump_json())
    command = ("leaderboard", "--out", out)
    assert cli(*command, "--check").code == 1, "nothing is written yet"
    assert not (out / "nih.md").exists(), "checking writes nothing"
    assert cli(*command).code == 0
    assert (out / "nih.md").read_bytes() == (PAGES / "nih.md").read_bytes()
    assert cli(*command, "--check").code == 0
    for damage in (edit, stale):
        damage(out)
        found = cli(*command, "--check")
        assert found.code == 1
        assert ".md" in found.err
        assert cli(*command).code == 0
        assert cli(*command, "--check").code == 0, "the advice of --check works"
    assert not (out / "x.md").exists()


def test_what_people_wrote_beside_the_pages_stays(tmp_path):
    content = pages(many())
    (tmp_path / "notes.md").write_text("# Our notes\n")
    write_pages(tmp_path, content)
    stale(tmp_path)
    assert remove_stale(tmp_path, content) == [tmp_path / "x.md"]
    assert differences(tmp_path, content) == []
    assert (tmp_path / "notes.md").read_text() == "# Our notes\n"


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


def test_the_overview_does_not_choose_among_settings():
    text = pages([record("a", 0.8), record("a", 0.9, precision="bf16"), record("b", 0.7)])["nih.md"]
    assert rows_of(text, "### strict@1")[2:] == [
        ["a", "2 settings, see below"],
        ["b", "70.0 (1)"],
    ]


def test_the_overview_keeps_protocols_apart_and_unranked_out():
    text = pages(many())["nih.md"]
    strict = rows_of(text, "### strict@1")
    assert strict[0] == ["model", "nih-1pct", "nih-10pct"]
    assert "random" not in str(strict)
    assert rows_of(text, "### cogaze@1")[2:] == [["encoder-a", "90.0 (1)"]]


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
    text = pages([record("a", 0.9)])["nih.md"]
    header = rows_of(text, "### nih-1pct")[0]
    assert [name for name in header if name.endswith("↓")] == ["brier-macro ↓"]


def test_what_is_not_ranked_never_has_a_rank():
    text = pages(many())["nih.md"]
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
    assert RARE in pages(records)["nih.md"].split("## Ranked")[0]


def test_an_interval_by_label_stands_beside_the_value_it_belongs_to():
    text = pages([record("a", 0.70, 2), record("a", 0.80, 3)])["nih.md"]
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
    title = {"dataset": {"title": name}}
    lines = rows_of(pages([record("a", 0.8, **title)])["README.md"], "# Leaderboards")
    assert {len(line) for line in lines} == {3}
    (model,) = (line for line in rows_of(pages([record(name, 0.8)])["nih.md"], "### nih-1pct")
                if line[0] == "1")  # fmt: skip
    assert len(model) == 6
    assert "|" not in model[1].replace("\\|", "")


@pytest.mark.parametrize("content", pages(many()).values())
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

    text = pages([labels("a", "x", "y"), labels("b", "y", "x")])["nih.md"]
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

    text = pages([older("a", 0.9), record("b", 0.8)])["nih.md"]
    assert rows_of(text, "by label")[-1] == ["*positives*", "42 of 22,433", "0 of 0"]
    assert "positives" not in pages([older("a", 0.9)])["nih.md"]


def test_dates_and_commits_of_the_records_are_told():
    def on(day, commit):
        found = record(f"m{day}", 0.8)
        made = found.provenance.model_copy(
            update={"created": f"2026-01-{day}T00:00:00+00:00", "git": {"commit": commit * 40}}
        )
        return found.model_copy(update={"provenance": made})

    text = pages([on("09", "b"), on("03", "a"), on("05", "a")])["nih.md"]
    assert (
        f"3 records, 2026-01-03 to 2026-01-09, measured with cxrbench at {'a' * 12}, {'b' * 12}"
        in text
    )
    assert "1 record, 2026-01-03, measured" in pages([on("03", "a")])["nih.md"]
