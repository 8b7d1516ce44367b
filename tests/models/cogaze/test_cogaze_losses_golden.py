"""The losses against what the reference implementation computes, values and gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cxrbench_models.cogaze.losses import contrastive, gaze, labels
from cxrbench_models.cogaze.reference.owners import match_rows

from cxrbench.training import mask_losses

with np.load(Path(__file__).parents[2] / "golden" / "cogaze" / "full_c_losses.npz") as file:
    GOLDEN = {name: file[name] for name in file.files}
CASES = [str(name) for name in GOLDEN["gaze_cases"]]
# The stated tolerance is 1e-4 of the largest magnitude; a correct loss comes far closer.
CLOSE = 1e-5


def tensor(name):
    return torch.from_numpy(np.array(GOLDEN[name]))


def assert_close(found, name, tolerance=CLOSE):
    expected = GOLDEN[name].astype(np.float64)
    found = found.detach().double().numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(np.abs(expected).max(), 1e-6)


def test_every_case_of_the_reference_is_here():
    assert len(CASES) == 14


@pytest.mark.parametrize("case", CASES)
def test_gaze_guidance(case):
    source = "s7n1369" if case == "s7n1369_rho1" else case  # which reuses its arrays
    rho = float(GOLDEN[f"gaze_{case}_rho"])
    rho = None if rho < 0 else rho
    logits, heat = tensor(f"gaze_{source}_A").requires_grad_(), tensor(f"gaze_{source}_G")
    loss = gaze.gaze_loss(logits, heat, rho=rho, weights=gaze.RELEASED)
    loss.backward()
    assert_close(loss, f"gaze_{case}_combined_0.2_0.8")
    assert_close(logits.grad, f"gaze_{case}_gradA")
    for weights, name in (
        (gaze.PAPER, "combined_paper_0.8_0.2"),
        ((1.0, 0.0), "t2p"),
        ((0.0, 1.0), "p2t"),
    ):
        found = gaze.gaze_loss(logits, heat, rho=rho, weights=weights)
        if (case, name) == ("s1n20", "p2t"):  # one sentence: nothing to tell apart
            assert float(found.detach()) == pytest.approx(0, abs=1e-6)
        else:
            assert_close(found, f"gaze_{case}_{name}")


@pytest.mark.parametrize(("rho", "name"), [(0.25, "rho0p25"), (1.0, "rho1")])
def test_gaze_guidance_of_a_batch_with_an_image_twice_and_one_without(rho, name):
    transcripts, rows = match_rows(tensor("batchgaze_image_dicom"), tensor("batchgaze_row_owner"))
    losses = gaze.image_gaze_losses(
        tensor("batchgaze_tokens_with_cls")[:, 1:],
        tensor("batchgaze_transcripts")[transcripts],
        tensor("batchgaze_heat")[transcripts],
        rows,
        torch.tensor(1 / 0.07).log(),
        rho=rho,
        weights=gaze.RELEASED,
    )
    assert_close(losses.mean(), f"batchgaze_loss_{name}")


def test_contrastive():
    images, reports = tensor("con_image").requires_grad_(), tensor("con_report").requires_grad_()
    scale, studies = tensor("con_log_scale"), tensor("con_study")
    loss = contrastive.contrastive_loss(images, reports, scale, studies)
    loss.backward()
    assert_close(loss, "con_loss")
    assert_close(images.grad, "con_grad_image")
    assert_close(reports.grad, "con_grad_report")
    distinct = contrastive.contrastive_loss(images, reports, scale, torch.arange(7))
    assert_close(distinct, "con_loss_all_distinct")
    alone = contrastive.contrastive_loss(images, reports, scale, studies, positives="single")
    assert_close(alone, "con_loss_all_distinct")
    flat = contrastive.contrastive_loss(images, reports, torch.tensor(0.0), studies)
    assert_close(flat, "con_loss_scale0")


@pytest.mark.parametrize("counts", ["mimic_like", "small"])
def test_label_losses_of_the_pretraining(counts):
    weights = labels.class_weights(GOLDEN[f"cls_counts_{counts}"])
    assert_close(weights, f"cls_weights_{counts}", 1e-6)
    logits, targets = tensor("cls_logits"), tensor("cls_targets")
    assert_close(labels.weighted_bce(logits, targets, weights), f"cls_bce_{counts}")
    for gamma, name in ((0.2, "0.2"), (2.0, "2")):
        found = labels.focal(logits, targets, weights, gamma)
        assert_close(found, f"cls_focal_g{name}_{counts}")


def test_losses_of_the_downstream_trainer():
    weights = labels.class_weights(GOLDEN["down14_counts"], eps=0.0)
    assert_close(weights, "down14_weights")
    logits, targets = tensor("down14_logits"), tensor("down14_labels")
    assert_close(labels.focal(logits, targets, weights, 0.2), "down14_focal")
    assert_close(labels.weighted_bce(logits, targets, weights), "down14_sigmoid")
    assert_close(labels.weighted_bce(logits, targets, None), "down14_cross_entropy_option")

    weights = labels.class_weights(GOLDEN["down2_counts"], eps=0.0)
    assert_close(weights, "down2_weights")
    logits, targets = tensor("down2_logits"), tensor("down2_labels")
    assert_close(labels.binary_focal(logits, targets, weights, 0.2), "down2_focal")
    assert_close(labels.binary_focal(logits, targets, weights, 0.0), "down2_sigmoid")


@pytest.mark.parametrize("name", ["rsna", "siim"])
def test_segmentation(name):
    loss_of = {
        "rsna": mask_losses.focal_and_batch_dice,
        "siim": mask_losses.focal_and_image_dice,
    }[name]
    logits, masks = tensor("seg_logits").requires_grad_(), tensor("seg_masks")
    loss = loss_of(logits, masks)
    loss.backward()
    assert_close(loss, f"seg_{name}_loss")
    assert_close(logits.grad, f"seg_{name}_grad")
    assert_close(loss_of(logits, torch.zeros_like(masks)), f"seg_{name}_loss_all_empty")
    assert_close(loss_of(logits[:, None], masks[:, None]), f"seg_{name}_loss")


def test_soft_dice():
    p, masks = tensor("seg_logits").sigmoid(), tensor("seg_masks")
    assert_close(mask_losses.batch_dice(p, masks), "seg_softdice_batch")
    assert_close(mask_losses.image_dice(p, masks).mean(), "seg_softdice_per_image")
