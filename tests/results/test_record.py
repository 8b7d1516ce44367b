"""The record of schema 1: loads for ever, refuses what it does not know, never says NaN."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from cxrbench.errors import BadRequest
from cxrbench.results.record import MetricFacts, Record
from cxrbench.results.store import read_record

GOLDEN = Path(__file__).parents[1] / "golden" / "records" / "v1"
NAMES = ["ok", "failed"]


@pytest.fixture
def ok():
    return read_record(GOLDEN / "ok.json")


def keeps(written, told):
    """Whether all that is told is written; later versions may add fields with their defaults."""
    if isinstance(told, dict):
        return all(key in written and keeps(written[key], told[key]) for key in told)
    return bool(written == told)


@pytest.mark.parametrize("name", NAMES)
def test_golden_records_load_and_are_written_back_with_all_they_say(name):
    record = read_record(GOLDEN / f"{name}.json")
    text = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    assert keeps(json.loads(record.model_dump_json()), json.loads(text))
    assert Record.model_validate_json(record.model_dump_json()) == record
    assert record.run_id == record.spec.run_id, "ids of old records are still theirs"


def test_values_keep_full_precision(ok):
    assert ok.metrics["auroc-macro"].value == 0.8034567890123456
    assert ok.selection.value == 0.8123456789012345


def test_what_is_new_is_optional():
    """A record with nothing but what schema 1 demands."""
    fields = json.loads((GOLDEN / "ok.json").read_text(encoding="utf-8"))
    needed = {"schema_version", "run_id", "status", "spec", "task_type", "main_metric", "dataset",
              "weights", "provenance"}  # fmt: skip
    minimal = {key: value for key, value in fields.items() if key in needed}
    minimal["provenance"] = {"created": "2026-01-01T00:00:00+00:00"}
    minimal["weights"] = {"source": "none"}
    assert Record.model_validate(minimal).metrics == {}


@pytest.mark.parametrize(
    "place", [(), ("spec",), ("dataset",), ("provenance",), ("metrics", "auroc-macro")]
)
def test_an_unknown_field_is_refused(tmp_path, place):
    fields = json.loads((GOLDEN / "ok.json").read_text(encoding="utf-8"))
    part = fields
    for key in place:
        part = part[key]
    part["surprise"] = 1
    path = tmp_path / "run" / "record.json"
    path.parent.mkdir()
    path.write_text(json.dumps(fields))
    with pytest.raises(BadRequest, match="is not a record") as caught:
        read_record(path)
    assert "surprise" in caught.value.why


def test_a_record_of_another_schema_says_which(tmp_path):
    path = tmp_path / "record.json"
    path.write_text('{"schema_version": 2}')
    with pytest.raises(BadRequest, match="another schema") as error:
        read_record(path)
    assert "2" in error.value.why


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_what_is_no_record_is_refused(tmp_path, text):
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(BadRequest, match="is not a record"):
        read_record(path)


def test_another_schema_is_refused():
    fields = json.loads((GOLDEN / "ok.json").read_text(encoding="utf-8"))
    with pytest.raises(ValidationError, match="schema_version"):
        Record.model_validate({**fields, "schema_version": 2})


def test_records_are_immutable(ok):
    with pytest.raises(ValidationError):
        ok.status = "failed"


def test_nan_never_reaches_the_file(ok):
    nan = float("nan")
    odd = ok.model_copy(
        update={
            "metrics": {"m": MetricFacts(value=nan, n=1, higher_is_better=True)},
            "floors": {"m": float("inf")},
        }
    )
    text = odd.model_dump_json()

    def refuse(constant):
        pytest.fail(f"{constant} in the file")

    fields = json.loads(text, parse_constant=refuse)
    assert fields["metrics"]["m"]["value"] is None
    assert fields["floors"]["m"] is None
    assert Record.model_validate_json(text).metrics["m"].value is None


def changed(record, **parts):
    """The record with fields of its parts replaced."""
    update = {
        name: getattr(record, name).model_copy(update=fields) for name, fields in parts.items()
    }
    return record.model_copy(update=update)


def test_a_record_with_its_own_weights_on_the_official_split_is_ranked(ok):
    assert ok.unranked_because == []


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"dataset": {"kind": "phantom"}}, "phantom data"),
        ({"weights": {"source": "random"}}, "random weights"),
        ({"spec": {"limit": 10}}, "--limit 10"),
    ],
)
def test_each_reason_not_to_rank(ok, parts, reason):
    assert changed(ok, **parts).unranked_because == [reason]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_one_custom_split_is_a_reason_not_to_rank(ok, split):
    splits = dict(ok.dataset.splits)
    splits[split] = splits[split].model_copy(update={"official": False})
    assert changed(ok, dataset={"splits": splits}).unranked_because == ["custom split"]


def test_all_reasons_are_told(ok):
    record = changed(
        ok, dataset={"kind": "phantom"}, weights={"source": "random"}, spec={"limit": 3}
    )
    assert record.unranked_because == ["phantom data", "random weights", "--limit 3"]


@pytest.mark.parametrize("source", ["card", "path", "none"])
def test_other_weights_are_no_reason(ok, source):
    assert changed(ok, weights={"source": source}).unranked_because == []
