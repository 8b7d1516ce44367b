"""CoGaze as `cxrbench pretrain` sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cxrbench_models.cogaze.losses.labels import class_weights
from cxrbench_models.cogaze.pretraining.trainer import CoGazePretrainer

from cxrbench.data.records import Report
from cxrbench.data.samples import Sample
from cxrbench.errors import BadRequest, WeightsError
from cxrbench.pretraining.items import PretrainingItem
from cxrbench.pretraining.objective import NamesTrunk, SavesMemory, Setup, Wants
from cxrbench.pretraining.trunk import tensor_hash
from cxrbench.registry import Registry

LABELS = tuple(f"label {number}" for number in range(14))
COUNTS = np.stack([np.full(14, 9), np.arange(14) * 40, np.full(14, 7), np.arange(14)], axis=1)


def make(**settings):
    card = Registry.discover([]).model("cogaze-tiny").card
    torch.manual_seed(0)
    return CoGazePretrainer(Setup(card, settings, LABELS, COUNTS))


def batch(made, gaze=(0, 2)):
    rng = np.random.default_rng(0)
    cells = made.grid[0] * made.grid[1]
    items = [
        PretrainingItem(
            sample=Sample(
                id=f"i{n}", patient=f"p{n}", image=Path(), view="PA", study=f"s{n // 2}",
                report=Report(findings=f"finding {n}", indication="cough" if n % 2 else ""),
            ),
            row=torch.from_numpy(rng.integers(0, 255, made.image_spec.size).astype(np.uint8)),
            labels=np.zeros(14, np.float32),
            mentions=rng.integers(0, 4, 14).astype(np.uint8),
            heat=[(f"words {s}", rng.random(cells).astype(np.float32)) for s in range(3)]
            if n in gaze
            else [],
        )
        for n in range(4)
    ]  # fmt: skip
    return made.collate(items).to("cpu")


def step(made):
    """One training step with dropout: its losses and gradients."""
    data = batch(made)
    made.network.train()
    torch.manual_seed(5)
    losses = made.losses(data, lambda rows: rows)
    losses["total"].backward()
    found = {k: p.grad.clone() for k, p in made.network.named_parameters() if p.grad is not None}
    return {k: float(v.detach()) for k, v in losses.items()}, found


@pytest.mark.parametrize(
    ("settings", "wants"),
    [
        ({}, Wants(context=True, labels=True, gaze=1.0)),
        ({"gaze": {"share": 0.1}}, Wants(context=True, labels=True, gaze=0.1)),
        ({"gaze": None, "label_weight": 0.0}, Wants(context=True)),
        ({"gaze": {"weight": 0.0}, "use_context": False}, Wants(labels=True)),
    ],
)
def test_it_wants_what_its_terms_need(settings, wants):
    assert make(**settings).wants == wants


def test_the_total_is_the_weighted_sum_of_its_terms():
    losses, _ = step(make(label_weight=0.25, gaze={"weight": 3.0}))
    parts = losses["contrastive"] + 3 * losses["gaze"]
    parts += 0.25 * (losses["image_labels"] + losses["report_labels"])
    assert losses["total"] == pytest.approx(parts, rel=1e-6)
    assert losses["gaze"] > 0


def test_a_batch_without_gaze_has_no_gaze_loss_and_a_total():
    made = make()
    made.network.eval()
    losses = made.losses(batch(made, gaze=()), lambda rows: rows)
    assert losses["gaze"].isnan()
    parts = losses["contrastive"] + 0.5 * (losses["image_labels"] + losses["report_labels"])
    assert losses["total"].item() == pytest.approx(parts.item(), rel=1e-6)
    losses["total"].backward()
    gradients = [p.grad for p in made.network.parameters() if p.grad is not None]
    assert gradients and all(bool(gradient.isfinite().all()) for gradient in gradients)


def test_it_names_its_trunk_and_what_its_output_depends_on():
    made, other = make(), make(label_weight=0.1)
    assert isinstance(made, NamesTrunk)
    trunk, settings = made.trunk()
    assert trunk is made.network.image_encoder
    assert settings == {"image_size": 64, "patch_size": 8, "layers": 3, "heads": 4}
    assert tensor_hash(trunk) == tensor_hash(other.trunk()[0])
    with torch.no_grad():
        trunk.embeddings.cls_token[..., 0] += 1
    assert tensor_hash(trunk) != tensor_hash(other.trunk()[0])


def test_labels_are_weighted_by_their_positive_and_uncertain_mentions():
    made = make(preset="released")
    expected = class_weights(COUNTS[:, 1] + COUNTS[:, 3])
    assert made._label_weights.equal(expected)


def test_gradient_checkpointing_changes_no_number():
    plain, saving = make(), make()
    assert isinstance(saving, SavesMemory)
    saving.enable_gradient_checkpointing()
    (losses, gradients), (again, same) = step(plain), step(saving)
    assert again == losses
    assert same.keys() == gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(same[name], gradient, rtol=1e-5, atol=1e-7)


def test_what_is_exported_is_the_network():
    made = make()
    state = made.export()
    other = make()
    for p in other.network.parameters():
        p.data.zero_()
    missing = other.network.load_state_dict(state, strict=False).missing_keys
    assert all(name.startswith("image_encoder.") for name in missing)
    trained = dict(other.network.named_parameters())
    for name, p in made.network.named_parameters():
        if p.requires_grad:
            assert trained[name].equal(p), name


def test_what_it_cannot_use_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="no use for the file"):
        make().use_file("vocabulary", tmp_path)
    with pytest.raises(BadRequest, match="not valid") as error:
        make(gaze={"rho": 2})
    assert "settings.gaze.rho" in error.value.why
