"""The front page: the best model of every task, and where everything is."""

from __future__ import annotations

from collections import Counter

from cxrbench.leaderboard.board import Best, Board
from cxrbench.leaderboard.headings import metric_heading
from cxrbench.leaderboard.markdown_parts import NOTICE, literal, table
from cxrbench.leaderboard.words import cell_words, footer_words, interval_words

INDEX = "README.md"


def index_page(board: Board) -> str:
    """The page in Markdown."""
    parts = [NOTICE, "# Leaderboards"]
    if not board.runs:
        parts.append("No records yet: `cxrbench run` makes them, `cxrbench leaderboard` this page.")
    if board.best:
        parts.append("## Best by task\n\nMean ± sd over seeds (n), in % where no unit stands; the "
                     "95 % interval is a bootstrap over patients of the first seed.")  # fmt: skip
        columns = ["task", "protocol", "metric", "best model", "value", "95 % CI", "second"]
        parts.append(table(columns, [_line(best) for best in board.best]))
    if board.families:
        rows = [
            [f"[{literal(family.title)}]({family.id}.md)", f"{family.records:,}", str(published)]
            for family in board.families
            for published in [sum(len(each.published) for each in family.tables)]
        ]
        parts.append("## Pages\n\n" + table(["page", "records", "published rows"], rows))
    parts += _papers(board)
    titles = {r.dataset.name: r.dataset.title for r in board.runs.values() if r.status == "ok"}
    if titles:
        rows = [
            [f"[{literal(title)}](details/{name}.md)"] for name, title in sorted(titles.items())
        ]
        parts.append("## All metrics, with 95 % intervals\n\n" + table(["data set"], rows))
    parts += _left_out(board)
    parts.append(f"---\n\n{footer_words(board.footer)} Made by `{board.footer.command}`.")
    return "\n\n".join(parts) + "\n"


def _line(best: Best) -> list[str]:
    column, (_, first) = best.column, best.cells[0]
    names = ", ".join(name for name, _ in best.cells)
    second = ""
    if best.second is not None:
        name, cell = best.second
        second = f"{name}: {cell_words(cell, column)}"
    return [
        f"[{literal(column.task or '')}]({best.family}.md#{best.table})",
        column.protocol or "",
        literal(metric_heading(column)),
        literal(names),
        f"{cell_words(first, column)}{''.join(first.marks)}",
        interval_words(first, column),
        literal(second),
    ]


def _papers(board: Board) -> list[str]:
    """Where published rows are from."""
    sources = {row.source.paper: row.source.url for family in board.families
               for each in family.tables for row in each.published if row.source}  # fmt: skip
    if not sources:
        return []
    links = (f"[{literal(paper)}]({url})" if url else literal(paper)
             for paper, url in sorted(sources.items()))  # fmt: skip
    return [f"Published rows are quoted from {', '.join(links)}."]


def _left_out(board: Board) -> list[str]:
    """What the tables do not show, and how to see it."""
    parts = []
    if board.hidden:
        count = "1 record is" if board.hidden == 1 else f"{board.hidden:,} records are"
        parts.append(
            f"{count} not ranked and not shown: `cxrbench leaderboard --include unranked`."
        )
    reasons = Counter(reason for r in board.runs.values() for reason in r.unranked_because)
    if reasons:
        listed = ", ".join(f"{reason} ({count:,})" for reason, count in sorted(reasons.items()))
        parts.append(f"**Not ranked**, since they say nothing about the benchmark: {listed}.")
    if board.failed:
        count = "1 run" if len(board.failed) == 1 else f"{len(board.failed):,} runs"
        parts.append(f"{count} failed; the pages name them. `cxrbench show RUN` tells why.")
    return parts
