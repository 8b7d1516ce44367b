"""`cxrbench label`: what reports say of 14 observations, as a table for training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxrbench.cli.context import DataRootOption, DemoOption, JsonOption, data_roots, registry
from cxrbench.cli.output import note, print_json, print_table, say
from cxrbench.errors import BadRequest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from cxrbench.data.records import Report

_TEXTS = ("report", "text", "Report Impression")
_PAIR = ("subject_id", "study_id")
_IDS = ("study_id", "id", "dicom_id")
_PARTS = ("auto", "impression", "findings", "both")
_PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Reports:
    """Reports to be labelled.

    Attributes:
        ids: Column to the id of each report.
        texts: The reports; none is empty.
        empty: Reports that were left out, having no text.
        restricted: Whether their ids must not leave the machine.
    """

    ids: dict[str, list[str]]
    texts: list[str]
    empty: int
    restricted: bool


def label(
    what: Annotated[
        str,
        typer.Argument(metavar="FILE.csv | DATASET", help="A table of reports, or a data set."),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="TABLE", help="The .csv or .csv.gz to write.")
    ],
    text_column: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help=f"Of a file. [default: {', '.join(_TEXTS)}]"),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Of a file. [default: subject_id and study_id, or study_id, id, dicom_id]",
        ),
    ] = None,
    part: Annotated[
        str,
        typer.Option(
            help="Of a data set's reports: impression, findings, both, or auto for the impression "
            "and the findings where there is none."
        ),
    ] = "auto",
    data_root: DataRootOption = None,
    demo: DemoOption = False,
    device: Annotated[str, typer.Option(help="A torch device; auto takes what is there.")] = "auto",
    precision: Annotated[
        str, typer.Option(help="float32 or bfloat16, which is faster on a GPU.")
    ] = "float32",
    json: JsonOption = False,
) -> None:
    """Label reports with CheXbert: a table of 14 observations.

    The table has the form of MIMIC-CXR-JPG's label tables: 1.0 positive, 0.0 negative, -1.0
    uncertain, blank where not mentioned. Placed beside them as mimic-cxr-2.0.0-chexbert.csv.gz, it
    is read in their place. Reports without text have no row. A report that was labelled before is
    not read again.

    Example: cxrbench label mimic-cxr --out mimic-cxr-2.0.0-chexbert.csv.gz
    """
    _check(out, what, part, precision)
    from cxrbench.execution.machine import choose_device
    from cxrbench.readers import find_reader

    chosen = choose_device(device)
    if Path(what).suffix.lower() == ".csv" or Path(what).is_file():
        reports = _of_file(Path(what), text_column, id_column)
    else:
        reports = _of_data_set(what, part, data_root, demo)
    if not reports.texts:
        raise BadRequest(
            f"{what} has no report",
            why=f"{reports.empty} have no text" if reports.empty else "nothing in it is a report",
            fix="name a table or a data set with reports (`cxrbench list datasets`)",
        )
    found = find_reader("chexbert")
    import torch

    from cxrbench.readers.chexbert import CheXbert
    from cxrbench.readers.label_table import write_labels

    kind: Any = precision
    reader = CheXbert.load(found, device=torch.device(chosen), precision=kind)
    classes = reader.label(reports.texts)
    write_labels(out, reports.ids, classes)
    _say(out, reports, classes, found.sha256, json)


def _check(out: Path, what: str, part: str, precision: str) -> None:
    """Refuse before the work what could not be done after it.

    Raises:
        BadRequest: When the output is no table or is what is read, or an option has another value.
    """
    if not out.name.lower().endswith((".csv", ".csv.gz")) or out.is_dir() or str(out) == what:
        raise BadRequest(
            f"cannot write {out}",
            why="it is the file that is read" if str(out) == what else "it is no table",
            fix="give the name of another file that ends in .csv or .csv.gz",
        )
    for name, given, known in (("part", part, _PARTS), ("precision", precision, _PRECISIONS)):
        if given not in known:
            raise BadRequest(
                f"unknown --{name} {given}", why=f"it is none of {', '.join(known)}", fix="say one"
            )


def _of_file(path: Path, text: str | None, name: str | None) -> Reports:
    from cxrbench.reports.rows import read_csv

    rows = read_csv(path)
    columns = list(rows[0].fields) if rows else []
    told = _column(path, columns, "reports", text, _TEXTS)
    both = not name and set(_PAIR) <= set(columns)
    ids = list(_PAIR) if both else [_column(path, columns, "ids", name, _IDS)]
    kept = [row for row in rows if (row.fields[told] or "").strip()]
    return Reports(
        {one: [row.fields[one] or "" for row in kept] for one in ids},
        [row.fields[told] for row in kept],
        len(rows) - len(kept),
        restricted=False,
    )


def _column(
    path: Path, columns: list[str], of: str, named: str | None, usual: tuple[str, ...]
) -> str:
    """The column that was named, or the first of the usual ones.

    Raises:
        BadRequest: When it is not there.
    """
    wanted = (named,) if named else usual
    found = next((one for one in wanted if one in columns), None)
    if found is None:
        raise BadRequest(
            f"{path.name} has no column of {of} {' or '.join(wanted)}",
            why=f"its columns are {', '.join(columns) or 'none'}",
            fix=f"name it with --{'text' if of == 'reports' else 'id'}-column",
        )
    return found


def _of_data_set(name: str, part: str, roots: list[str] | None, demo: bool) -> Reports:
    from cxrbench.cli.datasets import choose
    from cxrbench.data.open import find_download, read

    registered = registry()
    card = choose(registered, name).card
    samples = read(find_download(card, data_roots(registered, roots), demo=demo)).samples
    studies = {
        (sample.patient, sample.study or sample.id): _text(sample.report, part)
        for sample in samples
        if sample.report is not None
    }
    kept = {key: text for key, text in studies.items() if text}
    ids = {one: [key[place] for key in kept] for place, one in enumerate(_PAIR)}
    restricted = card.access == "credentialed" and not demo
    return Reports(ids, list(kept.values()), len(studies) - len(kept), restricted)


def _text(report: Report, part: str) -> str:
    parts = {
        "impression": report.impression,
        "findings": report.findings,
        "both": f"{report.findings} {report.impression}",
        "auto": report.impression or report.findings,
    }
    return parts[part].strip()


def _say(
    out: Path,
    reports: Reports,
    classes: npt.NDArray[np.uint8],
    sha256: dict[str, str],
    json: bool,
) -> None:
    from cxrbench.readers.observations import OBSERVATIONS

    states = ("not mentioned", "positive", "negative", "uncertain")
    counts = {
        name: {state: int((column == code).sum()) for code, state in enumerate(states)}
        for name, column in zip(OBSERVATIONS, classes.T, strict=True)
    }
    if json:
        print_json(
            {
                "file": str(out),
                "reports": len(reports.texts),
                "without_text": reports.empty,
                "observations": counts,
                "readers": sha256,
            }
        )
    else:
        print_table(
            ["observation", *(f">{state}" for state in states)],
            [(name, *one.values()) for name, one in counts.items()],
        )
        say(f"{len(reports.texts):,} reports: {out}")
    if reports.empty:
        note(f"{reports.empty:,} reports have no text and no row")
    if reports.restricted:
        note("The table has ids of a credentialed data set: keep it where the data may be kept.")
