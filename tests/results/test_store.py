"""The results folder: records appear whole, are superseded and never lost; runs are locked."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxrbench.errors import RunError, UnknownNameError
from cxrbench.results.store import Store, read_record

GOLDEN = Path(__file__).parents[1] / "golden" / "records" / "v1"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


@pytest.fixture
def record():
    return read_record(GOLDEN / "ok.json")


def test_what_is_written_is_read(store, record):
    path = store.write(record)
    assert path == store.folder / record.run_id / "record.json"
    assert store.get(record.run_id) == record
    assert store.records() == [record]
    assert store.get("another") is None


def test_a_folder_without_a_record_is_no_run(store, record):
    store.write(record)
    (store.folder / "half" / "fit").mkdir(parents=True)
    assert store.run_ids() == [record.run_id]


def test_an_earlier_record_is_kept(store, record):
    first = record.model_copy(update={"warnings": ["first"]})
    second = record.model_copy(update={"warnings": ["second"]})
    third = record.model_copy(update={"warnings": ["third"]})
    for each in (first, second, third):
        store.write(each)
    archive = store.run_folder(record.run_id) / "superseded"
    kept = [read_record(path).warnings[0] for path in sorted(archive.iterdir())]
    assert kept == ["first", "second"]
    assert store.get(record.run_id).warnings == ["third"]
    assert store.records() == [third], "superseded records are not results"


def test_a_write_that_fails_leaves_the_old_record(store, record, monkeypatch):
    store.write(record)

    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        store.write(record.model_copy(update={"warnings": ["new"]}))
    assert store.get(record.run_id) == record
    assert not list(store.run_folder(record.run_id).glob(".*.tmp"))


def test_a_locked_run_is_refused_and_another_is_not(store, record):
    with store.lock(record.run_id):
        with (
            pytest.raises(RunError, match="run by another process"),
            Store(store.folder).lock(record.run_id),
        ):
            pass
        with Store(store.folder).lock("another"):
            pass
    with Store(store.folder).lock(record.run_id):
        pass


def test_taking_a_run_sweeps_up_what_a_killed_process_left(store, record):
    folder = store.run_folder(record.run_id)
    folder.mkdir(parents=True)
    (folder / ".record.json.abc.tmp").write_text("{")
    (folder / "keep.tmp").write_text("")
    with store.lock(record.run_id):
        assert not (folder / ".record.json.abc.tmp").exists()
    assert (folder / "keep.tmp").exists()


def test_runs_are_found_by_the_start_or_the_end_of_their_id(store, record):
    other = read_record(GOLDEN / "failed.json")
    store.write(record)
    store.write(other)
    for name in (record.run_id, record.run_id[-12:], record.run_id[:-6]):
        assert store.find(name) == record
    with pytest.raises(UnknownNameError, match="cannot tell") as caught:
        store.find("encoder-a")
    assert "2 runs fit" in caught.value.why
    with pytest.raises(UnknownNameError) as caught:
        store.find("nothing")
    assert "no run has that id" in caught.value.why
