"""What `doctor` says of the models that read reports."""

import json

import radgraph_files


def found(cli):
    rows = json.loads(cli("doctor", "--json").out)
    return {row["what"]: row for row in rows if row["what"].startswith("reader ")}


def test_each_has_a_line_and_absent_ones_are_no_fault(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXRBENCH_READERS", str(tmp_path / "readers"))
    radgraph_files.write_radgraph(tmp_path / "readers")
    radgraph_files.write_radgraph(tmp_path / "readers", "radgraph-xl")
    (tmp_path / "readers/radgraph-xl/vocab.txt").unlink()
    rows = found(cli)
    assert all(row["ok"] for row in rows.values())
    assert rows["reader radgraph"]["found"] == "here"
    half = rows["reader radgraph-xl"]["found"]
    assert half.startswith("not here (radgraph-xl-vocabulary), so no radgraph-xl-f1-simple")
    assert "cxrbench weights fetch ratescore" in rows["reader ratescore"]["found"]
