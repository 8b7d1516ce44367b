"""Tasks with one label: which head, which loss, which selection and which metrics they get."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from cxrbench.cards import ProtocolCard
from cxrbench.data.samples import Split
from cxrbench.errors import PluginError
from cxrbench.results.predictions import read_predictions
from cxrbench.runners.classification import finetune
from cxrbench.runners.classification.objective import Objective
from cxrbench.runners.classification.recipe import ClassificationRecipe

TASK = "tiny-one-label"
LOGITS = torch.tensor([[0.3, -1.2], [2.0, 0.1], [-0.7, 1.9], [0.0, 0.0], [1.0, 1.5]])
LABELS = torch.tensor([[0.0], [1.0], [1.0], [0.0], [1.0]])


def split(labels):
    return Split(tuple(range(len(labels))), np.asarray(labels, np.float32), official=False)


def recipe(bench, protocol, task=TASK):
    (planned,) = bench.plan("small", protocol, task)
    return ClassificationRecipe.model_validate(planned.spec.recipe)


def class_weights(negatives, positives, beta=0.9999):
    """Cui et al. 2019 over both classes, scaled to sum to two."""
    raw = [(1 - beta) / (1 - beta**n) for n in (negatives, positives)]
    return [w * 2 / sum(raw) for w in raw]


def test_cogaze_trains_two_sigmoid_logits_with_the_weight_of_the_class(bench):
    """Every term written out again: focal of each logit against the one-hot label."""
    counted = split([[0.0]] * 30 + [[1.0]] * 6 + [[np.nan]] * 3)
    objective = Objective(recipe(bench, "cogaze@1"), counted)
    own = class_weights(30, 6)
    total = 0.0
    for pair, label in zip(LOGITS.tolist(), LABELS[:, 0].tolist(), strict=True):
        for logit, target in zip(pair, (1 - label, label), strict=True):
            right = 1 / (1 + np.exp(-logit if target else logit))
            total += own[int(label)] * (1 - right) ** 0.2 * -np.log(right)
    expected = total / (2 * len(LABELS))
    assert objective.outputs == 2
    assert float(objective.loss(LOGITS, LABELS)) == pytest.approx(expected, rel=1e-4)


def test_benchx_trains_two_logits_with_softmax_cross_entropy(bench):
    objective = Objective(recipe(bench, "benchx@1"), split([[0.0], [1.0]]))
    assert objective.outputs == 2
    torch.testing.assert_close(
        objective.loss(LOGITS, LABELS), F.cross_entropy(LOGITS, LABELS[:, 0].long())
    )


def test_strict_trains_one_logit_with_the_weight_of_the_class(bench):
    objective = Objective(recipe(bench, "strict@1"), split([[0.0]] * 30 + [[1.0]] * 6))
    logits, own = LOGITS[:, 1:], class_weights(30, 6)
    losses = F.binary_cross_entropy_with_logits(logits, LABELS, reduction="none")
    weights = torch.where(LABELS == 1, torch.tensor(own[1]), torch.tensor(own[0]))
    expected = (weights * (1 - torch.exp(-losses)) ** 0.2 * losses).mean()
    assert objective.outputs == 1
    assert own[1] > 4 * own[0]
    torch.testing.assert_close(objective.loss(logits, LABELS), expected.float(), rtol=1e-4, atol=0)


@pytest.mark.parametrize("protocol", ["strict@1", "cogaze@1", "benchx@1"])
def test_unknown_labels_are_left_out_of_every_loss(bench, protocol):
    objective = Objective(recipe(bench, protocol), split([[0.0], [1.0], [np.nan]]))
    logits = LOGITS[:, -objective.outputs :].clone().requires_grad_()
    labels = LABELS.clone()
    labels[[1, 3]] = torch.nan
    loss = objective.loss(logits, labels)
    loss.backward()
    known = [0, 2, 4]
    torch.testing.assert_close(loss, objective.loss(logits[known], labels[known]))
    assert (logits.grad[[1, 3]] == 0).all()
    assert (logits.grad[known] != 0).all()


def test_the_score_of_two_logits_is_their_softmax_and_half_is_the_argmax(bench):
    objective = Objective(recipe(bench, "benchx@1"), split([[0.0], [1.0]]))
    found = objective.probabilities(LOGITS)
    torch.testing.assert_close(found, torch.softmax(LOGITS, dim=1)[:, 1:])
    assert (found[:, 0] > 0.5).tolist() == [False, False, True, False, True]
    assert LOGITS.argmax(dim=1).tolist() == [0, 0, 1, 0, 1], "a tie is absent in both"


@pytest.mark.parametrize("protocol", ["strict@1", "cogaze@1", "benchx@1"])
def test_several_labels_have_a_logit_each_whatever_the_binary_head(bench, protocol):
    objective = Objective(recipe(bench, protocol, "tiny"), split(np.eye(14)))
    assert objective.outputs == 14
    logits = torch.randn(4, 14)
    torch.testing.assert_close(objective.probabilities(logits), torch.sigmoid(logits))


def test_softmax_is_refused_where_labels_do_not_exclude_each_other(bench):
    wrong = recipe(bench, "benchx@1")
    with pytest.raises(PluginError, match="not defined for several labels"):
        Objective(wrong, split(np.eye(3)))
    with pytest.raises(PluginError, match="recipe is not valid") as caught:
        ClassificationRecipe.read({**wrong.fields, "binary_head": "one-logit"})
    assert "two-logits" in caught.value.why


@pytest.mark.parametrize(
    ("protocol", "metric", "split_name"),
    [("strict@1", "auroc-macro", "val"), ("linear-probe@1", "auroc-macro", "val"),
     ("cogaze@1", "auroc-macro + accuracy-top1", "test"), ("benchx@1", "f1-binary@0.5", "val")],
)  # fmt: skip
def test_selection_and_metrics_are_those_of_one_label(bench, protocol, metric, split_name):
    record = bench.run("small", protocol, task=TASK)
    assert (record.selection.metric, record.selection.split) == (metric, split_name)
    assert list(record.metrics) == record.spec.recipe["metrics"]
    assert "f1-binary@0.5" in record.metrics
    assert not any(name.startswith("f1-macro") for name in record.metrics)
    assert not any("on-test" in name for name in record.metrics)
    (several,) = bench.plan("small", protocol)
    assert "f1-binary@0.5" not in several.spec.recipe["metrics"]
    assert not {"one_label", "per_model"} & set(record.spec.recipe)


def test_what_cogaze_calls_f1_is_the_accuracy_and_enters_its_monitor_rounded(bench):
    record = bench.run("small", "cogaze@1", task=TASK)
    auroc, accuracy = (record.metrics[m].value for m in ("auroc-macro", "accuracy-top1"))
    assert record.selection.value == pytest.approx(round(auroc, 3) + round(accuracy, 3), abs=1e-9)
    stored = read_predictions(
        bench.store.run_folder(record.run_id) / record.artifacts["predictions-test"].path
    )
    right = (stored.scores > 0.5) == (stored.labels == 1)
    assert accuracy == pytest.approx(right.mean())


@pytest.mark.parametrize(
    ("protocol", "outputs"), [("strict@1", 1), ("cogaze@1", 2), ("benchx@1", 2)]
)
def test_the_head_that_is_trained_has_these_outputs(bench, monkeypatch, protocol, outputs):
    seen = []
    original = finetune.fit
    monkeypatch.setattr(finetune, "fit", lambda m, *rest: seen.append(m) or original(m, *rest))
    bench.run("small", protocol, task=TASK)
    assert seen[0].head.weight.shape == (outputs, 8)


def test_benchx_reports_its_threshold_of_the_test_split_for_several_labels(bench):
    record = bench.run("small", "benchx@1")
    best, half = (record.metrics[f"f1-micro@{t}"].value for t in ("best-global-on-test", "0.5"))
    assert best >= half


def test_conditions_of_a_section_are_laid_over_it_in_order(bench):
    """Section, one label, task, model: each goes before what stands left of it."""
    task = bench.registry.tasks.get(TASK).card
    card = ProtocolCard(
        id="p@1", title="p", summary="p.",
        recipes={task.type: {
            "a": 1, "b": 1, "c": 1, "d": 1, "one_label": {"b": 2, "c": 2, "d": 2},
            "per_model": {"mine*": {"d": 4}, "other": {"a": 9}},
        }},
    )  # fmt: skip
    task = task.model_copy(update={"protocols": {"p@1": {"c": 3, "d": 3}}})
    assert card.recipe(task, "mine-benchx") == {"a": 1, "b": 2, "c": 3, "d": 4}
    assert card.recipe(task, "yours") == {"a": 1, "b": 2, "c": 3, "d": 3}
    several = task.model_copy(update={"labels": task.dataset.labels[:2]})
    assert card.recipe(several, "yours") == {"a": 1, "b": 1, "c": 3, "d": 3}


def test_class_weights_that_the_softmax_would_not_use_are_refused(bench):
    fields = recipe(bench, "benchx@1").fields
    ClassificationRecipe.read(fields)
    weighted = {"name": "cross-entropy", "class_weights": "effective-number"}
    with pytest.raises(PluginError) as caught:
        ClassificationRecipe.read({**fields, "loss": weighted})
    assert "class_weights" in caught.value.why
