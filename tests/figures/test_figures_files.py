"""The files of figures, and what the command says."""

import json
import subprocess
import sys

import pytest
from drawn import Runs, add_classification, plan

from cxrbench.figures.write import write

KINDS = ("--kind", "bars,roc")


@pytest.fixture
def runs(tmp_path):
    """Runs where the command looks for them; `here` is made by `cli`."""
    found = Runs(tmp_path / "here" / "runs")
    add_classification(found, "encoder-a")
    return found


@pytest.fixture
def plain(tmp_path):
    found = Runs(tmp_path / "runs")
    add_classification(found, "encoder-a")
    return found


def written(runs, out, formats=("pdf", "svg", "png"), **options):
    found = plan(runs, "bars", "roc")
    return list(write(found.sheets, out, formats, found.library, replicates=20, **options))


def test_equal_records_give_equal_bytes(plain, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    assert all(each.drawn for each in [*written(plain, one), *written(plain, other)])
    names = sorted(path.name for path in one.iterdir())
    assert len(names) == 8
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_the_caption_says_what_it_stands_on(plain, tmp_path):
    record = add_classification(plain, "encoder-b", 1)
    each = next(e for e in written(plain, tmp_path, ("png",)) if e.sheet.kind == "roc")
    told = json.loads(each.files[-1].read_text("utf-8"))
    assert each.files[-1].name == "roc-nih-1pct-strict-1.json"
    assert record.run_id in told["run_ids"]
    assert told["command"] == (
        "cxrbench figures --kind roc --model encoder-a,encoder-b --task nih-1pct "
        "--protocol strict@1 --replicates 20"
    )
    assert told["files"] == ["roc-nih-1pct-strict-1.png"]
    assert "20 bootstrap replicates" in told["caption"]
    assert str(tmp_path) not in each.files[-1].read_text("utf-8")


def test_only_what_changed_is_drawn_again(plain, tmp_path):
    out = tmp_path / "out"
    written(plain, out, ("png", "svg"))
    assert not any(each.drawn for each in written(plain, out, ("png",)))
    assert all(each.drawn for each in written(plain, out, ("png",), redraw=True))
    assert len(list(out.glob("*.svg"))) == 2
    (out / "bars-nih-classification-strict-1.png").unlink()
    assert [e.drawn for e in written(plain, out, ("png",))] == [True, False]
    add_classification(plain, "encoder-b")
    assert all(each.drawn for each in written(plain, out, ("png",)))
    assert not list(out.glob("*.svg"))  # it showed one model


def test_the_command_draws_and_tells(cli, answer, runs):
    out = cli("figures", *KINDS, "--format", "png", "--out", "drawn").out
    assert out.splitlines() == [
        "drawn/bars-nih-classification-strict-1.png", "drawn/roc-nih-1pct-strict-1.png"
    ]  # fmt: skip
    again = answer("figures", *KINDS, "--format", "png", "--out", "drawn")
    assert [(each["kind"], each["drawn"]) for each in again] == [("bars", False), ("roc", False)]


def test_a_shared_record_without_predictions_has_bars_and_no_curves(cli, runs):
    record = add_classification(runs, "encoder-b")
    shared = runs.store.folder.parent / "leaderboards" / "records"
    shared.mkdir(parents=True)
    bare = record.model_copy(update={"artifacts": {}})
    (shared / "a.json").write_text(bare.model_dump_json())
    assert len(plan(runs, "roc").sheets[0].groups) == 2
    for path in runs.store.run_folder(record.run_id).iterdir():
        path.unlink()
    done = cli("figures", "--kind", "bars,roc", "--format", "png", "--out", "drawn")
    assert done.code == 0, done.err
    told = {p.stem.partition("-")[0]: json.loads(p.read_text())["run_ids"]
            for p in (shared.parents[1] / "drawn").glob("*.json")}  # fmt: skip
    assert {kind: len(ids) for kind, ids in told.items()} == {"bars": 2, "roc": 1}


def test_refusals(refused, runs, tmp_path):
    assert "did you mean calibration" in refused("figures", "--kind", "calibratoin")
    assert "cxrbench explain" in refused("figures", "--kind", "tsne")
    assert "pdf, svg, png" in refused("figures", "--format", "jpg")
    assert "did you mean encoder-a" in refused("figures", "--model", "encoder-x")
    assert "no record of the task" in refused("figures", "--task", "siim-*")
    assert "no figure of the kind retrieval" in refused("figures", "--kind", "retrieval")
    assert "cannot include" in refused("figures", "--include", "all")
    (tmp_path / "file").touch()
    assert "it is a file" in refused("figures", "--out", tmp_path / "file")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no run has a record" in refused("figures", "--runs", empty)


def test_phantoms_are_drawn_on_request(cli, refused, runs, tmp_path):
    folder = tmp_path / "phantom"
    add_classification(Runs(folder), "encoder-a", dataset={"kind": "phantom"})
    assert "--include unranked" in refused("figures", "--runs", folder)
    done = cli("figures", "--runs", folder, "--include", "unranked", "--kind", "bars",
               "--format", "svg", "--out", "drawn")  # fmt: skip
    assert done.out == "drawn/bars-nih-classification-strict-1-unranked.svg\n"


def test_changed_predictions_are_refused(refused, runs):
    (folder,) = runs.store.folder.iterdir()
    with (folder / "predictions-test.parquet").open("ab") as file:
        file.write(b"more")
    assert "were changed" in refused("figures", "--kind", "roc", "--format", "png")


def test_the_command_line_does_not_import_matplotlib():
    code = (
        "import sys, cxrbench.cli.main; print({'matplotlib', 'torch', 'pandas'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
