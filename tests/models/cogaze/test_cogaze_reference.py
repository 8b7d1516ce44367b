"""`cxrbench check --reference` on the golden files, and on damaged copies of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cxrbench.errors import BadRequest
from cxrbench.testing.reference import check_reference

GOLDEN = Path(__file__).parents[2] / "golden" / "cogaze"
ALONE = ("full_c_losses.npz", "full_f_metrics.npz")
PARTS = ("a_vision", "b_text", "c_pretrain", "d_cls", "d_seg", "e_decoder")


@pytest.fixture
def folder(tmp_path):
    """The small golden files."""
    for path in [*GOLDEN.glob("tiny_*.npz"), GOLDEN / "manifest_tiny.json"]:
        shutil.copy(path, tmp_path)
    return tmp_path


def change(path, **arrays):
    with np.load(path) as file:
        content = {key: file[key] for key in file.files}
    np.savez(path, **{**content, **arrays})


def states(report):
    return {result.name: result.status for result in report.results}


@pytest.mark.parametrize("size", ["tiny", pytest.param("full", marks=pytest.mark.slow)])
def test_every_array_is_compared_and_agrees(size, folder, card):
    if size == "full":
        shutil.rmtree(folder)
        shutil.copytree(GOLDEN, folder)
    for name in ALONE:
        shutil.copy(GOLDEN / name, folder)
    report = check_reference(card("cogaze"), folder)
    assert [result for result in report.results if result.ok is False] == []
    assert report.ok and report.largest.error < 2e-5
    assert report.complete == (size == "full")
    assert [result for result in report.results if result.ok is None and not result.absent] == []
    done = states(report)
    for part in PARTS:
        with np.load(folder / f"{size}_{part}.npz") as file:
            told = [key for key in file.files if f"{size}_{part} {key}" in done]
        assert len(told) > 10


def test_other_weights_end_the_comparison(folder, card):
    path = folder / "manifest_tiny.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "salt": "other"}))
    report = check_reference(card("cogaze"), folder)
    assert not report.ok
    compared = [result.name for result in report.results if not result.absent]
    assert compared and all("weight_check_first4" in name for name in compared)


def test_a_checkpoint_that_lacks_a_tensor_is_refused_by_name(folder, card):
    path = folder / "manifest_tiny.json"
    manifest = json.loads(path.read_text())
    del manifest["pretrain_checkpoint"]["text_projector.layers.2.bias"]
    path.write_text(json.dumps(manifest))
    report = check_reference(card("cogaze"), folder)
    *_, last = (result for result in report.results if not result.absent)
    assert (last.name, last.status) == ("tiny network", "FAIL")
    assert "text_projector.layers.2.bias" in last.note


@pytest.mark.parametrize(
    ("part", "key"),
    [
        ("a_vision", "vis_latents_slice"),
        ("b_text", "transcript_cls_full"),
        ("c_pretrain", "grad_norms"),
        ("d_cls", "nih14_logits"),
        ("d_seg", "model_siim_loss"),
        ("e_decoder", "greedy_logits_at_ids"),
    ],
)
def test_a_difference_of_a_thousandth_is_found_where_it_is(folder, card, part, key):
    path = folder / f"tiny_{part}.npz"
    with np.load(path) as file:
        changed = file[key] * np.float32(1.001)
    change(path, **{key: changed})
    report = check_reference(card("cogaze"), folder)
    wrong = [name for name, status in states(report).items() if status == "FAIL"]
    assert wrong and all(name.startswith(f"tiny_{part} {key}") for name in wrong)


def test_inputs_are_taken_from_the_folder(folder, card):
    """Another image gives another vector: nothing is remembered."""
    path = folder / "tiny_a_vision.npz"
    with np.load(path) as file:
        seeds = file["image_seeds"] + 1
    change(path, image_seeds=seeds)
    wrong = {n for n, s in states(check_reference(card("cogaze"), folder)).items() if s == "FAIL"}
    assert {"tiny_a_vision image_check", "tiny_a_vision image_vector"} <= wrong
    assert not any(name.startswith("tiny_b_text") for name in wrong)


def test_a_file_without_an_array_fails_and_the_others_are_still_compared(folder, card):
    path = folder / "tiny_b_text.npz"
    with np.load(path) as file:
        content = {key: file[key] for key in file.files if key != "report_ids"}
    np.savez(path, **content)
    done = states(check_reference(card("cogaze"), folder))
    assert done["tiny_b_text"] == "FAIL" and done["tiny_d_cls nih14_loss"] == "ok"


def test_what_the_folder_lacks_is_told_and_the_comparison_incomplete(folder, card):
    (folder / "tiny_d_seg.npz").unlink()
    report = check_reference(card("cogaze"), folder)
    lacking = {result.name: result.status for result in report.results if result.absent}
    assert lacking == dict.fromkeys(
        ["full_c_losses", "full_f_metrics", "tiny_d_seg", "manifest.json"], "skipped"
    )
    assert report.ok and not report.complete
    assert "incomplete, 4 file(s) not there" in report.summary


def test_a_manifest_and_its_files_belong_together(folder, card):
    shutil.copy(GOLDEN / "full_a_vision.npz", folder)
    for path in folder.glob("tiny_*.npz"):
        path.unlink()
    shutil.copy(GOLDEN / "full_f_metrics.npz", folder)
    report = check_reference(card("cogaze"), folder)
    done = states(report)
    assert done["manifest_tiny.json"] == done["manifest.json"] == "FAIL"
    assert not report.ok


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped"])
@pytest.mark.parametrize("name", ["tiny_b_text.npz", "full_c_losses.npz"])
def test_a_file_that_cannot_be_read_fails_and_the_others_are_still_compared(
    folder, card, name, damage
):
    for alone in ALONE:
        shutil.copy(GOLDEN / alone, folder)
    content = bytearray((folder / name).read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    keep = {"cut": len(content) // 2, "empty": 0, "flipped": len(content)}[damage]
    (folder / name).write_bytes(content[:keep])
    report = check_reference(card("cogaze"), folder)
    done = states(report)
    assert [n for n, status in done.items() if status == "FAIL"] == [name.removesuffix(".npz")]
    assert done["full_f_metrics dice_benchx_all"] == done["tiny_d_seg model_benchx_dice"] == "ok"


def test_a_folder_of_another_model_is_refused(tmp_path, card):
    with pytest.raises(BadRequest, match="no reference vectors of this model"):
        check_reference(card("cogaze"), tmp_path)
