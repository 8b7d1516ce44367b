"""A page that shows reports side by side, worst and best first; one file that needs no network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from cxrbench.reports.pairs import ReportPairs
from cxrbench.reports.words import common_places

_WORD = re.compile(r"\w+(?:[.'’-]\w+)*")
_STYLE = """
:root { color-scheme: light dark; --line: #8886; --mark: #2a9d5c44; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .2rem .8rem .2rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
article { border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem;
  margin: 1rem 0; }
article > div { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; }
article h3 { margin: 0; font-size: 1rem; overflow-wrap: anywhere; }
h4 { margin: .3rem 0; font-size: .8rem; font-weight: 600; opacity: .75; }
.scores { margin: .1rem 0 .4rem; font-size: .85rem; opacity: .85; }
p.report { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
mark { background: var(--mark); color: inherit; border-radius: .2rem; padding: 0 .1rem; }
.note { font-size: .9rem; opacity: .8; }
@media (max-width: 45rem) { article > div { grid-template-columns: 1fr; } }
"""


def render_page(
    pairs: ReportPairs,
    scores: Mapping[str, Sequence[float]],
    by: str,
    columns: Sequence[str],
    lines: Sequence[Sequence[str]],
    cases: int,
    notes: Sequence[str] = (),
) -> str:
    """The page.

    Args:
        pairs: What is shown.
        scores: Name of a metric to the value of each report; NaN where it has none.
        by: The metric that says which is worst; a key of `scores`.
        columns: Header of the table at the top.
        lines: Its lines, ready to print.
        cases: How many of the worst are shown, and how many of the best.
        notes: What else is said above the reports.

    Returns:
        HTML with all styles in it. It holds the texts of the reports: it is as confidential as they
        are.
    """
    order = sorted(range(len(pairs)), key=lambda row: (_number(scores[by][row]), row))
    worst = order[:cases]
    best = [row for row in reversed(order) if row not in set(worst)][:cases]
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in lines
    )
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="robots" content="noindex">',
        f"<title>{escape(pairs.name)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(pairs.name)}</h1>",
        f'<p class="note">{len(pairs):,} reports, {len(worst) + len(best):,} of them shown, by '
        f"{escape(by)} of each report. Words that both reports have, in the same order, are "
        "<mark>marked</mark>; case does not matter. This page holds the texts of reports: keep "
        "it as confidential as they are.</p>",
        *(f'<p class="note">{escape(note)}</p>' for note in notes),
        f"<table><tr>{head}</tr>{body}</table>",
    ]
    for title, rows in (("Worst", worst), ("Best", best)):
        if rows:
            parts.append(f"<h2>{title}</h2>")
            parts += [_case(pairs, scores, row) for row in rows]
    return "\n".join([*parts, "</body></html>\n"])


def _case(pairs: ReportPairs, scores: Mapping[str, Sequence[float]], row: int) -> str:
    sides = _marked(pairs.references[row], pairs.generated[row])
    group = "" if pairs.groups is None else f" · {escape(pairs.groups[row])}"
    told = " · ".join(f"{escape(name)} {_shown(values[row])}" for name, values in scores.items())
    columns = "".join(
        f'<section><h4>{title}</h4><p class="report">{text}</p></section>'
        for title, text in zip(("Reference", "Generated"), sides, strict=True)
    )
    return (
        f'<article><h3>{escape(pairs.ids[row])}{group}</h3><p class="scores">{told}</p>'
        f"<div>{columns}</div></article>"
    )


def _marked(reference: str, generated: str) -> tuple[str, str]:
    """Both texts as HTML with their common words marked."""
    sides = [list(_WORD.finditer(text)) for text in (reference, generated)]
    words = [[match[0].casefold() for match in side] for side in sides]
    places = common_places(words[0], words[1])
    left, right = (
        _with_marks(text, side, set(shared))
        for text, side, shared in zip((reference, generated), sides, places, strict=True)
    )
    return left, right


def _with_marks(text: str, words: Sequence[re.Match[str]], shared: set[int]) -> str:
    """A text as HTML; marked words that stand side by side are one mark."""
    pieces, end, last = list[str](), 0, -2
    for position, match in enumerate(words):
        if position not in shared:
            continue
        between = escape(text[end : match.start()])
        word = escape(match[0])
        if last == position - 1 and not between.strip():
            pieces[-1] = pieces[-1].removesuffix("</mark>") + f"{between}{word}</mark>"
        else:
            pieces += [between, f"<mark>{word}</mark>"]
        end, last = match.end(), position
    return "".join(pieces) + escape(text[end:]) or '<span class="note">nothing was written</span>'


def _number(value: float) -> float:
    """NaN last of the worst: what has no value is not bad."""
    return float("inf") if value != value else value


def _shown(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"
