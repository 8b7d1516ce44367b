"""The collision of indices in SIIM-ACR: reproduced under `cogaze@1`, refused under `strict@1`."""

from __future__ import annotations

import csv
import shutil

import numpy as np
import pytest
from cxrbench_tasks.phantoms.siim import write
from PIL import Image

from cxrbench.data.open import open_task
from cxrbench.errors import DataError
from cxrbench.execution.facts import _common
from cxrbench.execution.local import run_one
from cxrbench.execution.plan import make_plan
from cxrbench.execution.request import Request
from cxrbench.leaderboard.tables import comparisons
from cxrbench.registry import Registry
from cxrbench.results.store import Store
from cxrbench.runners.base import Machine

REGISTRY = Registry.discover()
TASKS = {"siim-1pct": "train_1", "siim-10pct": "train_10", "siim-100pct": "train"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("siim") / "png"
    write(folder, patients=60, seed=4, size=32, form="png")
    return folder


def listed(root, name):
    return (root / "splits" / f"{name}.txt").read_text().split()


def table(root, part):
    """What a loader that knows train images alone reads: index to file and label."""
    with (root / f"stage_1_{part}_images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        int(row["new_filename"].split("_")[0]): (row["new_filename"], int(row["has_pneumo"]))
        for row in rows
    }


def plan(root, task, protocol, tmp_path, model="pixel-stats"):
    request = Request(
        models=(model,), tasks=(task,), protocols=(protocol,), roots={"siim": root},
        weights={"*": "random"} if model != "pixel-stats" else {},
    )  # fmt: skip
    return make_plan(request, REGISTRY, Store(tmp_path / "runs"))


@pytest.mark.parametrize("task", TASKS)
def test_cogaze_finds_a_train_image_for_every_line(root, tmp_path, task):
    (planned,) = plan(root, task, "cogaze@1", tmp_path)
    by_index = table(root, "train")
    for split, name in (("train", TASKS[task]), ("val", "val"), ("test", "test")):
        found = planned.data.splits[split]
        expected = [by_index[int(line.split("_")[0])] for line in listed(root, name)]
        assert [sample.image.name for sample in found.samples] == [file for file, _ in expected]
        assert found.labels[:, 0].tolist() == [label for _, label in expected]
        assert all("_train_" in sample.id for sample in found.samples)


@pytest.mark.parametrize("task", TASKS)
def test_the_leak_is_counted_exactly(root, tmp_path, task):
    """By indices alone: no name, no file and no adapter is needed to know it."""
    indices = {
        name: {int(line.split("_")[0]) for line in listed(root, name)}
        for name in ("test", "val", TASKS[task])
    }
    (planned,) = plan(root, task, "cogaze@1", tmp_path)
    expected = {
        "test in train": len(indices["test"] & indices[TASKS[task]]),
        "test in val": len(indices["test"] & indices["val"]),
    }
    assert planned.data.leaks == {where: count for where, count in expected.items() if count}
    assert _common_dataset(planned).leaks == planned.data.leaks
    if task == "siim-100pct":
        # The train images of the tables are those of train and val, so that nothing is left.
        assert sum(planned.data.leaks.values()) == len(indices["test"])


def _common_dataset(planned):
    from cxrbench.weights.report import LoadReport

    return _common(planned, Machine("cpu"), LoadReport(0, 0))["dataset"]


def test_the_labels_of_the_test_split_are_those_of_other_images(root, tmp_path):
    (wrong,), (right,) = (plan(root, "siim-100pct", p, tmp_path) for p in ("cogaze@1", "strict@1"))
    assert len(wrong.data.splits["test"]) == len(right.data.splits["test"])
    a, b = (p.data.splits["test"] for p in (wrong, right))
    assert not set(a.ids) & set(b.ids)
    said = [int(line.split("_")[2]) for line in listed(root, "test")]
    assert b.labels[:, 0].tolist() == said
    assert a.labels[:, 0].tolist() != said
    assert wrong.spec.run_id != right.spec.run_id
    assert (wrong.spec.recipe.get("lookup"), right.spec.recipe.get("lookup")) == ("index", None)


@pytest.mark.parametrize("protocol", ["strict@1", "linear-probe@1", "benchx@1"])
def test_other_protocols_look_up_by_id_and_share_nothing(root, tmp_path, protocol):
    (planned,) = plan(root, "siim-100pct", protocol, tmp_path)
    assert planned.data.leaks == {}
    assert {i.split("_")[1] for i in planned.data.splits["test"].ids} == {"test"}
    ids = [i for split in planned.data.splits.values() for i in split.ids]
    assert len(set(ids)) == len(ids)


def test_both_forms_of_the_download_collide_alike(root, tmp_path):
    write(tmp_path / "dicom", patients=60, seed=4, size=32, form="dicom")
    task = REGISTRY.tasks.get("siim-100pct").card
    png, dicom = (
        open_task(task, {"siim": folder}, lookup="index") for folder in (root, tmp_path / "dicom")
    )
    assert png.leaks == dicom.leaks != {}
    for name, split in png.splits.items():
        assert split.ids == dicom.splits[name].ids
    for path in (tmp_path / "dicom").glob("stage_1_*.csv"):
        path.unlink()
    with pytest.raises(DataError, match="cannot be looked up by index") as caught:
        open_task(task, {"siim": tmp_path / "dicom"}, lookup="index")
    assert "SOP instance UIDs" in caught.value.why


def refused(root, tmp_path):
    with pytest.raises(DataError) as caught:
        plan(root, "siim-100pct", "strict@1", tmp_path)
    error = caught.value
    assert error.exit_code == 2
    for line in (error.what, error.why, error.fix):
        assert line
        assert "\n" not in line
    return error


def test_strict_refuses_lists_of_indices_alone(root, tmp_path):
    """An index of the test list stands for a train image and a test image."""
    shutil.copytree(root, tmp_path / "png")
    for name in ("train", "val", "test"):
        path = tmp_path / "png" / "splits" / f"{name}.txt"
        path.write_text("".join(f"{line.split('_')[0]}\n" for line in listed(root, name)))
    error = refused(tmp_path / "png", tmp_path)
    assert "does not tell its images apart" in error.what
    assert "_train_" in error.why
    assert "_test_" in error.why
    assert "whole ids" in error.fix
    # The protocol that reproduces the mistake makes the same of them as of whole lines.
    (planned,) = plan(tmp_path / "png", "siim-100pct", "cogaze@1", tmp_path)
    (whole,) = plan(root, "siim-100pct", "cogaze@1", tmp_path)
    assert planned.data.leaks == whole.data.leaks
    assert planned.data.splits["test"].ids == whole.data.splits["test"].ids
    assert not planned.data.splits["test"].official


def test_strict_refuses_lists_that_share_an_image(root, tmp_path):
    shutil.copytree(root, tmp_path / "png")
    shared = listed(root, "train")[0]
    with (tmp_path / "png" / "splits" / "test.txt").open("a") as file:
        file.write(f"{shared}\n")
    error = refused(tmp_path / "png", tmp_path)
    assert "share 1 patient" in error.what
    assert f"{shared} in train" in error.why
    assert f"{shared} in test" in error.why


def test_the_lookup_decides_nothing_about_whether_a_list_is_official(root, monkeypatch):
    """Lists are judged by their lines, not by what a loader makes of them."""
    from cxrbench.data import assemble

    seen = []

    def judged(card, name, found, patients, positives):
        seen.append((name, found.ids, patients, dict(positives)))
        return True

    monkeypatch.setattr(assemble, "is_official", judged)
    task = REGISTRY.tasks.get("siim-100pct").card
    for lookup in ("id", "index"):
        assert open_task(task, {"siim": root}, lookup=lookup).official
    assert seen[:3] == seen[3:]


def test_the_leak_is_in_the_record_its_warnings_and_the_tables(root, tmp_path):
    card = REGISTRY.tasks.get("siim-100pct").card
    short = {"batch_size": 16, "epochs": 1, "lookup": "index", "preprocessing": SMALL}
    card.protocols["cogaze@1"].update(short)
    try:
        (planned,) = plan(root, "siim-100pct", "cogaze@1", tmp_path, "timm/test_resnet")
    finally:
        for key in ("epochs", "preprocessing"):
            del card.protocols["cogaze@1"][key]
        card.protocols["cogaze@1"].update({"batch_size": 32, "epochs": 50})
    record = run_one(planned, Store(tmp_path / "runs"), Machine("cpu"))
    assert record.status == "ok", record.error
    assert record.dataset.leaks == planned.data.leaks
    lines = [line for line in record.warnings if line.startswith("leak: ")]
    assert len(lines) == len(planned.data.leaks)
    assert "cogaze@1 looks images up by index" in lines[0]
    (found,) = comparisons([record])
    (note,) = [n for n in found.rows[0].notes if n.startswith("leak: ")]
    assert f"{planned.data.leaks['test in train']} test in train" in note
    # Two logits, their softmax, and what the code calls F1.
    assert set(record.metrics) == {"auroc-macro", "auprc-macro", "accuracy-top1", "f1-binary@0.5"}
    assert record.selection.metric == "auroc-macro + accuracy-top1"


SMALL = {
    "size": [32, 32], "resize": "squash", "interpolation": "bilinear",
    "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25],
}  # fmt: skip


def test_two_images_of_one_index_are_different_images(root):
    index = min(table(root, "test"))
    one, two = (table(root, part)[index][0] for part in ("train", "test"))
    pixels = [np.asarray(Image.open(root / "png_images" / name)) for name in (one, two)]
    assert not np.array_equal(*pixels)
