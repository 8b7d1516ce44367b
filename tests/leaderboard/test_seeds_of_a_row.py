"""Seeds that stand in one cell, and rows that lack some; quoted columns without a metric."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import paper, printed, record, shown

from cxrbench.errors import CxrbenchError, MixedError
from cxrbench.leaderboard.board import INCOMPLETE
from cxrbench.leaderboard.columns import measured_entry
from cxrbench.leaderboard.groups import groups_of
from cxrbench.leaderboard.published import read_published
from cxrbench.metrics import get_metric

PAPERS = read_published(Path(__file__).parents[2] / "leaderboards")


def with_metrics(found, names):
    """The record with these metrics, each with the direction and unit that it really has."""
    template = found.metrics["auroc-macro"]
    metrics = {}
    for name in names:
        try:
            known = get_metric(name)
        except CxrbenchError:
            continue
        metrics[name] = template.model_copy(
            update={"unit": known.unit, "higher_is_better": known.higher_is_better}
        )
    return found.model_copy(update={"metrics": metrics, "main_metric": next(iter(metrics))})


def runs_of_every_column():
    """A ranked run of `cogaze` for every task and protocol that papers have columns of."""
    metrics = {}
    for each in PAPERS:
        for table in each.tables:
            for column in table.columns:
                own = metrics.setdefault((column.task, table.protocol or "cogaze@1"), {})
                own.update({column.metric: None} if column.metric else {})
    return [
        with_metrics(record("cogaze", task=task, protocol=protocol), own or ["auroc-macro"])
        for (task, protocol), own in metrics.items()
        if task is not None
    ]


def test_runs_of_a_quoted_model_stand_beside_every_published_column():
    runs = runs_of_every_column()
    assert len({run.spec.task for run in runs}) > 10
    made = shown(runs, *PAPERS)
    beside = 0
    for table in (table for family in made.families for table in family.tables):
        for row in table.measured:
            beside += any(column.metric is None for column in table.columns)
            for cell, column in zip(row.cells, table.columns, strict=True):
                assert column.metric is not None or not cell.run_ids
    assert beside


def test_a_measured_row_is_empty_where_the_paper_does_not_tell_the_metric():
    known = {"task": "nih-1pct", "metric": "auroc-macro", "printed_as": "AUROC"}
    unknown = {"task": "nih-1pct", "metric": None, "printed_as": "F1"}
    row = {"model": "a", "method": "A", "values": [80, 60]}
    quoted = paper(printed(alone=True, columns=[known, unknown], rows=[row]))
    made = shown([record("a", 0.8, protocol="cogaze@1")], quoted)
    (table,) = (each for each in made.families[0].tables if "as-printed" in each.id)
    (measured,) = table.measured
    assert [cell.value for cell in measured.cells] == [0.8, None]
    assert [column.metric for column in table.columns] == ["auroc-macro", None]


# --- seeds that are averaged ---------------------------------------------------------------------

PHANTOM = {"phantom": True}


def test_ranked_and_unranked_seeds_are_not_averaged():
    records = [record("a", 0.8), record("a", 0.4, 1, weights=PHANTOM)]
    assert records[0].spec.group_id == records[1].spec.group_id
    assert [bool(each.unranked_because) for each in records] == [False, True]
    for given in (records, records[::-1]):
        made = shown(given).families[0].tables
        assert [(t.ranked, r.cells[0].value) for t in made for r in t.measured] == [
            (True, 0.8), (False, 0.4),
        ]  # fmt: skip
    (only,) = shown(records, unranked=False).families[0].tables
    assert [row.cells[0].value for row in only.measured] == [0.8]


def test_seeds_that_are_unranked_for_other_reasons_are_two_rows():
    one, other = record("a", 0.8, dataset={"kind": "phantom"}), record("a", 0.4, 1)
    train = other.dataset.splits["train"].model_copy(update={"official": False})
    splits = {**other.dataset.splits, "train": train}
    dataset = other.dataset.model_copy(update={"splits": splits})
    other = other.model_copy(update={"dataset": dataset})
    (table,) = shown([one, other]).families[0].tables
    assert not table.ranked
    told = {row.notes[0]: row.cells[0].value for row in table.measured}
    assert told == {"phantom data": 0.8, "custom split": 0.4}
    assert len({row.key for row in table.measured}) == 2


@pytest.mark.parametrize(
    ("change", "word"), [({"unit": "rank"}, "units"), ({"higher_is_better": False}, "directions")]
)
def test_seeds_that_disagree_on_a_metric_are_refused(change, word):
    one, other = record("a", 0.8), record("a", 0.9, 1)
    facts = other.metrics["auroc-macro"].model_copy(update=change)
    other = other.model_copy(update={"metrics": {**other.metrics, "auroc-macro": facts}})
    (group,) = groups_of([one, other])
    with pytest.raises(MixedError, match=word) as caught:
        measured_entry(group, "auroc-macro")
    assert one.run_id in caught.value.why
    assert other.run_id in caught.value.why
    with pytest.raises(MixedError, match=word):
        shown([one, other])


# --- rows that lack seeds ------------------------------------------------------------------------


def marks_of(records):
    (table,) = (t for t in shown(records).families[0].tables if t.ranked)
    return {row.name: (row.cells[0].n, row.cells[0].expected, row.cells[0].marks)
            for row in table.measured}  # fmt: skip


def test_a_record_that_was_deleted_leaves_a_mark():
    records = [record(name, 0.8, seed) for name in "ab" for seed in range(3)]
    assert marks_of(records) == {"a": (3, 3, ()), "b": (3, 3, ())}
    assert marks_of(records[:-1]) == {"a": (3, 3, ()), "b": (2, 3, (INCOMPLETE,))}


def test_seeds_of_runs_that_are_not_ranked_ask_for_none():
    unranked = [record("b", 0.8, seed, limit=10) for seed in range(3)]
    assert marks_of([record("a", 0.8), *unranked]) == {"a": (1, 1, ())}
