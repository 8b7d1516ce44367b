"""`cxrbench explain`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

MODEL = ("explain", "--model", "cogaze-tiny", "--weights", "random", "--device", "cpu")


@pytest.fixture(scope="module")
def egd_root(tmp_path_factory) -> Path:
    from cxrbench_tasks.phantoms.egd import write

    root = tmp_path_factory.mktemp("egd") / "egd"
    write(root, patients=12, seed=3, size=48)
    return root


@pytest.fixture
def egd(egd_root):
    return (*MODEL, "--dataset", "egd", "--data-root", f"egd={egd_root}", "--images", "2")


def test_pictures_and_a_table(cli, egd):
    done = cli(*egd, "--out", "out", "--only", "attention,gaze", "--only", "context")
    assert done.code == 0, done.err
    assert "do not publish" not in done.err, "phantoms may be published"
    for name in ("attention", "gaze", "context"):
        assert f"out/{name}.png" in done.out
        assert min(Image.open(f"out/{name}.png").size) > 300
    index = json.loads(Path("out/explain.json").read_text())
    assert set(index["pictures"]) == {"attention", "gaze", "context"}
    assert len(index["pictures"]["attention"]["shown"]) == 2


def test_what_does_not_apply_is_said_and_is_no_fault(cli, nih_root):
    asked = ("--task", "nih-1pct", "--data-root", f"nih={nih_root}", "--only", "attention,gaze")
    done = cli(*MODEL, *asked, "--out", "out", "--images", "1")
    assert done.code == 0, done.err
    assert "not applicable: no image of test comes with recordings of gaze" in done.out
    rows = json.loads(cli(*MODEL, *asked, "--out", "out", "--json").out)
    assert [(row["kind"], row["file"]) for row in rows] == [
        ("attention", "out/attention.png"), ("gaze", None),
    ]  # fmt: skip


def test_pictures_of_credentialed_data_are_marked(cli, egd, egd_root, tmp_path):
    real = shutil.copytree(egd_root, tmp_path / "real")
    for marker in real.rglob("PHANTOM.json"):
        marker.unlink()
    done = cli(*egd, "--data-root", f"egd={real}", "--out", "out", "--only", "attention")
    assert done.code == 0, done.err
    assert "pictures of credentialed data: do not publish them" in done.err
    index = json.loads(Path("out/explain.json").read_text())
    assert "do not publish" in index["restricted"]
    assert "shown" not in index["pictures"]["attention"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "attenton"), "did you mean attention"),
        (("--split", "dev"), "egd has no split dev"),
        (("--task", "nih-1pct"), "both are given"),
        (("--device", "nowhere"), "the device nowhere cannot be used"),
        (("--data-root", "egd=gone"), "gone"),
    ],
)
def test_a_bad_request_ends_before_any_work(refused, egd, arguments, said):
    assert said in refused(*egd, "--out", "out", *arguments)
    assert not Path("out").exists()


def test_images_have_to_be_named(refused):
    assert "neither --task nor --dataset" in refused(*MODEL, "--demo", "--out", "out")


def test_a_folder_with_other_things_is_refused(refused, egd):
    Path("thesis").mkdir()
    Path("thesis/chapter.tex").touch()
    assert "thesis holds other files" in refused(*egd, "--out", "thesis")


def test_listing_draws_nothing():
    code = (
        "import sys\n"
        "from cxrbench.cli.main import run\n"
        "sys.argv = ['cxrbench', 'list', 'models']\n"
        "try:\n    run()\nexcept SystemExit:\n    pass\n"
        "sys.exit(bool({'matplotlib', 'torch', 'sklearn'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
