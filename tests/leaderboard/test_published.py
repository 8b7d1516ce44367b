"""Numbers of papers: the schema, and the files of the repository."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import yaml
from made import paper, printed
from pydantic import ValidationError

from cxrbench.errors import BadRequest
from cxrbench.leaderboard.layout import read_layout
from cxrbench.leaderboard.published import FOLDER, Paper, read_paper, read_published
from cxrbench.metrics import get_metric
from cxrbench.registry import Registry

PAGES = Path(__file__).parents[2] / "leaderboards"
PAPERS = read_published(PAGES)
TABLES = [(each, table) for each in PAPERS for table in each.tables]


# --- the schema ----------------------------------------------------------------------------------


def refused(**changes):
    with pytest.raises(ValidationError) as caught:
        paper(printed(**changes))
    return str(caught.value)


COLUMN = {"task": "nih-1pct", "metric": "auroc-macro", "printed_as": "AUROC"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": [{"method": "A", "values": [80, 81]}]}, "2 values for 1 columns"),
        ({"rows": [{"method": "A", "values": ["80"]}]}, "expected a number"),
        ({"rows": [{"method": "A", "values": [True]}]}, "expected a number"),
        ({"rows": [{"method": "A", "values": [[80, 1, 2]]}]}, "expected a number"),
        ({"rows": [{"method": "A", "values": [[80, -1]]}]}, "not negative"),
        ({"rows": [{"method": "A", "values": [float("nan")]}]}, "expected a number"),
        ({"rows": []}, "at least 1"),
        ({"rows": [{"method": "A", "values": [1]}] * 2}, "stands twice"),
        (
            {"columns": [COLUMN] * 2, "rows": [{"method": "A", "values": [1, 2]}]},
            "two columns are auroc-macro of nih-1pct",
        ),
        ({"columns": [{**COLUMN, "metric": None}]}, "alone: true"),
        ({"columns": [{**COLUMN, "task": None, "group": "X"}]}, "alone: true"),
        ({"columns": [{**COLUMN, "task": None}], "alone": True}, "`group` says what data"),
        ({"columns": [{**COLUMN, "metric": ["auroc-macro", "brier-macro"]}]}, "string"),
        ({"columns": [{**COLUMN, "printed": "permille"}]}, "percent"),
        ({"surprise": 1}, "Extra"),
        ({"seeds": 0}, "greater than or equal to 1"),
    ],
)
def test_what_is_no_printed_table_is_refused(changes, words):
    assert words in refused(**changes)


def test_a_value_is_what_was_printed():
    made = paper(printed(rows=[{"method": "A", "values": [[81.4, 0.25]]}]))
    (value,) = made.tables[0].rows[0].values
    assert (str(value.mean), str(value.sd), value.digits) == ("81.4", "0.25", 2)


@pytest.mark.parametrize(
    ("table", "page", "words"),
    [("3", None, "Table 3"), ("A13", 7, "Table A13, p. 7"), ("Figure 4", None, "Figure 4"),
     ("text", None, "text")],
)  # fmt: skip
def test_a_table_says_where_it_is(table, page, words):
    assert paper(printed(table=table, page=page)).tables[0].where == words


def test_a_file_that_is_wrong_is_named(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("id: [")
    with pytest.raises(BadRequest, match=r"x\.yaml"):
        read_paper(path)
    path.write_text(yaml.safe_dump({"id": "x", "name": "X", "title": "X", "year": 2026,
                                    "tables": [printed(rows=[])]}))  # fmt: skip
    with pytest.raises(BadRequest) as caught:
        read_paper(path)
    assert str(path) in caught.value.why
    assert "tables.0.rows" in caught.value.why


def test_two_files_of_one_paper_are_refused(tmp_path):
    folder = tmp_path / FOLDER
    folder.mkdir()
    for name in ("a", "b"):
        content = {"id": "same", "name": "X", "title": "X", "year": 2026}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(BadRequest, match="two files"):
        read_published(tmp_path)
    assert read_published(tmp_path / "nowhere") == []


def test_the_recipe_of_the_documentation_is_a_paper():
    text = (PAGES.parent / "docs" / "leaderboards.md").read_text()
    (recipe,) = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    found = Paper.model_validate(yaml.safe_load(textwrap.dedent(recipe)))
    assert found.tables[0].rows[0].values[0].sd is not None
    assert found.tables[0].where == "Table 3, p. 7"


# --- the files -----------------------------------------------------------------------------------


def test_the_files_are_named_after_their_papers():
    assert {path.stem for path in (PAGES / FOLDER).glob("*.yaml")} == {p.id for p in PAPERS}
    assert {"cogaze", "benchx"} <= {p.id for p in PAPERS}


@pytest.mark.parametrize(("each", "table"), TABLES, ids=lambda x: getattr(x, "table", None))
def test_tasks_metrics_protocols_models_and_pages_are_known(each: Paper, table):
    registry = Registry.discover()
    tasks, models = set(registry.tasks.ids()), set(registry.models.ids())
    assert table.family in read_layout(PAGES).families
    assert table.protocol in {None, *registry.protocols.ids()}
    for row in table.rows:
        assert row.model in {None, *models}
    for column in table.columns:
        assert column.task in tasks | {None}
        if column.task in tasks and table.protocol is not None:
            assert table.protocol in registry.tasks.get(column.task).card.protocols
        if column.metric is None:
            continue
        metric = get_metric(column.metric)
        assert (column.unit, column.higher_is_better) == (metric.unit, metric.higher_is_better)


@pytest.mark.parametrize(("each", "table"), TABLES, ids=lambda x: getattr(x, "table", None))
def test_values_are_possible(each: Paper, table):
    for row in table.rows:
        for value, column in zip(row.values, table.columns, strict=True):
            if value is not None and column.unit == "fraction":
                assert 0 <= value.mean * column.factor <= 1
                assert value.sd is None or value.sd * column.factor < 0.1


def cell(paper_id, table, method, task, metric):
    """The printed mean and sd of a cell."""
    found = [
        value
        for each in PAPERS
        if each.id == paper_id
        for t in each.tables
        if t.table == table
        for row in t.rows
        if row.method == method
        for value, column in zip(row.values, t.columns, strict=True)
        if (column.task, column.metric) == (task, metric)
    ]
    assert len(found) == 1
    return tuple(None if n is None else float(n) for n in (found[0].mean, found[0].sd))


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("cogaze", "3", "CoGaze", "nih-1pct", "auroc-macro"), (80.7, 0.2)),
        (("cogaze", "3", "CoGaze", "siim-100pct", "accuracy-top1"), (97.4, 0.1)),
        (("cogaze", "3", "EGMA", "nih-10pct", "auroc-macro"), (73.9, 1.29)),
        (("cogaze", "3", "AFLoc", "rsna-1pct", "accuracy-top1"), (81.5, 0.8)),
        (("benchx", "quoted in Table 3 of CoGaze", "MRM", "rsna-100pct", "f1-binary@0.5"),
         (66.5, 0.2)),
        (("benchx", "quoted in Table 5 of CoGaze", "MedCLIP-R50", "tbx11k-seg",
          "mdice-pooled-with-bg"), (85.52, 0.17)),
        (("cogaze", "4", "CoGaze", "shenzhen-zeroshot", "auroc-macro"), (94.7, None)),
        (("cogaze", "4", "M-FLAG", "rsna-zeroshot", "accuracy-top1"), (77.4, None)),
        (("cogaze", "5", "CoGaze", "rsna-seg", "dice-image-empty1"), (80.22, 0.41)),
        (("cogaze", "Figure 4", "CoGaze", "mimic-5x200", "i2t-hit@5"), (96.2, None)),
        (("cogaze", "Figure 5", "CoGaze", "shenzhen-100pct", "auroc-macro"), (99.47, 0.09)),
        (("cogaze", "1", "CoGaze (DistilGPT2)", "mimic-rrg-cogaze",
          "bleu4-coco-dotspace-ref100tokens"), (0.175, None)),
        (("cogaze", "7", "IoU", "mimic-5x200", "i2t-precision@10"), (49.6, None)),
        (("cogaze", "8", "gaze mask (EGMA style)", "nih-100pct", "auroc-macro"), (85.1, None)),
    ],
)  # fmt: skip
def test_numbers_are_those_of_the_paper(where, value):
    assert cell(*where) == value


def test_every_table_and_figure_of_the_paper_is_there():
    (cogaze,) = (each for each in PAPERS if each.id == "cogaze")
    held = {table.table for table in (*cogaze.tables, *cogaze.facts)}
    assert held >= {"1", "2", "3", "4", "5", "6", "7", "8", "A9", "A10", "A11", "A12", "A13",
                    "Figure 4", "Figure 5"}  # fmt: skip


def test_no_number_called_f1_or_dice_stands_under_two_metrics_of_one_protocol():
    """Definitions differ between protocols, never within one."""
    for name, tasks in (("F1", ("siim-1pct", "rsna-1pct")), ("Dice", ("rsna-seg", "tbx11k-seg"))):
        found = {(table.protocol, column.metric) for _, table in TABLES
                 for column in table.columns
                 if column.printed_as == name and column.task in tasks}  # fmt: skip
        assert len(found) == len({protocol for protocol, _ in found}) == 2
