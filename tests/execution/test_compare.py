"""Comparing two models on what their runs stored."""

from dataclasses import replace

import numpy as np
import pytest
from stored_runs import IMAGES, PATIENTS, Runs, label_scores, masks, similarities, truth

from cxrbench.errors import BadRequest, DataError, UnknownNameError
from cxrbench.execution import paired_inputs
from cxrbench.execution.compare import ComparisonRequest, compare_models
from cxrbench.metrics.inputs import ClassificationInput
from cxrbench.metrics.paired import holm
from cxrbench.metrics.registry import get_metric
from cxrbench.results.record import Record

N = PATIENTS * IMAGES


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path / "runs")


def compared(runs, first="a", second="b", **asked):
    request = ComparisonRequest(first, second, **{"replicates": 99, **asked})
    return compare_models(runs.store, request)[0]


def auroc(predictions):
    data = ClassificationInput(predictions.scores, predictions.labels, predictions.names)
    metric = get_metric("auroc-macro")
    return float(metric.aggregate(metric.per_class(data))[0])


def test_values_are_means_over_common_seeds_of_the_stored_predictions(runs):
    stored = {(m, s): label_scores(10 * s + k, gap) for k, (m, gap) in
              enumerate((("a", 2.0), ("b", 0.5))) for s in (0, 1)}  # fmt: skip
    for (model, seed), predictions in stored.items():
        runs.add(model, predictions, seed)
    runs.add("a", label_scores(99), 2)
    (one,) = compared(runs)
    expected = {m: np.mean([auroc(stored[m, s]) for s in (0, 1)]) for m in "ab"}
    assert one.found.first == pytest.approx(expected["a"])
    assert one.found.second == pytest.approx(expected["b"])
    assert one.found.by_seed == pytest.approx(
        [auroc(stored["a", s]) - auroc(stored["b", s]) for s in (0, 1)]
    )
    assert (one.seeds, one.images, one.patients) == ([0, 1], N, PATIENTS)
    assert one.first.runs == [r.run_id for r in runs.store.records() if r.spec.model == "a"][:2]
    assert "seed 2 of a left out" in one.notes
    assert one.found.p == one.found.p_holm < 0.1


def test_holm_is_over_all_tasks_and_metrics(runs):
    for task in ("nih-1pct", "nih-10pct"):
        runs.add("a", label_scores(1, 1.5), task=task)
        runs.add("b", label_scores(2, 0.8), task=task)
    family = compared(runs, metrics=("auroc-macro", "brier-*"))
    assert [(c.task, c.metric) for c in family] == [
        (task, metric)
        for task in ("nih-1pct", "nih-10pct")
        for metric in ("auroc-macro", "brier-macro")
    ]
    assert [c.found.p_holm for c in family] == holm([c.found.p for c in family])
    (main,) = compared(runs, tasks=("nih-1pct",))
    assert main.metric == "auroc-macro"
    assert main.found.p == family[0].found.p
    assert main.found.p_holm == main.found.p


def test_samples_in_another_order_are_matched_by_id(runs):
    runs.add("a", label_scores(1))
    runs.add("b", label_scores(2))
    (straight,) = compared(runs)
    turned = Runs(runs.store.folder.parent / "turned")
    turned.add("a", label_scores(1))
    turned.add("b", label_scores(2, order=np.random.default_rng(0).permutation(N)))
    (other,) = compared(turned)
    assert other.found.difference == pytest.approx(straight.found.difference)
    assert other.found.p == straight.found.p
    assert other.found.ci95 == pytest.approx(straight.found.ci95)


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (lambda: label_scores(2, drop=4), "60 samples against 56, of which 56 are in both"),
        (lambda: label_scores(2, labels=1 - truth()), "60 of 60 images have other labels"),
    ],
)
def test_other_samples_are_refused_without_their_ids(runs, second, told):
    runs.add("a", label_scores(1))
    runs.add("b", second())
    with pytest.raises(DataError, match="not of the same samples") as refused:
        compared(runs)
    assert refused.value.why == told
    assert "i0" not in str(refused.value)


def test_no_common_sample(runs):
    other = label_scores(2)
    renamed = [replace(sample, id=f"x{sample.id}") for sample in other.samples]
    runs.add("a", label_scores(1))
    runs.add("b", replace(other, samples=renamed))
    with pytest.raises(DataError) as refused:
        compared(runs)
    assert refused.value.why == "60 samples against 60, of which 0 are in both"


def test_other_patients_are_refused(runs):
    other = label_scores(2)
    mixed = [replace(sample, patient="p00") for sample in other.samples]
    runs.add("a", label_scores(1))
    runs.add("b", replace(other, samples=mixed))
    with pytest.raises(DataError) as refused:
        compared(runs)
    assert refused.value.why == "the same images are of other patients"


