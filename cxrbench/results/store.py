"""The results store: one folder a run, a record that appears last and is never modified."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import ValidationError

from cxrbench.atomic import remove_leftovers, write_text
from cxrbench.errors import BadRequest, RunBusyError, UnknownNameError
from cxrbench.names import did_you_mean
from cxrbench.results.record import SCHEMA_VERSION, Record

RECORD = "record.json"
SUPERSEDED = "superseded"


class Store:
    """Records below one folder, `FOLDER/<run id>/record.json`."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which need not exist yet."""
        self.folder = folder

    def run_folder(self, run_id: str) -> Path:
        """Where a run keeps its record, predictions and working files."""
        return self.folder / run_id

    def get(self, run_id: str) -> Record | None:
        """The record of a run, or None when it has not finished.

        Raises:
            BadRequest: When the file is not a record of a known schema.
        """
        path = self.run_folder(run_id) / RECORD
        return read_record(path) if path.exists() else None

    def find(self, name: str) -> Record:
        """The record whose run id is `name` or starts or ends with it.

        Raises:
            UnknownNameError: When none fits, or several do.
        """
        ids = self.run_ids()
        found = [i for i in ids if i == name] or [
            i for i in ids if i.startswith(name) or i.endswith(name)
        ]
        if len(found) != 1:
            problem = f"{len(found)} runs fit" if found else "no run has that id"
            raise UnknownNameError(
                f"cannot tell which run {name} is",
                why=f"{problem} in {self.folder}",
                fix=did_you_mean(name, found or ids, "cxrbench list runs"),
            )
        return read_record(self.run_folder(found[0]) / RECORD)

    def run_ids(self) -> list[str]:
        """Ids of the runs that have a record, sorted."""
        return sorted(path.parent.name for path in self.folder.glob(f"*/{RECORD}"))

    def records(self) -> list[Record]:
        """All records, sorted by run id."""
        return [read_record(self.run_folder(run_id) / RECORD) for run_id in self.run_ids()]

    def write(self, record: Record) -> Path:
        """Write a record atomically; one that is there already is moved to `superseded/`."""
        folder = self.run_folder(record.run_id)
        path = folder / RECORD
        if path.exists():
            stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%f")
            archive = folder / SUPERSEDED
            archive.mkdir(exist_ok=True)
            # A link first: at no moment is there no record under either name.
            try:
                (archive / f"{stamp}.json").hardlink_to(path)
            except OSError:  # some file systems have no links
                write_text(archive / f"{stamp}.json", path.read_text(encoding="utf-8"))
        write_text(path, record.model_dump_json(indent=2) + "\n")
        return path

    @contextmanager
    def lock(self, run_id: str) -> Iterator[Path]:
        """Hold a run for this process; yields its folder.

        Raises:
            RunBusyError: When another process is running it.
        """
        folder = self.run_folder(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / ".lock", timeout=0):
                remove_leftovers(folder)
                yield folder
        except Timeout as error:
            raise RunBusyError(
                f"{run_id} is being run by another process",
                why=f"{folder / '.lock'} is held",
                fix="wait for it, then run the same command: what is done is not done again",
            ) from error


def read_record(path: Path) -> Record:
    """Read one record.

    Raises:
        BadRequest: When the file is not a record of a known schema.
    """
    text = path.read_text(encoding="utf-8")
    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        _known_schema(path, text)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "(top)"
        raise BadRequest(
            f"{path.name} of {path.parent.name} is not a record",
            why=f"{path}: {where}: {first['msg']}",
            fix="records are never edited: run again with --overwrite all, or delete the folder",
        ) from error


def _known_schema(path: Path, text: str) -> None:
    """Raise `BadRequest` where what is wrong with a record is its schema."""
    try:
        content = json.loads(text)
    except ValueError:
        return
    found = content.get("schema_version", "none") if isinstance(content, dict) else SCHEMA_VERSION
    if found == SCHEMA_VERSION:
        return
    newer = isinstance(found, int) and found > SCHEMA_VERSION
    raise BadRequest(
        f"{path.name} of {path.parent.name} has another schema than this cxrbench reads",
        why=f"{path}: schema_version is {found}, {SCHEMA_VERSION} is read",
        fix="upgrade cxrbench: a newer one wrote it"
        if newer
        else "run it again with --overwrite all, or delete it: nothing reads it any more",
    )
