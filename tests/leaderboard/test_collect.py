"""Records found in two places, of other schemas, failed, gone, or twice."""

from __future__ import annotations

import json

import pytest
from made import failed, record

from cxrbench.errors import BadRequest
from cxrbench.leaderboard.collect import SHARED, collect, once
from cxrbench.results.submission import shareable

RECORD = "record.json"


def put(runs, found, name=None):
    folder = runs / (name or found.run_id)
    folder.mkdir(parents=True)
    path = folder / RECORD
    path.write_text(found.model_dump_json() if not isinstance(found, dict) else json.dumps(found))
    return path


def share(pages, found):
    folder = pages / SHARED
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found.run_id}.json"
    path.write_text(found.model_dump_json())
    return path


def test_no_folders_no_records(tmp_path):
    assert collect(tmp_path / "runs", tmp_path / "pages") == []


def test_both_places_are_read_and_sorted(tmp_path):
    runs, pages = tmp_path / "runs", tmp_path / "pages"
    b, a, c = record("b"), record("a"), failed("c")
    put(runs, b)
    share(pages, a)
    put(runs, c)
    assert collect(runs, pages) == [shareable(each) for each in (a, b, c)]


def test_a_submitted_run_counts_once_and_the_shared_copy_is_taken(tmp_path):
    runs, pages = tmp_path / "runs", tmp_path / "pages"
    own = record("a")
    small = own.model_copy(
        update={"artifacts": {}, "warnings": [], "timings": {}, "peak_memory": {},
                "provenance": own.provenance.model_copy(update={"argv": []}),
                "weights": own.weights.model_copy(update={"matched": 1})}
    )  # fmt: skip
    put(runs, own)
    share(pages, small)
    assert collect(runs, pages) == [shareable(small)]


def test_a_copied_folder_is_the_same_run(tmp_path):
    put(tmp_path, record("a"))
    put(tmp_path, record("a"), name="a copy of it")
    assert collect(tmp_path, tmp_path / "none") == [shareable(record("a"))]


def test_a_copy_with_another_run_id_is_no_second_seed(tmp_path):
    own = record("a")
    put(tmp_path, own)
    path = put(tmp_path, own.model_copy(update={"run_id": f"{own.run_id}-2"}))
    with pytest.raises(BadRequest) as caught:
        collect(tmp_path, tmp_path / "none")
    error = caught.value
    assert str(path) in error.what
    assert own.run_id in error.why
    assert f"{own.run_id}-2" in error.why
    assert "run it again" in error.fix


def test_a_run_here_gives_the_record_that_its_packed_copy_gives(tmp_path):
    own = record("a", record={"warnings": ["mind /home/this"]})
    layout = own.dataset.model_copy(update={"layout": "as /home/that lies"})
    own = own.model_copy(update={"dataset": layout})
    put(tmp_path / "runs", own)
    share(tmp_path / "pages", shareable(own))
    (here,) = collect(tmp_path / "runs", tmp_path / "none")
    (packed,) = collect(tmp_path / "none", tmp_path / "pages")
    assert here == packed
    assert "/home" in own.model_dump_json()
    assert "/home" not in here.model_dump_json()


def changed(found, name, **values):
    facts = found.metrics[name].model_copy(update=values)
    return found.model_copy(update={"metrics": {**found.metrics, name: facts}})


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda r: changed(r, "auroc-macro", value=0.81), "metric auroc-macro"),
        (lambda r: changed(r, "auroc-macro", ci95=(0.1, 0.9)), "metric auroc-macro"),
        (lambda r: changed(r, "brier-macro", n=5), "metric brier-macro"),
        (lambda r: r.model_copy(update={"metrics": {}}), "metric auroc-macro"),
        (lambda r: r.model_copy(update={"floors": {}}), "floors"),
        (lambda r: r.model_copy(update={"overlaps": ["x"]}), "overlaps"),
        (lambda r: failed("a"), "status"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_two_records_of_one_run_that_differ_are_refused_and_both_named(
    tmp_path, change, where, turned
):
    one, other = record("a"), change(record("a"))
    assert one.run_id == other.run_id
    pages = tmp_path / "pages"
    first = share(pages, other if turned else one)
    second = put(tmp_path / "runs", one if turned else other)
    with pytest.raises(BadRequest) as caught:
        collect(tmp_path / "runs", pages)
    assert one.run_id in caught.value.what
    assert str(first) in caught.value.why
    assert str(second) in caught.value.why
    assert where in caught.value.why


def test_once_keeps_the_first(tmp_path):
    one = record("a")
    other = one.model_copy(update={"warnings": ["x"]})
    assert once([(tmp_path / "1", one), (tmp_path / "2", other)]) == [one]


@pytest.mark.parametrize(
    ("version", "fix"), [(0, "run it again"), (2, "upgrade"), (None, "run it again")]
)
def test_another_schema_says_which_and_what_to_do(tmp_path, version, fix):
    content = json.loads(record("a").model_dump_json())
    content["schema_version"] = version
    if version is None:
        del content["schema_version"]
        content["something_old"] = 1
    path = put(tmp_path, content, name="old")
    with pytest.raises(BadRequest) as caught:
        collect(tmp_path, tmp_path)
    assert str(path) in caught.value.why
    assert f"schema_version is {'none' if version is None else version}" in caught.value.why
    assert fix in caught.value.fix


def test_a_broken_record_is_told_from_another_schema(tmp_path):
    content = json.loads(record("a").model_dump_json())
    put(tmp_path, {**content, "surprise": 1}, name="broken")
    with pytest.raises(BadRequest, match="is not a record"):
        collect(tmp_path, tmp_path)
    (tmp_path / "broken" / RECORD).write_text("{")
    with pytest.raises(BadRequest, match="is not a record"):
        collect(tmp_path, tmp_path)


def test_several_broken_records_are_counted(tmp_path):
    for name in "abc":
        put(tmp_path, {"schema_version": 0}, name=name)
    with pytest.raises(BadRequest, match="and 2 more"):
        collect(tmp_path, tmp_path)


def test_the_command_ends_with_a_bad_request(cli, tmp_path):
    put(tmp_path / "runs", {"schema_version": 0}, name="old")
    done = cli("leaderboard", "--runs", tmp_path / "runs", "--out", tmp_path / "pages")
    assert done.code == 2
    assert "schema_version is 0, 1 is read" in done.err
    assert not (tmp_path / "pages").exists()
