"""A file of reference reports and generated ones, as anyone may hand it over.

* CSV, UTF-8, with the columns `reference_report` and `generated_report`, and an id (`dicom_id` or
  `id`, or the column that is named); other columns can name groups, such as the patient.
* JSON, id to an object with both texts (ReXrank: `model_prediction` beside `section_findings` and
  `section_impression`), or a list of such objects with an id in each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrbench.errors import BadRequest, DataError
from cxrbench.names import did_you_mean
from cxrbench.reports.rows import FileRow, read_csv, read_json

ID = ("dicom_id", "id", "study_id", "case_id")
REFERENCE = ("reference_report", "reference", "gt", "ground_truth", "gt_report")
GENERATED = (
    "generated_report", "generated", "prediction", "model_prediction", "pred", "predicted_report",
)  # fmt: skip
SECTIONS = (("section_findings", "section_impression"), ("findings", "impression"))
"""Where a file tells the sections of the reference and not the whole, as ReXrank's does."""
_NO_TEXT = frozenset({"nan", "NaN"})
"""What pandas writes for a missing text that was made a string."""


@dataclass(frozen=True)
class ReportPairs:
    """References and generated reports, in the order of the file.

    Attributes:
        name: File name.
        ids: Unique; row numbers from 1 where the file has none.
        references: Reference reports, none of them empty.
        generated: Generated reports; an empty one is what the model wrote.
        groups: Group of each report (patient or study), None where not asked for.
        has_ids: Whether the ids are the file's own.
    """

    name: str
    ids: tuple[str, ...]
    references: tuple[str, ...]
    generated: tuple[str, ...]
    groups: tuple[str, ...] | None = None
    has_ids: bool = True

    def __len__(self) -> int:
        return len(self.ids)


def read_pairs(
    path: Path, *, id_column: str | None = None, group: str | None = None
) -> ReportPairs:
    """Read a file of reports.

    Args:
        path: CSV or JSON, told apart by its name.
        id_column: Column of the ids; None: the first of `ID` that is there.
        group: Column of the groups to resample.

    Raises:
        BadRequest: When the name ends in neither `.csv` nor `.json`.
        DataError: When the file cannot be read, a column or text is missing, or ids repeat.
    """
    suffix = path.suffix.lower()
    if suffix not in {".csv", ".json"}:
        raise BadRequest(
            f"cannot score {path.name}",
            why=f"{suffix or 'a name without ending'} is no known kind of report file",
            fix="give a .csv with reference_report and generated_report, or a .json",
        )
    rows = read_csv(path) if suffix == ".csv" else read_json(path)
    if not rows:
        raise DataError(
            f"{path.name} holds no reports",
            why="there is no row below the header" if suffix == ".csv" else "it is empty",
            fix="check that the predictions were written",
        )
    known = {key: None for row in rows for key in row.fields}
    # The keys of a JSON object are its ids, whatever its entries hold besides.
    keyed = any(row.key is not None for row in rows)
    column = id_column or (None if keyed else _first(ID, known))
    for wanted in filter(None, (id_column, group)):
        if wanted not in known:
            raise DataError(
                f"{path.name} has no column {wanted}",
                why=f"its columns are {', '.join(known)}",
                fix=did_you_mean(wanted, known, f"head {path.name}"),
            )
    generated = _column(path, known, GENERATED)
    reference = _first(REFERENCE, known)
    sections = next((pair for pair in SECTIONS if any(key in known for key in pair)), None)
    if reference is None and sections is None:
        reference = _column(path, known, REFERENCE)
    ids = tuple(_id(path, row, column) for row in rows)
    _check_unique(path, ids)
    return ReportPairs(
        name=path.name,
        ids=ids,
        references=tuple(_reference(path, row, reference, sections) for row in rows),
        generated=tuple(_text(path, row, generated, empty=True) for row in rows),
        groups=tuple(_group(path, row, group) for row in rows) if group else None,
        has_ids=keyed or column is not None,
    )


def _first(names: Sequence[str], known: Mapping[str, Any]) -> str | None:
    return next((name for name in names if name in known), None)


def _column(path: Path, known: Mapping[str, Any], names: Sequence[str]) -> str:
    found = _first(names, known)
    if found is None:
        raise DataError(
            f"{path.name} has no column {names[0]}",
            why=f"its columns are {', '.join(known)}",
            fix=f"call the column of these reports {names[0]} (docs/report-metrics.md)",
        )
    return found


def _id(path: Path, row: FileRow, column: str | None) -> str:
    found = row.fields.get(column) if column else row.key
    if column is None and found is None:
        return str(row.number)
    if found is None or isinstance(found, float | list | dict) or not str(found).strip():
        raise DataError(
            f"a report of {path.name} has no id",
            why=f"{row.where}: {column or 'the id'} is empty",
            fix="give every report an id of its own, or leave the column out",
        )
    return str(found)


def _check_unique(path: Path, ids: Sequence[str]) -> None:
    times = Counter(ids)
    repeated = [name for name, count in times.items() if count > 1]
    if repeated:
        raise DataError(
            f"{path.name} has {len(repeated)} ids more than once",
            why=f"the first is {repeated[0]}, {times[repeated[0]]} times",
            fix="keep one row an id, or name the column of unique ids with --id-column",
        )


def _group(path: Path, row: FileRow, group: str) -> str:
    value = row.fields.get(group)
    if value is None or not str(value).strip():
        raise DataError(
            f"a report of {path.name} belongs to no group",
            why=f"{row.where}: {group} is empty",
            fix="fill the column, or leave out --group",
        )
    return str(value)


def _reference(
    path: Path, row: FileRow, column: str | None, sections: tuple[str, str] | None
) -> str:
    """The reference, or its sections under their names."""
    if column is not None or sections is None:
        return _text(path, row, column or REFERENCE[0], empty=False)
    told = [(key, row.fields.get(key)) for key in sections]
    parts = [
        f"{key.removeprefix('section_').capitalize()}: {value}"
        for key, value in told
        if isinstance(value, str) and value.strip() and value not in _NO_TEXT
    ]
    if not parts:
        raise DataError(
            f"a reference report of {path.name} is empty",
            why=f"{row.where}: neither {' nor '.join(sections)} holds a text",
            fix="leave the report out of the file: nothing can be compared with it",
        )
    return " ".join(parts)


def _text(path: Path, row: FileRow, column: str, *, empty: bool) -> str:
    value = row.fields.get(column)
    if not isinstance(value, str) or value in _NO_TEXT:
        raise DataError(
            f"a report of {path.name} is no text",
            why=f"{row.where}: {column} is {_shown(value)}",
            fix="write the report there, or an empty text where the model wrote nothing",
        )
    if not empty and not value.strip():
        raise DataError(
            f"a reference report of {path.name} is empty",
            why=f"{row.where}: {column} holds no word",
            fix="leave the report out of the file: nothing can be compared with it",
        )
    return value


def _shown(value: object) -> str:
    """What stands where a text should; never a long value, which could be a report."""
    if value is None:
        return "missing"
    return str(value) if isinstance(value, int | float | str) else f"a {type(value).__name__}"
