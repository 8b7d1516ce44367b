"""`phantom write` and `list datasets`."""

from __future__ import annotations

import filecmp
import json

import pytest


def test_it_writes_what_verify_accepts(cli, tmp_path):
    out = tmp_path / "deep" / "nih"
    done = cli("phantom", "write", "nih", "--patients", "8", "--size", "40", "--out", out)
    assert done.code == 0
    assert f"cxrbench data verify nih --data-root nih={out}" in done.out
    assert json.loads((out / "PHANTOM.json").read_text())["patients"] == 8
    assert cli("data", "verify", "nih", "--data-root", f"nih={out}").code == 0
    assert [path.name for path in out.parent.iterdir()] == ["nih"], "no draft is left"


def test_the_seed_decides(cli, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        arguments = ("--patients", "6", "--size", "32", "--seed", seed, "--out", tmp_path / name)
        assert cli("phantom", "write", "nih", *arguments).code == 0
    table = "Data_Entry_2017_v2020.csv"
    assert filecmp.cmp(tmp_path / "a" / table, tmp_path / "b" / table, shallow=False)
    assert not filecmp.cmp(tmp_path / "a" / table, tmp_path / "c" / table, shallow=False)


def test_what_is_there_is_never_overwritten(refused, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    for out in (tmp_path, tmp_path / "mine.txt"):
        error = refused("phantom", "write", "nih", "--patients", "6", "--out", out)
        assert str(out) in error
    assert (tmp_path / "mine.txt").read_text() == "x"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(("nhi",), "did you mean nih?"), (("nih", "--form", "dicom"), "written in one form"),
     (("siim", "--form", "gif"), "dicom or png"), (("nih", "--patients", "2"), "2 patients")],
)  # fmt: skip
def test_what_cannot_be_written(refused, tmp_path, arguments, told):
    out = tmp_path / "out"
    assert told in refused("phantom", "write", *arguments, "--out", out)
    assert not out.exists()
    assert list(tmp_path.glob(".out*")) == []


def test_data_sets_are_listed_with_their_tasks(answer, cli):
    rows = {row["name"]: row for row in answer("list", "datasets")}
    assert rows["nih"]["tasks"] == ["nih-100pct", "nih-10pct", "nih-1pct", "nih-zeroshot"]
    assert rows["nih"]["images"] == {"": 112_120}
    assert all(row["phantom"] for row in rows.values())
    assert "112,120" in cli("list", "datasets").out


def test_info_of_a_data_set(answer, cli):
    assert answer("info", "nih")["rows"] == {"": 112_120}
    text = cli("info", "nih").out
    for part in ("21,528 patients", "nih-10pct", "Data_Entry_2017.csv"):
        assert part in text
