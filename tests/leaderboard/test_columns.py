"""A column never mixes metric ids, protocols or states of the data: it is tried here."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made import paper, printed, record, shown
from test_overview import ranked

from cxrbench.errors import BadRequest, MixedError
from cxrbench.leaderboard.columns import column_of, measured_entry, published_entry
from cxrbench.leaderboard.groups import groups_of


def entry(metric="auroc-macro", **changes):
    (group,) = groups_of([record("a", 0.8, **changes)])
    return measured_entry(group, metric)


def quote(**changes):
    made = paper(printed(**changes))
    table = made.tables[0]
    return published_entry(made, table, table.rows[0], 0)


def test_numbers_made_in_one_way_make_a_column():
    column = column_of([entry(protocol="cogaze@1"), quote()])
    assert (column.task, column.metric, column.protocol) == ("nih-1pct", "auroc-macro", "cogaze@1")
    assert column.printed_as == "AUROC"
    assert column.data_key


@pytest.mark.parametrize(
    ("other", "one", "two"),
    [
        (entry("brier-macro"), "auroc-macro", "brier-macro"),
        (entry(protocol="cogaze@1"), "strict@1", "cogaze@1"),
        (entry(task="nih-10pct"), "nih-1pct", "nih-10pct"),
        (entry(data={"train_ids": "other"}), "states of the data", ""),
        (entry(limit=5), "states of the data", ""),
        (entry(task_version=2), "states of the data", ""),
        (quote(), "strict@1", "cogaze@1"),
        (quote(protocol=None), "strict@1", "not told"),
        (
            quote(
                protocol="strict@1",
                columns=[{"task": "nih-1pct", "metric": "accuracy-top1", "printed_as": "AUROC"}],
            ),
            "auroc-macro",
            "accuracy-top1",
        ),
        (replace(entry(), unit="rank"), "fraction", "rank"),
        (replace(entry(), higher_is_better=False), "directions", ""),
    ],
)
def test_numbers_made_in_two_ways_do_not(other, one, two):
    first = entry()
    for pair in ([first, other], [other, first]):
        with pytest.raises(MixedError) as caught:
            column_of(pair)
        told = str(caught.value)
        assert one in told
        assert two in told
        assert first.name in caught.value.why
        assert other.name in caught.value.why
    assert issubclass(MixedError, BadRequest)


def test_unknown_metrics_of_two_papers_are_two_metrics():
    unknown = [{"task": None, "group": "X", "metric": None, "printed_as": "F1"}]
    one = quote(columns=unknown, alone=True)
    assert column_of([one, one]).metric is None
    with pytest.raises(MixedError):
        column_of([one, quote(columns=unknown, alone=True, table="4")])
    with pytest.raises(MixedError):
        column_of([one, replace(one, printed_as="AUC")])


def test_a_run_that_failed_fits_any_unit():
    blank = replace(entry(), unit=None, higher_is_better=None)
    column = column_of([blank, replace(entry(), unit="rank", higher_is_better=False)])
    assert (column.unit, column.higher_is_better) == ("rank", False)


def test_a_board_of_records_that_disagree_on_a_metric_is_refused():
    """Two plugins that mean different things by one id."""
    one, other = ranked("a", 3.5), ranked("b", 4.5)
    facts = other.metrics["median-rank"].model_copy(update={"higher_is_better": True})
    other = other.model_copy(update={"metrics": {**other.metrics, "median-rank": facts}})
    shown([one])
    with pytest.raises(MixedError, match="directions"):
        shown([one, other])


def test_no_table_holds_two_protocols_and_no_column_two_metrics():
    records = [record("a", 0.8), record("b", 0.9, protocol="cogaze@1"), record("c", limit=3)]
    made = shown(records, paper(printed(protocol="benchx@1"), printed(table="9")))
    tables = [t for family in made.families for t in (*family.tables, *family.details)]
    assert {table.protocol for table in tables} == {"strict@1", "cogaze@1", "benchx@1"}
    for table in tables:
        assert {column.protocol for column in table.columns} == {table.protocol}
        for row in table.measured:
            for cell, column in zip(row.cells, table.columns, strict=True):
                for run_id in cell.run_ids:
                    spec = made.runs[run_id].spec
                    assert (spec.protocol, spec.task) == (column.protocol, column.task)
                    assert column.metric in made.runs[run_id].metrics
