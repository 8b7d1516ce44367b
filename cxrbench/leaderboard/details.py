"""A Markdown page for each data set: all metrics with 95 % intervals, and values by label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from cxrbench.leaderboard.build import COMMAND, footer
from cxrbench.leaderboard.labels import label_rows
from cxrbench.leaderboard.markdown_parts import NOTICE, literal, table
from cxrbench.leaderboard.tables import RARE, Comparison, comparisons
from cxrbench.leaderboard.units import FRACTION
from cxrbench.leaderboard.words import footer_words
from cxrbench.results.record import Record

FOLDER = "details"


def detail_pages(records: Iterable[Record], command: str = COMMAND) -> dict[str, str]:
    """File name to content.

    The same records give the same bytes, whatever their order and wherever they are.

    Args:
        records: Of any data sets.
        command: What makes the pages again.
    """
    by_dataset: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.run_id):
        by_dataset[record.dataset.name].append(record)
    return {
        f"{FOLDER}/{name}.md": _page(group, command)
        for name, group in sorted(by_dataset.items())
        if any(record.status == "ok" for record in group)
    }


def _page(records: list[Record], command: str) -> str:
    tables = comparisons(records)
    records = [record for record in records if record.status == "ok"]
    parts = [NOTICE, f"# {literal(records[0].dataset.title)}", _legend(records)]
    ranked = [each for each in tables if each.ranked]
    if ranked:
        parts.append("## Ranked")
        parts += [_section(each) for each in ranked]
    else:
        parts.append("## Ranked\n\nNo run on the official split with trained weights yet.")
    unranked = [each for each in tables if not each.ranked]
    if unranked:
        parts.append(
            "## Not ranked\n\nRecorded for what they are: phantoms, custom splits, random weights "
            "and limited runs say nothing about the official benchmark."
        )
        parts += [_section(each) for each in unranked]
    parts.append(f"---\n\n{footer_words(footer(records))} Made by `{command}`.")
    return "\n\n".join(parts) + "\n"


def _legend(records: list[Record]) -> str:
    units = {facts.unit for record in records for facts in record.metrics.values()}
    which = "All numbers in %" if units <= {FRACTION} else "Numbers in % where no unit stands"
    return (
        f"{which}, mean ± sample standard deviation over seeds (number of seeds); one "
        "seed has no ±. The 95 % interval is a bootstrap over patients of the first seed's test "
        "predictions: another uncertainty than the spread over seeds. "
        f"{RARE}: too many of its resamples held no image of some label. The floor is the best "
        "predictor that gives every image the same scores. ↓: lower is better."
    )


def _section(found: Comparison) -> str:
    lead = ["rank", "model"] if found.ranked else ["model"]
    rows = []
    for row in found.rows:
        name = literal(row.name) if row.records else f"*{literal(row.name)}*"
        rank = [] if not found.ranked else ["" if row.rank is None else str(row.rank)]
        rows.append([*rank, name, *row.cells, literal("; ".join(row.notes))])
    title = literal(f"{found.task}, {found.protocol}")
    text = f"### {title}\n\n{found.data.capitalize()}.\n\n"
    text += table([*lead, *map(literal, found.headings), "notes"], rows)
    return text + _by_label(found)


def _by_label(found: Comparison) -> str:
    """The main metric of every label, where it has values by label."""
    rows = label_rows(found)
    if not rows:
        return ""
    lead = f"{literal(found.columns[0])} by label, mean over seeds:"
    return f"\n\n{lead}\n\n{table(rows[0], rows[1:])}"
