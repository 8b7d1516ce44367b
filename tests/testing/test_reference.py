"""Comparing with reference vectors: what passes, fails and is skipped; how the command ends."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from cxrbench.cli.main import app
from cxrbench.errors import BadRequest, DataError, RunError
from cxrbench.scaffold.project import write_project
from cxrbench.testing.reference import (
    attempt,
    check_reference,
    compare,
    compare_exactly,
    failed,
    missing,
    skipped,
)
from cxrbench.testing.vectors import Vectors, read_manifest

TARGET = np.array([[1.0, -4.0], [0.5, 0.0]], np.float32)

PLUGIN = """
import numpy as np, torch
from cxrbench.testing.reference import compare, skipped
from cxrbench.testing.vectors import Vectors

def compare_all(folder, card):
    vectors = Vectors(folder / "v.npz")
    yield compare("v twice", torch.tensor([2.0, 4.0]), vectors["twice"])
    for key in vectors.unknown():
        yield skipped(f"v {key}", "not computed")
"""


def test_the_error_is_relative_to_the_largest_magnitude():
    result = compare("a", torch.from_numpy(TARGET) + 2e-4, TARGET)
    assert result.error == pytest.approx(5e-5, rel=1e-3)
    assert result.status == "ok"
    assert compare("a", torch.from_numpy(TARGET) + 8e-4, TARGET).status == "FAIL"
    assert compare("a", torch.from_numpy(TARGET) + 8e-4, TARGET, tolerance=1e-3).status == "ok"


def test_what_is_not_finite_fails():
    for value in (float("nan"), float("inf")):
        assert compare("a", torch.full((2, 2), value), TARGET).status == "FAIL"


def test_another_shape_fails_even_where_it_could_be_broadcast():
    result = compare("a", torch.from_numpy(TARGET[:1]), TARGET)
    assert (result.status, result.error) == ("FAIL", None)
    assert "(1, 2)" in result.note and "(2, 2)" in result.note


def test_a_reference_of_almost_zero_is_compared_in_absolute_terms():
    near = np.full(3, 2e-8)
    assert compare("a", torch.zeros(3), near).status == "ok"
    assert compare("a", torch.full((3,), 2e-6), near).status == "FAIL"
    # 2e-8 off would be a relative error of one.
    assert compare("a", torch.zeros(3), np.full(3, 1e-3)).status == "FAIL"


def test_integers_and_names_agree_exactly_or_within_the_slack():
    assert compare_exactly("i", [1, 2], np.array([1, 2])).status == "ok"
    assert compare_exactly("i", [1, 3], np.array([1, 2])).status == "FAIL"
    assert compare_exactly("i", [1, 5], np.array([1, 2]), slack=3).status == "ok"
    assert compare_exactly("i", [1, 6], np.array([1, 2]), slack=3).status == "FAIL"
    assert compare_exactly("i", [1], np.array([1, 2])).status == "FAIL"
    assert compare_exactly("n", ["a", "b"], np.array(["a", "c"])).status == "FAIL"


def test_an_error_ends_a_part_and_not_the_comparison():
    def part(error):
        yield compare("first", torch.from_numpy(TARGET), TARGET)
        raise error

    for error in (ValueError("bad\nmore"), RunError("it stopped", why="bad", fix="mend it")):
        first, second = attempt("part", part(error))
        assert (first.status, second.status) == ("ok", "FAIL")
        assert second.name == "part" and "bad" in second.note and "more" not in second.note


def test_arrays_that_nothing_looks_at_are_told(tmp_path):
    np.savez(tmp_path / "v.npz", a=TARGET, b=TARGET, c=TARGET)
    vectors = Vectors(tmp_path / "v.npz")
    vectors.know(["b", "z"])
    assert "a" in vectors and np.array_equal(vectors["a"], TARGET)
    assert vectors.unknown() == ["c"]
    with pytest.raises(DataError, match="incomplete"):
        vectors["d"]


def test_files_that_cannot_be_read_are_refused(tmp_path):
    path = tmp_path / "v.npz"
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"v\.npz"):
        Vectors(path)
    np.savez_compressed(path, a=TARGET, b=np.arange(1000))
    whole = path.read_bytes()
    for content in (b"", whole[:-30], whole[:300], whole[:60] + b"\xff" * 40 + whole[100:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"v\.npz"):
            Vectors(path)
    np.savez(path, a=np.array([{"code": 1}], dtype=object))
    with pytest.raises(DataError, match=r"v\.npz"):
        Vectors(path)
    manifest = tmp_path / "m.json"
    for content in ("[1]", "{"):
        manifest.write_text(content)
        with pytest.raises(DataError, match=r"m\.json"):
            read_manifest(manifest)


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A plugin folder whose card names a comparison, and a folder of vectors."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    write_project("model", "with-vectors", tmp_path)
    card = tmp_path / "with-vectors/src/cxrbench_with_vectors/with-vectors.yaml"
    card.write_text(f"{card.read_text()}\nreference: vectors_of_a_test:compare_all\n")
    (tmp_path / "vectors_of_a_test.py").write_text(PLUGIN)
    np.savez(tmp_path / "v.npz", twice=np.array([2.0, 4.0]), other=TARGET)
    yield tmp_path
    sys.modules.pop("vectors_of_a_test", None)


def run(folder, *options):
    arguments = ["--plugin", str(folder / "with-vectors"), "check", "--model", "with-vectors"]
    return CliRunner().invoke(app, [*arguments, "--reference", str(folder), *options])


def test_the_command_prints_a_line_an_array_and_the_largest_error(plugin):
    done = run(plugin)
    assert done.exit_code == 0
    lines = done.stdout.strip().splitlines()
    assert lines[0].split() == ["ok", "0.0e+00", "of", "1e-04", "v", "twice"]
    assert lines[1].split()[0] == "skipped" and "v other: not computed" in lines[1]
    assert "1 ok, 0 failed, 1 skipped; largest error 0.0e+00 (v twice)" in lines[2]


def test_the_command_ends_with_1_when_an_array_differs(plugin):
    np.savez(plugin / "v.npz", twice=np.array([2.0, 4.1]))
    assert run(plugin).exit_code == 1
    done = run(plugin, "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 1 and found["ok"] is False
    assert found["largest"]["name"] == "v twice"
    assert found["results"][0]["error"] == pytest.approx(0.1 / 4.1)


def test_a_folder_in_which_nothing_is_compared_does_not_pass(plugin):
    (plugin / "vectors_of_a_test.py").write_text(
        PLUGIN.replace("yield compare(", "(").replace("for key", "vectors['twice']\n    for key")
    )
    done = run(plugin)
    assert "0 ok, 0 failed" in done.stdout
    assert done.exit_code == 1


def test_bad_requests_are_refused(plugin):
    assert isinstance(run(plugin, "--weights", "random").exception, BadRequest)
    assert isinstance(run(plugin, "--model", "pixel-stats").exception, BadRequest)
    arguments = ["check", "--model", "pixel-stats", "--reference", str(plugin)]
    refused = CliRunner().invoke(app, arguments).exception
    assert isinstance(refused, BadRequest) and "reference" in refused.what


def test_a_missing_folder_is_refused_before_anything_is_imported(plugin):
    from cxrbench.registry import Registry

    card = Registry.discover([plugin / "with-vectors"]).models.get("with-vectors").card
    with pytest.raises(BadRequest, match="no reference vectors"):
        check_reference(card, plugin / "nowhere")


def test_results_that_were_not_compared_have_no_error():
    assert skipped("a", "why").status == missing("a", "why").status == "skipped"
    assert missing("a", "why").absent and not skipped("a", "why").absent
    assert failed("a", "why").status == "FAIL"
    assert skipped("a", "why").error is failed("a", "why").error is None
