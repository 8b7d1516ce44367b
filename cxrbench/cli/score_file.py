"""`cxrbench score FILE`: what is done with a file of reports."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxrbench.cli.output import note, print_json, print_table
from cxrbench.errors import BadRequest, DataError

if TYPE_CHECKING:
    from cxrbench.metrics.paired import PairedDifference
    from cxrbench.metrics.ranking import FloatArray
    from cxrbench.metrics.score import ScoredMetric
    from cxrbench.metrics.text.inputs import TextInput
    from cxrbench.reports.pairs import ReportPairs

_BY = ("rouge-l", "bleu4", "meteor", "cider", "bleu1")
"""What says which report is worst, the first that is there; ROUGE-L says most about one report."""


@dataclass(frozen=True)
class FileRequest:
    """What was asked for; see the options of `cxrbench score`."""

    path: Path
    metrics: tuple[str, ...]
    preset: str
    cut: int | None
    tokenizer: Path | None
    unique: bool
    id_column: str | None
    group: str | None
    compare: Path | None
    per_report: Path | None
    html: Path | None
    cases: int
    replicates: int
    seed: int


def score_file(request: FileRequest, *, json: bool) -> None:
    """Score a file, print the scores, and write what else was asked for.

    Raises:
        BadRequest: When the request or the file is wrong.
    """
    from cxrbench.metrics.paired import compare
    from cxrbench.metrics.score import fitting_metric, score
    from cxrbench.metrics.text.groups import expand
    from cxrbench.metrics.text.ids import Cut
    from cxrbench.reports.pairs import read_pairs

    cut = Cut(request.cut, "tokens" if request.tokenizer else "words") if request.cut else None
    ids = expand(request.metrics, request.preset, cut=cut, unique=request.unique)
    _check_outputs(request)
    pairs = read_pairs(request.path, id_column=request.id_column, group=request.group)
    data = _input(pairs, ids, request)
    other = None
    if request.compare:
        other = _input(_same_reports(pairs, request), ids, request)
    scored = score(data, ids, pairs.groups, request.replicates, request.seed)
    differences: dict[str, PairedDifference] = {}
    if other is not None:
        differences = compare(data, other, ids, pairs.groups, request.replicates, request.seed)
    values = {name: fitting_metric(name, data).per_sample(data) for name in ids}
    per_report = {name: found for name, found in values.items() if found is not None}
    if request.per_report:
        _write_per_report(request.per_report, pairs, per_report)
    if request.html:
        _write_page(request.html, pairs, scored, per_report, request.cases)
    empty = sum(not text.strip() for text in pairs.generated)
    if empty:
        note(f"{empty} of {len(pairs)} generated reports are empty")
    if json:
        print_json(_as_json(request, pairs, scored, differences))
    else:
        _print(scored, differences)


def _check_outputs(request: FileRequest) -> None:
    """Refuse before the work what could not be written after it.

    Raises:
        BadRequest: When an output is a folder, or the file that is read.
    """
    for path in filter(None, (request.per_report, request.html)):
        if path.is_dir() or path in {request.path, request.compare}:
            raise BadRequest(
                f"cannot write {path}",
                why="it is a folder" if path.is_dir() else "it is the file to be scored",
                fix="give the name of a new file",
            )


def _input(pairs: ReportPairs, ids: Sequence[str], request: FileRequest) -> TextInput:
    from cxrbench.metrics.text.ids import SECTION_IDS
    from cxrbench.metrics.text.inputs import TextInput
    from cxrbench.metrics.text.sections import StructuredInput

    kind = StructuredInput if set(ids) & set(SECTION_IDS) else TextInput
    tokenizer = _tokenizer(request.tokenizer) if request.tokenizer else None
    return kind.of(pairs.references, pairs.generated, tokenizer)


def _tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises bare exceptions
        raise BadRequest(
            f"{path} is no tokenizer",
            why=str(error).splitlines()[0],
            fix="give a tokenizer.json, or the folder that holds one",
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _same_reports(pairs: ReportPairs, request: FileRequest) -> ReportPairs:
    """The reports of the other file in the order of the first.

    Raises:
        DataError: When ids or references differ.
    """
    from cxrbench.reports.pairs import ReportPairs, read_pairs

    path = request.compare or request.path
    named = request.id_column if pairs.has_ids else None
    other = read_pairs(path, id_column=named)
    place = {name: position for position, name in enumerate(other.ids)}
    missing = [name for name in pairs.ids if name not in place]
    extra = len(place) - (len(pairs) - len(missing))
    if missing or extra or pairs.has_ids != other.has_ids:
        raise DataError(
            f"{pairs.name} and {other.name} are not of the same reports",
            why=f"{len(missing)} ids are in the first alone, {extra} in the second alone",
            fix="give two files with the same ids",
        )
    rows = [place[name] for name in pairs.ids]
    differ = [
        name
        for name, row, reference in zip(pairs.ids, rows, pairs.references, strict=True)
        if other.references[row] != reference
    ]
    if differ:
        raise DataError(
            f"{pairs.name} and {other.name} have other references",
            why=f"{len(differ)} of {len(pairs)} differ, the first is that of {differ[0]}",
            fix="write the same reference for the same id into both",
        )
    generated = tuple(other.generated[row] for row in rows)
    return ReportPairs(other.name, pairs.ids, pairs.references, generated)


def _write_per_report(path: Path, pairs: ReportPairs, values: Mapping[str, FloatArray]) -> None:
    """Ids and values; no text."""
    from cxrbench.atomic import write_text

    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["id", *values])
    for row, name in enumerate(pairs.ids):
        numbers = [float(column[row]) for column in values.values()]
        writer.writerow([name, *("" if math.isnan(v) else repr(v) for v in numbers)])
    write_text(path, file.getvalue())


def _write_page(
    path: Path,
    pairs: ReportPairs,
    scored: Mapping[str, ScoredMetric],
    values: Mapping[str, FloatArray],
    cases: int,
) -> None:
    from cxrbench.atomic import write_text
    from cxrbench.metrics.text.groups import short_name
    from cxrbench.reports.page import render_page

    if not values:
        raise BadRequest(
            "there is nothing to show",
            why="none of the metrics has a value for each report",
            fix="ask for a metric such as rouge-l as well",
        )
    by = next((i for name in _BY for i in values if short_name(i) == name), next(iter(values)))
    lines = [
        (name, _four(found.value), _interval(found.ci95), _four(found.floor))
        for name, found in scored.items()
    ]
    short = {name: short_name(name) for name in values}
    if len(set(short.values())) < len(short):
        short = dict(zip(values, values, strict=True))
    page = render_page(
        pairs,
        {short[name]: column.tolist() for name, column in values.items()},
        short[by],
        ("metric", "value", "95 % interval", "floor"),
        lines,
        cases,
        [f"{name} has no value. {found.reason}" for name, found in scored.items() if found.reason],
    )
    write_text(path, page)


def _as_json(
    request: FileRequest,
    pairs: ReportPairs,
    scored: Mapping[str, ScoredMetric],
    differences: Mapping[str, PairedDifference],
) -> dict[str, Any]:
    from cxrbench.metrics.text.groups import short_name

    groups = None if pairs.groups is None else len(set(pairs.groups))
    kept = ("value", "n", "ci95", "ci_method", "floor", "higher_is_better", "unit", "impl")
    found: dict[str, Any] = {
        "file": pairs.name,
        "reports": len(pairs),
        "distinct_references": len(set(pairs.references)),
        "groups": groups,
        "preset": request.preset,
        "metrics": {
            name: {"name": short_name(name)}
            | one.model_dump(mode="json", include={*kept, "reason"})
            | ({"readers": one.readers} if one.readers else {})
            | ({_classes(name): one.per_class} if one.per_class else {})
            for name, one in scored.items()
        },
    }
    if request.compare:
        found["compared_with"] = request.compare.name
        found["differences"] = {n: d.model_dump(mode="json") for n, d in differences.items()}
    return found


def _classes(metric_id: str) -> str:
    """What the values of a macro mean are values of."""
    from cxrbench.metrics.text.ids import SECTION_IDS, SRR_IDS

    return "per_section" if metric_id in {*SECTION_IDS, *SRR_IDS} else "per_class"


def _print(scored: Mapping[str, ScoredMetric], differences: Mapping[str, PairedDifference]) -> None:
    columns = ["metric", ">value", ">95 % interval", ">floor", ">n"]
    if differences:
        columns += [">difference", ">95 % interval", ">p", ">p (Holm)"]
    rows = []
    for name, one in scored.items():
        row = [name, _four(one.value), _interval(one.ci95), _four(one.floor), str(one.n)]
        if differences:
            gap = differences[name]
            row += [_four(gap.difference, sign=True), _interval(gap.ci95)]
            row += [_four(gap.p), _four(gap.p_holm)]
        rows.append(row)
    print_table(columns, rows)
    for reason in dict.fromkeys(one.reason for one in scored.values() if one.reason):
        without = [name for name, one in scored.items() if one.reason == reason]
        note(f"{', '.join(without)}: no value. {reason}")


def _four(value: float | None, *, sign: bool = False) -> str:
    return "–" if value is None else f"{value:{'+' if sign else ''}.4f}"


def _interval(bounds: tuple[float, float] | None) -> str:
    return "–" if bounds is None else f"{bounds[0]:.4f} to {bounds[1]:.4f}"
