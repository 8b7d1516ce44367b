"""Losses against reference numbers, their gradients, and labels with gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cxrbench.training.losses import (
    bce,
    effective_number_weights,
    focal,
    two_class_cross_entropy,
    two_class_focal,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "cogaze"
BETA = 0.9999


@pytest.fixture(scope="module")
def golden():
    """Loss entries of the reference; see golden/cogaze/README.md."""
    with np.load(GOLDEN / "downstream_losses.npz") as file:
        return {name: file[name] for name in file.files}


def tensors(golden, prefix, targets):
    logits = torch.from_numpy(golden[f"{prefix}_logits"])
    return logits, torch.from_numpy(golden[f"{prefix}_{targets}"]).float()


def test_multi_label_losses_of_the_downstream_trainer(golden):
    logits, labels = tensors(golden, "down14", "labels")
    weights = effective_number_weights(golden["down14_counts"], BETA)
    np.testing.assert_allclose(weights, golden["down14_weights"], rtol=1e-4)
    assert float(focal(logits, labels, 0.2, weights)) == pytest.approx(
        float(golden["down14_focal"]), rel=1e-5
    )
    assert float(bce(logits, labels, weights)) == pytest.approx(
        float(golden["down14_sigmoid"]), rel=1e-5
    )
    assert float(bce(logits, labels)) == pytest.approx(
        float(golden["down14_cross_entropy_option"]), rel=1e-5
    )


def test_two_class_losses_of_the_downstream_trainer():
    with np.load(GOLDEN / "full_c_losses.npz") as file:
        golden = {name: file[name] for name in file.files if name.startswith("down2_")}
    logits = torch.from_numpy(golden["down2_logits"])
    labels = torch.from_numpy(golden["down2_labels"]).float()
    weights = effective_number_weights(golden["down2_counts"], BETA)
    np.testing.assert_allclose(weights, golden["down2_weights"], rtol=1e-4)
    for name, found in {
        "focal": two_class_focal(logits, labels, 0.2, weights),
        "sigmoid": two_class_focal(logits, labels, 0.0, weights),
        "cross_entropy": two_class_cross_entropy(logits, labels),
    }.items():
        assert float(found) == pytest.approx(float(golden[f"down2_{name}"]), rel=1e-5), name


@pytest.mark.parametrize("counts", ["mimic_like", "small"])
def test_losses_of_the_pretraining_with_its_weights(golden, counts):
    logits, labels = tensors(golden, "cls", "targets")
    theirs = torch.from_numpy(golden[f"cls_weights_{counts}"])
    ours = effective_number_weights(golden[f"cls_counts_{counts}"], BETA)
    # Pretraining adds 1e-8 to the denominator, which shifts a weight by up to 4e-5 of the largest.
    assert float((ours - theirs).abs().max() / theirs.max()) < 6e-5
    assert float(bce(logits, labels, theirs)) == pytest.approx(
        float(golden[f"cls_bce_{counts}"]), rel=1e-5
    )
    for gamma, name in ((0.2, "0.2"), (2.0, "2")):
        assert float(focal(logits, labels, gamma, theirs)) == pytest.approx(
            float(golden[f"cls_focal_g{name}_{counts}"]), rel=1e-5
        )


def test_the_loss_of_the_reference_model_on_fourteen_findings():
    with np.load(GOLDEN / "tiny_d_cls.npz") as file:
        logits = torch.from_numpy(file["nih14_logits"])
        labels = torch.from_numpy(file["labels"]).float()
        counts, expected = file["nih_counts"], float(file["nih14_loss"])
    weights = effective_number_weights(counts, BETA)
    assert float(focal(logits, labels, 0.2, weights)) == pytest.approx(expected, rel=1e-4)


def test_numbers_measured_on_the_reference_functions():
    weights = effective_number_weights(np.array([100, 50, 10]), BETA)
    np.testing.assert_allclose(weights, [0.2316591, 0.4621624, 2.3061786], rtol=5e-5)
    logits = torch.tensor([[0.5, -1.0, 0.2], [2.0, 0.3, -0.4]])
    labels = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    assert float(bce(logits, labels, weights)) == pytest.approx(0.7711944, rel=5e-5)
    assert float(focal(logits, labels, 0.2, weights)) == pytest.approx(0.6852753, rel=5e-5)
    pair = effective_number_weights(np.array([100, 50]), BETA)
    np.testing.assert_allclose(pair, [0.6677769, 1.3322231], rtol=5e-5)


def test_weights_sum_to_the_number_of_classes_and_favour_the_rare():
    weights = effective_number_weights(np.array([100_000, 1000, 10, 1, 0]), BETA)
    assert float(weights.sum()) == pytest.approx(5)
    assert (weights[:-2].diff() > 0).all()
    assert weights[-1] == weights[-2], "a class without positives counts as one with one"


def test_gamma_zero_is_the_plain_cross_entropy():
    logits, labels = torch.randn(6, 4), (torch.rand(6, 4) > 0.5).float()
    torch.testing.assert_close(focal(logits, labels, 0.0), bce(logits, labels))


@pytest.mark.parametrize(
    "loss",
    [two_class_cross_entropy, lambda x, y: two_class_focal(x, y, 0.2, torch.tensor([0.5, 1.5]))],
)
def test_unknown_classes_are_left_out_of_value_and_gradient(loss):
    logits = torch.randn(5, 2, requires_grad=True)
    labels = torch.tensor([0.0, torch.nan, 1.0, torch.nan, 1.0])
    known = ~torch.isnan(labels)
    value = loss(logits, labels)
    torch.testing.assert_close(value, loss(logits[known], labels[known]))
    (gradient,) = torch.autograd.grad(value, logits)
    assert (gradient[~known] == 0).all()
    assert (gradient[known] != 0).all()
    nothing = loss(logits, torch.full((5,), torch.nan))
    assert float(nothing.detach()) == 0


@pytest.mark.parametrize("loss", [bce, lambda x, y: focal(x, y, 0.2)])
def test_unknown_labels_are_left_out_of_value_and_gradient(loss):
    logits = torch.randn(5, 3, requires_grad=True)
    labels = (torch.rand(5, 3) > 0.5).float()
    gaps = torch.zeros(5, 3, dtype=torch.bool)
    gaps[0, 1] = gaps[3, 2] = True
    value = loss(logits, labels.masked_fill(gaps, float("nan")))
    expected = loss(logits[~gaps].unsqueeze(0), labels[~gaps].unsqueeze(0))
    torch.testing.assert_close(value, expected)
    (gradient,) = torch.autograd.grad(value, logits)
    assert torch.isfinite(gradient).all()
    assert (gradient[gaps] == 0).all()
    assert (gradient[~gaps] != 0).all()


def test_a_batch_without_any_known_label_gives_zero():
    logits = torch.randn(2, 3, requires_grad=True)
    value = focal(logits, torch.full((2, 3), float("nan")), 0.2)
    value.backward()
    assert float(value.detach()) == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("gamma", [0.2, 2.0])
def test_the_gradient_of_the_focal_loss_is_the_numerical_one(gamma):
    """Central differences of the formula in float64, written out again here."""
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(3, 4)) * 2, (rng.random((3, 4)) > 0.5).astype(float)
    weights = np.array([0.5, 1.0, 1.5, 1.0])

    def value(x):
        p = 1 / (1 + np.exp(-x))
        right = np.where(labels == 1, p, 1 - p)
        return float(np.mean(-weights * (1 - right) ** gamma * np.log(right)))

    numerical = np.zeros_like(logits)
    for place in np.ndindex(logits.shape):
        step = np.zeros_like(logits)
        step[place] = 1e-6
        numerical[place] = (value(logits + step) - value(logits - step)) / 2e-6
    given = torch.tensor(logits, dtype=torch.float32, requires_grad=True)
    loss = focal(given, torch.tensor(labels).float(), gamma, torch.tensor(weights).float())
    assert float(loss.detach()) == pytest.approx(value(logits), rel=1e-5)
    loss.backward()
    np.testing.assert_allclose(given.grad, numerical, atol=1e-6)


@pytest.mark.parametrize("logit", [-200.0, -50.0, 50.0, 200.0])
@pytest.mark.parametrize("gamma", [0.2, 2.0])
def test_certain_predictions_have_finite_losses_and_gradients(logit, gamma):
    logits = torch.full((1, 2), logit, requires_grad=True)
    value = focal(logits, torch.tensor([[0.0, 1.0]]), gamma)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()
