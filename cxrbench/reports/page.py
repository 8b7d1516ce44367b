"""A page that shows reports side by side, worst and best first; one file that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from cxrbench.reports.page_findings import Outcome, outcomes
from cxrbench.reports.page_style import STYLE
from cxrbench.reports.page_texts import side_by_side
from cxrbench.reports.pairs import ReportPairs

_LEGEND = (
    '<p class="legend"><span><mark class="both">finding</mark> in both</span>'
    '<span><mark class="missed">finding</mark> in the reference only: missed</span>'
    '<span><mark class="added">finding</mark> in the generated report only: added</span>'
    '<span><mark class="both denied">finding</mark> denied</span>'
    "<span><u>words</u> in both</span></p>"
)
_NAMES: Mapping[Outcome, str] = {"both": "in both", "missed": "missed", "added": "added"}


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
        f"<title>{escape(pairs.name)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(pairs.name)}</h1>",
        f'<p class="note">{len(pairs):,} reports, {len(worst) + len(best):,} of them shown, by '
        f"{escape(by)} of each report. This page holds the texts of reports: keep it as "
        "confidential as they are.</p>",
        '<p class="note">Findings are those that a reader of rules finds, 14 kinds in all; it is '
        "wrong at times. What is uncertain counts as present. Point at one to read what both "
        "reports say of it.</p>",
        _LEGEND,
        *(f'<p class="note">{escape(note)}</p>' for note in notes),
        f"<table><tr>{head}</tr>{body}</table>",
    ]
    for title, rows in (("Worst", worst), ("Best", best)):
        if rows:
            parts.append(f"<h2>{title}</h2>")
            parts += [_case(pairs, scores, row) for row in rows]
    return "\n".join([*parts, "</body></html>\n"])


def _case(pairs: ReportPairs, scores: Mapping[str, Sequence[float]], row: int) -> str:
    texts = pairs.references[row], pairs.generated[row]
    group = "" if pairs.groups is None else f" · {escape(pairs.groups[row])}"
    told = " · ".join(f"{escape(name)} {_shown(values[row])}" for name, values in scores.items())
    columns = "".join(
        f'<section><h4>{title}</h4><p class="report">{text}</p></section>'
        for title, text in zip(("Reference", "Generated"), side_by_side(*texts), strict=True)
    )
    return (
        f'<article><h3>{escape(pairs.ids[row])}{group}</h3><p class="scores">{told}</p>'
        f'<p class="findings">{_findings(*texts)}</p><div>{columns}</div></article>'
    )


def _findings(reference: str, generated: str) -> str:
    """A line that names the findings of both reports, by outcome."""
    found = outcomes(reference, generated)
    parts = [
        f"{_NAMES[outcome]}: "
        + ", ".join(f'<mark class="{outcome}">{escape(name)}</mark>' for name in names)
        for outcome, names in found.items()
        if names
    ]
    return " · ".join(parts) or "no finding is stated in either"


def _number(value: float) -> float:
    """NaN last of the worst: what has no value is not bad."""
    return float("inf") if value != value else value


def _shown(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"
