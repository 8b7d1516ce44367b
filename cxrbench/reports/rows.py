"""Rows of a CSV or JSON file, with where each stands for error messages."""

from __future__ import annotations

import codecs
import csv
import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrbench.errors import DataError

_OTHER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class FileRow:
    """One row.

    Attributes:
        number: From 1, the header not counted.
        where: The place in words, such as `row 3` (the header is not counted).
        key: Its key in a JSON object, None elsewhere.
        fields: Column to value; of CSV all are texts, and None where the row is too short.
    """

    number: int
    where: str
    key: str | None
    fields: Mapping[str, Any]


def read_csv(path: Path) -> list[FileRow]:
    """Rows of a CSV file with a header; every value stays the text that it is.

    Raises:
        DataError: When it cannot be read, or rows do not fit the header.
    """
    text = _decoded(path)
    limit = csv.field_size_limit(sys.maxsize)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        lines = [line for line in reader if line]
    except csv.Error as error:
        raise DataError(
            f"{path.name} is no CSV",
            why=f"line {reader.line_num}: {error}",
            fix="quote texts that hold commas, quotes or line breaks, as csv writers do",
        ) from error
    finally:
        csv.field_size_limit(limit)
    header = [name.strip() for name in lines[0]] if lines else []
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise DataError(
            f"{path.name} has the column {repeated[0]} twice",
            why=f"its header is {', '.join(header)}",
            fix="keep one of them",
        )
    rows = []
    for number, line in enumerate(lines[1:], 1):
        if len(line) > len(header):
            raise DataError(
                f"{path.name} has a row that does not fit its header",
                why=f"row {number} has {len(line)} fields, the header {len(header)}",
                fix="quote texts that hold commas",
            )
        values = [*line, *[None] * (len(header) - len(line))]
        rows.append(FileRow(number, f"row {number}", None, dict(zip(header, values, strict=True))))
    return rows


def read_json(path: Path) -> list[FileRow]:
    """Rows of a JSON file: an object of objects by id, or a list of objects.

    Raises:
        DataError: When it cannot be read or has another form.
    """
    try:
        content = json.loads(_decoded(path), object_pairs_hook=_Pairs)
    except ValueError as error:
        raise DataError(
            f"{path.name} is no JSON", why=str(error).splitlines()[0], fix="write the file again"
        ) from error
    if isinstance(content, _Pairs):
        found: list[tuple[str | None, Any]] = list(content)
    elif isinstance(content, list):
        found = [(None, value) for value in content]
    else:
        found = [(None, None)]
    rows = []
    for number, (key, value) in enumerate(found, 1):
        where = f"entry {number}" if key is None else f"entry {key}"
        if not isinstance(value, _Pairs):
            raise DataError(
                f"{path.name} is of an unknown form",
                why=f"{where} is no object with a reference and a prediction",
                fix='write {"ID": {"gt": "…", "prediction": "…"}, …}',
            )
        rows.append(FileRow(number, where, key, {str(k): _plain(v) for k, v in value}))
    return rows


class _Pairs(list[tuple[str, Any]]):
    """A JSON object that keeps keys that repeat."""


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, _Pairs) else value


def _decoded(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path.name} cannot be read",
            why=f"{path}: {error.strerror}",
            fix="correct the path",
        ) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        other = "UTF-16" if content.startswith(_OTHER_MARKS) else "another encoding"
        raise DataError(
            f"{path.name} is not UTF-8",
            why=f"line {line} has bytes that are none; the file seems to be in {other}",
            fix="save it as UTF-8",
        ) from error
    if "\0" in text:
        raise DataError(
            f"{path.name} is not UTF-8 text",
            why="it holds null characters, as UTF-16 and binary files do",
            fix="save it as UTF-8",
        )
    return text
