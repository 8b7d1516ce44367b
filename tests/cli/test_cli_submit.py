"""`submit`: from a run to a file that others can check, and to the pages."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "results"))

from submitted import valid

from cxrbench.results.store import Store
from cxrbench.results.submission import shareable

ANYTHING = ("--include", "unranked,dirty")


@pytest.fixture
def ran(cli, probe):
    """The record of a run that was made."""
    (record,) = json.loads(cli("run", *probe, "--json").out)
    return record


@pytest.fixture
def here(tmp_path):
    return tmp_path / "here"


@pytest.fixture
def stored(here):
    """Keeps a record where the command looks for it."""

    def keep(**changes):
        record = valid(**changes)
        Store(here / "runs").write(record)
        return record

    return keep


def texts(value):
    if isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def test_from_a_run_to_the_pages(cli, answer, ran, here):
    name = ran["run_id"]
    done = cli("submit", name.rpartition("_")[2], *ANYTHING)
    assert done.code == 0, done.err
    assert "1 of 1 runs can be sent" in done.out
    assert "pull request" in done.out
    assert "subgroups of fewer than 10 patients" in done.err, "warnings stay, and are told"
    path = here / "leaderboards" / "records" / f"{name}.json"
    assert str(path.relative_to(here)) in done.out
    checked = cli("submit", "--validate", path, *ANYTHING)
    assert (checked.code, checked.err) == (0, "")
    assert "1 of 1 records can be taken" in checked.out

    pages = ("leaderboard", "--include", "unranked")
    assert cli(*pages, "--out", "of-runs").code == 0
    assert cli(*pages, "--runs", here / "leaderboards").code == 0
    for page in (here / "of-runs").rglob("*.md"):
        inside = page.relative_to(here / "of-runs")
        assert page.read_bytes() == (here / "leaderboards" / inside).read_bytes()
    assert "pixel-stats" in "".join(p.read_text() for p in (here / "of-runs").rglob("*.md"))
    assert cli(*pages, "--check").code == 0


def test_nothing_of_the_samples_is_in_the_file(cli, ran, here):
    """No id, patient or study of the predictions, neither as a text nor within one."""
    assert cli("submit", ran["run_id"], *ANYTHING).code == 0
    (path,) = (here / "leaderboards" / "records").iterdir()
    text = path.read_text()
    ids, people = set(), set()
    for file in (here / "runs" / ran["run_id"]).glob("*.parquet"):
        rows = pq.read_table(file)
        ids |= set(rows["id"].to_pylist())
        people |= {p for c in ("patient", "study") for p in rows[c].to_pylist() if p is not None}
    assert len(ids) > 10 < len(people)
    assert not [name for name in ids if name in text]
    assert not people & set(texts(json.loads(text)))
    assert str(here.parent) not in text
    assert "parquet" not in text
    assert ran["dataset"]["layout"] not in text


@pytest.mark.parametrize("column", ["id", "patient", "study"])
@pytest.mark.parametrize("told", ["jane-doe", "jane-doe.v2"])
def test_an_id_of_the_run_that_got_into_its_record_is_refused(cli, stored, here, column, told):
    """One that has not the form of an id, so that only the predictions tell that it is one."""
    facts = valid().subgroups["sex F"]
    record = stored(subgroups={"view jane-doe": facts}, subgroup_floors={})
    assert cli("submit", record.run_id, "--check").code == 0
    rows = {"id": ["x", "y"], "patient": ["1", "2"], "study": [None, None], "score": [0.1, 0.2]}
    rows[column] = ["another", told]
    table = pa.table({name: pa.array(values) for name, values in rows.items()})
    pq.write_table(table, here / "runs" / record.run_id / "predictions-test.parquet")
    done = cli("submit", record.run_id)
    assert done.code == 1
    assert "subgroups (a name in it): the id of a sample of this run is in it" in done.out
    assert not (here / "leaderboards").exists()


def test_predictions_that_cannot_be_read_are_an_error(refused, stored, here):
    record = stored()
    (here / "runs" / record.run_id / "predictions-test.parquet").write_text("no table")
    assert "predictions-test.parquet" in refused("submit", record.run_id)


def test_a_run_that_is_not_ranked_is_refused_unless_asked_for(cli, ran, here):
    done = cli("submit", ran["run_id"])
    assert done.code == 1
    assert "phantom data" in done.out
    assert "--include unranked" in done.out
    assert not (here / "leaderboards").exists()


def test_a_ranked_run_needs_nothing_said(cli, stored, here):
    record = stored()
    done = cli("submit", record.run_id, "--out", "there")
    assert done.code == 0, done.out
    written = (here / "there" / f"{record.run_id}.json").read_text()
    assert json.loads(written) == shareable(record).model_dump(mode="json")
    again = cli("submit", record.run_id, "--out", "there")
    assert again.code == 0
    assert (here / "there" / f"{record.run_id}.json").read_text() == written


def test_check_writes_nothing(cli, stored, here):
    done = cli("submit", stored().run_id, "--check")
    assert done.code == 0
    assert "nothing was written" in done.out
    assert not (here / "leaderboards").exists()


def test_those_that_can_be_sent_are_written_beside_one_that_cannot(cli, stored, here):
    good, bad = stored(), stored(spec__seed=1, provenance__git__dirty=True)
    done = cli("submit", "pixel-stats_*")
    assert done.code == 1
    assert "1 of 2 runs can be sent" in done.out
    assert f"refused: {bad.run_id}" in done.out
    assert [p.stem for p in (here / "leaderboards" / "records").iterdir()] == [good.run_id]


def test_json_of_both(cli, answer, stored, here):
    record = stored()
    (facts,) = answer("submit", record.run_id)
    assert (facts["run_id"], facts["accepted"], facts["findings"]) == (record.run_id, True, [])
    assert facts["stays"] == record.warnings
    (checked,) = answer("submit", "--validate", facts["file"])
    assert (checked["run_id"], checked["accepted"]) == (record.run_id, True)
    stored(provenance__git__dirty=True)
    done = cli("submit", record.run_id, "--json")
    assert done.code == 1
    (finding,) = json.loads(done.out)[0]["findings"]
    assert finding["where"] == "provenance.git"
    assert finding["refused"]


def test_validate_takes_folders_and_prints_every_problem(cli, stored, here):
    assert cli("submit", stored().run_id).code == 0
    (path,) = (here / "leaderboards" / "records").iterdir()
    fields = json.loads(path.read_text())
    fields["metrics"]["auroc-macro"]["value"] = 2.0
    fields["dataset"]["splits"]["test"]["n"] = 7
    fields["warnings"] = ["of p90000001"]
    path.write_text(json.dumps(fields))
    (path.parent / "notes.txt").write_text("hello")
    done = cli("submit", "--validate", path.parent)
    assert done.code == 1
    assert "0 of 2 records can be taken" in done.out
    for where in ("metrics.auroc-macro", "dataset.splits.test.n", "warnings", "file"):
        assert re.search(rf"^  {re.escape(where)}: ", done.out, re.MULTILINE), where
    assert "p90000001" not in done.out


def test_what_cannot_be_done_is_said(refused, cli, here):
    (here / "runs").mkdir()
    assert "no run has that id" in refused("submit", "nothing")
    assert "no run matches" in refused("submit", "nothing*")
    assert "--include luck" in refused("submit", "nothing", "--include", "luck")
    assert "there is no absent.json" in refused("submit", "--validate", "absent.json")
    assert cli("submit").code == 2