def test_changed_or_missing_predictions_are_refused(runs):
    runs.add("a", label_scores(1))
    record = runs.add("b", label_scores(2))
    folder = runs.store.run_folder(record.run_id)
    path = folder / "predictions-test.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole + b" ")
    with pytest.raises(DataError, match="were changed"):
        compared(runs)
    path.unlink()
    with pytest.raises(DataError, match="were changed"):
        compared(runs)
    path.write_bytes(whole)
    (folder / "predictions.json").unlink()
    with pytest.raises(BadRequest, match="cannot be scored"):
        compared(runs)


def test_metrics_that_no_task_has(runs):
    runs.add("a", label_scores(1)), runs.add("b", label_scores(2))
    with pytest.raises(UnknownNameError, match="has the metric auroc-makro") as refused:
        compared(runs, metrics=("auroc-makro",))
    assert "auroc-macro" in refused.value.fix


def test_queries_are_compared(runs):
    runs.add("a", similarities(1, 2.0), task="mimic-5x200")
    runs.add("b", similarities(2, 0.2), task="mimic-5x200")
    (one,) = compared(runs)
    assert one.metric == "i2t-precision@1"
    assert one.found.difference > 0.2
    assert one.found.p == pytest.approx(0.01)
    assert one.found.delong is None
    assert (one.found.n, one.found.groups) == (N, PATIENTS)


def test_masks_are_compared_also_at_other_sizes(runs):
    runs.add("a", masks(1, 0.9), task="rsna-seg")
    runs.add("b", masks(2, 0.7, side=32), task="rsna-seg")
    (one,) = compared(runs)
    assert one.found.difference > 0.05
    assert one.notes == ["masks are compared at each model's own size"]


def test_distances_in_pixels_of_another_size_are_refused(runs):
    facts = {"value": 1.0, "n": N, "higher_is_better": False, "unit": "pixels"}
    has = {"record": {"metrics": {"hausdorff95-positives": facts}}}
    runs.add("a", masks(1), task="rsna-seg", **has)
    runs.add("b", masks(2, side=32), task="rsna-seg", **has)
    with pytest.raises(BadRequest, match="hausdorff95-positives cannot be compared"):
        compared(runs, metrics=("haus*",))
    same = Runs(runs.store.folder.parent / "same")
    same.add("a", masks(1, 0.9), task="rsna-seg", **has)
    same.add("b", masks(2, 0.2), task="rsna-seg", **has)
    (one,) = compared(same, metrics=("haus*",))
    assert one.found.unit == "pixels"
    assert one.found.difference < 0


def test_equal_seeds_are_read_once(runs, monkeypatch):
    for seed in range(3):
        runs.add("a", label_scores(1), seed)
        runs.add("b", label_scores(2, 0.5), seed)
    read = []
    real = paired_inputs.stored_predictions

    def counted(folder, record):
        read.append(record.run_id)
        return real(folder, record)

    monkeypatch.setattr(paired_inputs, "stored_predictions", counted)
    (one,) = compared(runs)
    assert len(read) == 2
    assert len(set(one.found.by_seed)) == 1


def test_what_a_reader_has_to_know_goes_along(runs):
    leak = {"dataset": {"kind": "phantom", "leaks": {"test in train": 3}}}
    runs.add("a", label_scores(1), **leak)
    runs.add("b", label_scores(2), **leak, record={"overlaps": ["nih"]},
             weights={"source": "random", "sha256": {}})  # fmt: skip
    (one,) = compared(runs)
    assert "leak: images shared by splits (3 test in train)" in one.notes
    assert one.second.overlaps == ["nih"]
    assert one.unranked_because == ["phantom data", "random weights"]
    assert one.data == "phantom"


def test_labels_that_few_patients_have_are_told(runs):
    labels = truth()
    labels[:, 1] = 0
    labels[4:8, 1] = 1
    for model, seed in (("a", 1), ("b", 2)):
        runs.add(model, label_scores(seed, labels=labels))
    (one,) = compared(runs)
    assert one.notes == [
        "1 of 2 labels are positive in fewer than 10 patients: bootstrap intervals are too narrow "
        "there, the p of randomisation holds"
    ]


def test_two_settings_of_one_model_are_told_apart(runs):
    one = runs.add("a", label_scores(1))
    other = runs.add("a", label_scores(2), recipe={"preprocessing_mode": "benchx"})
    (found,) = compared(runs, one.run_id, other.run_id)
    assert found.first.name == "a"
    assert found.second.name == "a (benchx preprocessing)"
    third = runs.add("a", label_scores(3), precision="bf16")
    (found,) = compared(runs, one.run_id, third.run_id)
    assert found.first.name == f"a [{one.run_id[-12:]}]"
    assert isinstance(third, Record)


def test_the_same_request_gives_the_same_numbers(runs):
    runs.add("a", label_scores(1)), runs.add("b", label_scores(2))
    assert compared(runs) == compared(runs)
    assert compared(runs) != compared(runs, seed=1)
