"""What segmentation does under each protocol, end to end on a phantom with small encoders."""

from __future__ import annotations

import numpy as np
import pytest
from bench import CPU, facts
from mask_bench import MaskBench, mask_phantom

from cxrbench.data import prepared_masks
from cxrbench.data.mask_geometry import to_input
from cxrbench.data.packed import unpack_mask
from cxrbench.data.regions import Box, draw
from cxrbench.errors import BadRequest, PluginError
from cxrbench.execution.local import run_one
from cxrbench.results.predictions import read_predictions
from cxrbench.runners.base import Machine
from cxrbench.runners.segmentation import SegmentationRunner, train
from cxrbench.runners.segmentation.module import Segmenter
from cxrbench.training.features import Extractor

TRAIN, VAL, TEST = 28, 4, 8
EVERY = [
    ("mapped", "strict@1"), ("mapped-trunk", "strict@1"), ("mapped", "cogaze@1"),
    ("mapped", "frozen@1"), ("pixel-stats", "frozen@1"), ("mapped", "benchx@1"),
]  # fmt: skip


@pytest.fixture(scope="session")
def mask_root(tmp_path_factory):
    return mask_phantom(tmp_path_factory.mktemp("masks") / "tbx11k")


@pytest.fixture
def masked(mask_root, tmp_path):
    return MaskBench(mask_root, tmp_path / "runs")


@pytest.fixture
def elsewhere(mask_root, tmp_path, monkeypatch):
    """Another place for results and cache; nothing computed before is found there."""

    def make(name="others"):
        monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / f"{name}-cache"))
        return MaskBench(mask_root, tmp_path / name)

    return make


def stored(bench, record):
    folder = bench.store.run_folder(record.run_id)
    return read_predictions(folder / record.artifacts["predictions-test"].path)


def pairs(masks):
    return [
        (unpack_mask(p, shape), unpack_mask(t, shape))
        for shape, p, t in zip(masks.shapes, masks.predicted, masks.true, strict=True)
    ]


@pytest.mark.parametrize(("model", "protocol"), EVERY)
def test_twice_the_same(masked, elsewhere, model, protocol):
    first = masked.run(model, protocol)
    assert facts(elsewhere().run(model, protocol)) == facts(first)


@pytest.mark.parametrize(("model", "protocol"), [EVERY[0], EVERY[1], EVERY[4], EVERY[5]])
def test_workers_and_evaluation_batch_change_nothing(masked, elsewhere, model, protocol):
    first = masked.run(model, protocol)
    second = elsewhere().run(model, protocol, Machine("cpu", batch_size=3, workers=1))
    assert second.run_id == first.run_id
    assert second.selection.epoch == first.selection.epoch
    for name, metric in first.metrics.items():
        # A pixel may stand at the threshold to the last digit.
        assert second.metrics[name].value == pytest.approx(metric.value, abs=2e-3), name


def test_original_masks_are_compared_at_the_original_size(masked):
    record = masked.run("mapped", "strict@1")
    (planned,) = masked.plan("mapped", "strict@1")
    found = stored(masked, record)
    for (_, true), sample in zip(pairs(found), planned.data.splits["test"].samples, strict=True):
        np.testing.assert_array_equal(true, draw(sample.regions, *sample.shape))
        assert true.shape == sample.shape == (48, 48)
    assert record.metrics["hausdorff95-positives"].unit == "pixels"
    assert record.floors["mdice-pooled-with-bg"] == pytest.approx(0.5, abs=0.02)


def test_cogaze_compares_boxes_read_wrongly_at_the_input_and_selects_on_test(masked):
    record = masked.run("mapped", "cogaze@1")
    (planned,) = masked.plan("mapped", "cogaze@1")
    spec = planned.model.preprocessing
    found, larger = stored(masked, record), 0
    for (_, true), sample in zip(pairs(found), planned.data.splits["test"].samples, strict=True):
        wrong = [Box(b.x, b.y, b.x + b.width, b.y + b.height) for b in sample.regions]
        np.testing.assert_array_equal(true, to_input(draw(wrong, *sample.shape), spec))
        larger += true.sum() > to_input(draw(sample.regions, *sample.shape), spec).sum()
    assert larger == sum(bool(s.regions) for s in planned.data.splits["test"].samples) > 0
    assert (record.selection.split, record.selection.metric) == ("test", "dice-image-empty1")
    # The monitor saw the very masks that are reported.
    reported = record.metrics["dice-image-empty1"].value
    assert record.selection.value == pytest.approx(reported, abs=1e-9)


@pytest.mark.parametrize("protocol", ["strict@1", "frozen@1"])
def test_selection_looks_at_val_and_leaving_all_empty_cannot_win_it(masked, monkeypatch, protocol):
    judged, values = [], []
    original = train.monitored

    def watch(select, data):
        judged.append(len(data))
        values.append(original(select, data))
        return values[-1]

    monkeypatch.setattr(train, "monitored", watch)
    record = masked.run("pixel-stats" if protocol == "frozen@1" else "mapped", protocol)
    assert set(judged) == {VAL}
    assert record.selection.epoch == int(np.argmax(values))
    assert record.selection.value == max(values)
    assert record.selection.metric == "dice-pooled-fg"


def test_benchx_counts_steps_and_validates_between_them(masked, monkeypatch):
    steps, validated, rates = [], [], []
    original = Segmenter.training_step

    def step(self, batch, batch_idx):
        steps.append(len(batch))
        rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])
        assert len(self.outputs(batch)) == 2, "the auxiliary head is trained"
        assert not self.reader.encoder.training
        return original(self, batch, batch_idx)

    monkeypatch.setattr(Segmenter, "training_step", step)
    monkeypatch.setattr(
        train, "monitored", lambda *a, f=train.monitored: validated.append(len(steps)) or f(*a)
    )
    record = masked.run("mapped", "benchx@1")
    assert steps == [4] * 6
    assert validated == [2, 4, 6]
    np.testing.assert_allclose(rates, [1e-9, 5e-4, 1e-3, 7.5e-4, 5e-4, 2.5e-4], atol=1e-9)
    assert any("rescaled" in line for line in record.warnings)
    assert not record.context_used


def test_frozen_features_are_computed_once(masked, mask_root, tmp_path, computed):
    first = masked.run("mapped", "frozen@1")
    assert len(set(computed)) == TRAIN + VAL, "test is read once and not kept"
    computed.clear()
    second = MaskBench(mask_root, tmp_path / "b").run("mapped", "frozen@1")
    assert second.metrics == first.metrics
    assert len(computed) <= 2, "at most the one row that tells the size"


def test_features_that_do_not_fit_are_computed_on_the_fly_with_the_same_result(
    masked, elsewhere, computed, monkeypatch
):
    first = masked.run("pixel-stats", "frozen@1")
    monkeypatch.setenv("CXRBENCH_TRUNK_GIB", "0")
    other = elsewhere()
    computed.clear()
    second = other.run("pixel-stats", "frozen@1")
    assert len(computed) <= 2
    assert facts(second) == facts(first)


def test_a_frozen_encoder_is_neither_trained_nor_kept_and_stays_in_eval_mode(masked, monkeypatch):
    seen = []
    original = Segmenter.on_train_batch_start

    def watch(self, batch, batch_idx):
        encoder = self.reader.encoder
        seen.append((encoder.training, float(encoder.conv.weight.detach().sum())))
        assert not any("encoder" in name for name in self.state_dict())
        original(self, batch, batch_idx)

    monkeypatch.setattr(Segmenter, "on_train_batch_start", watch)
    masked.run("mapped", "frozen@1")
    assert len(set(seen)) == 1 and seen[0][0] is False


def test_a_fine_tuned_encoder_is_trained(masked, monkeypatch):
    seen = set()
    original = Segmenter.on_train_batch_start

    def watch(self, batch, batch_idx):
        seen.add(float(self.reader.encoder.conv.weight.detach().sum()))
        assert self.reader.encoder.training
        original(self, batch, batch_idx)

    monkeypatch.setattr(Segmenter, "on_train_batch_start", watch)
    masked.run("mapped", "strict@1")
    assert len(seen) > 3


def test_masks_are_drawn_once_for_the_input(masked, mask_root, tmp_path, monkeypatch):
    masked.run("pixel-stats", "frozen@1")
    drawn = []
    original = prepared_masks.to_input
    monkeypatch.setattr(prepared_masks, "to_input", lambda *a: drawn.append(1) or original(*a))
    MaskBench(mask_root, tmp_path / "b").run("pixel-stats", "frozen@1", seeds=(1,))
    assert drawn == []


@pytest.mark.parametrize(("model", "protocol"), [("mapped", "strict@1"), ("mapped", "benchx@1")])
def test_a_killed_training_goes_on_as_if_nothing_happened(
    masked, elsewhere, monkeypatch, model, protocol
):
    whole = masked.run(model, protocol)
    other = elsewhere()
    (planned,) = other.plan(model, protocol)
    original, count = Segmenter.training_step, [0]

    def step(self, batch, batch_idx):
        count[0] += 1
        if count[0] == 5:
            raise SystemExit
        return original(self, batch, batch_idx)

    monkeypatch.setattr(Segmenter, "training_step", step)
    with pytest.raises((SystemExit, KeyboardInterrupt)):
        run_one(planned, other.store, CPU)
    folder = other.store.run_folder(planned.spec.run_id)
    assert (folder / "fit" / "last.ckpt").exists()
    resumed = run_one(planned, other.store, CPU)
    assert resumed.status == "ok"
    steps = {("mapped", "strict@1"): 24, ("mapped", "benchx@1"): 6}[model, protocol]
    assert count[0] <= steps + 5, "what was trained before is not trained again"
    assert facts(resumed) == facts(whole)


@pytest.mark.parametrize(
    ("model", "protocol", "why"),
    [
        ("mapless", "frozen@1", "no grid"),
        ("mapped-text", "frozen@1", "no images"),
        ("mapped-frozen", "strict@1", "nothing to train"),
        ("pixel-stats", "strict@1", "nothing to train"),
    ],
)
def test_what_cannot_be_segmented_is_not_applicable(masked, model, protocol, why):
    (planned,) = masked.plan(model, protocol)
    assert planned.state == "not applicable"
    assert why in planned.reason


def test_a_grid_that_is_not_there_is_a_clear_failure(masked):
    (planned,) = masked.plan("lying", "frozen@1")
    record = run_one(planned, masked.store, CPU)
    assert record.status == "failed"
    assert record.error.type == "RunError"
    assert "no grid" in record.error.message


def test_an_encoder_without_latents_is_decoded_without_them(masked):
    record = masked.run("timm/test_resnet", "cogaze@1", weights={"*": "random"}, limit=3)
    assert any("no latents" in line for line in record.warnings)


@pytest.mark.parametrize(
    ("protocol", "reading"),
    [("cogaze@1", ("corners-as-size", "as-drawn")), ("benchx@1", ("as-drawn", "as-boxes"))],
)
def test_the_recipe_says_how_shapes_are_read(masked, monkeypatch, protocol, reading):
    seen = []

    def watch(regions, *asked):
        seen.append(asked)
        return regions

    monkeypatch.setattr(prepared_masks, "reread", watch)
    masked.run("mapped", protocol, limit=4)
    assert set(seen) == {reading}


def test_micro_batches_accumulate(masked):
    parts = masked.run("mapped", "strict@1", Machine("cpu", 4), batch_size=4)
    assert parts.spec.micro_batch == 4
    (note,) = [line for line in parts.warnings if "--batch-size" in line]
    assert "batch norm and the loss saw 4 images at once, 8 in the protocol" in note
    assert not any("--batch-size" in line for line in masked.run("mapped", "strict@1").warnings)
    with pytest.raises(BadRequest, match="--batch-size 3"):
        masked.plan("mapped", "strict@1", batch_size=3)


@pytest.mark.parametrize("protocol", ["frozen@1", "benchx@1"])
def test_a_batch_size_of_extraction_leaves_training_and_the_run_alone(
    masked, elsewhere, monkeypatch, protocol
):
    trained, encoded = set(), set()
    original, extract = Segmenter.training_step, Extractor._batch

    def step(self, batch, batch_idx):
        trained.add(len(batch))
        return original(self, batch, batch_idx)

    def batch(self, split, positions, compute):
        encoded.add(len(positions))
        return extract(self, split, positions, compute)

    monkeypatch.setattr(Segmenter, "training_step", step)
    monkeypatch.setattr(Extractor, "_batch", batch)
    first = masked.run("mapped", protocol)
    size = set(trained)
    encoded.clear()
    second = elsewhere().run("mapped", protocol, Machine("cpu", 3), batch_size=3)
    assert (second.run_id, second.spec.micro_batch) == (first.run_id, None)
    assert trained == size
    assert max(encoded) == 3
    assert not any("--batch-size" in line for line in second.warnings)


def test_a_trained_encoder_is_evaluated_in_batches_that_the_run_id_tells(masked, monkeypatch):
    sizes = set()
    original = Segmenter.validation_step

    def step(self, batch, batch_idx):
        sizes.add(len(batch))
        original(self, batch, batch_idx)

    monkeypatch.setattr(Segmenter, "validation_step", step)
    masked.run("mapped", "strict@1", Machine("cpu", 1))
    assert sizes == {VAL}, "one batch, as the recipe has eight"
    sizes.clear()
    masked.run("mapped", "strict@1", Machine("cpu", 2), batch_size=2)
    assert sizes == {2}


@pytest.mark.parametrize("metric", ["hausdorff95-positives", "auroc-macro"])
def test_what_cannot_be_monitored_is_known_before_training(masked, metric):
    (planned,) = masked.plan("mapped", "strict@1")
    select = {"split": "val", "metric": metric}
    with pytest.raises(BadRequest):
        SegmentationRunner().recipe({**planned.spec.recipe, "select": select})
    SegmentationRunner().recipe(
        {**planned.spec.recipe, "select": {**select, "metric": "dice-pooled-fg"}}
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"encoder": "frozen", "one_at_a_time": True}, "one_at_a_time"),
        ({"epochs": 4, "iterations": 8}, "epochs or iterations"),
        ({"epochs": None, "iterations": 7, "validate_every": 2}, "no multiple"),
        ({"validate_every": 900}, "no epoch"),
        ({"decoder": {"name": "upernet", "channels": [4]}}, "upernet"),
        ({"boxes": "wrong"}, "boxes"),
        ({"ellipses": "wrong"}, "ellipses"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(masked, change, said):
    (planned,) = masked.plan("mapped", "strict@1")
    with pytest.raises(PluginError) as caught:
        SegmentationRunner().recipe({**planned.spec.recipe, **change})
    assert said in caught.value.why


def test_pixel_statistics_find_something(masked):
    record = masked.run("pixel-stats", "frozen@1")
    predicted = [p for p, _ in pairs(stored(masked, record))]
    assert any(p.any() for p in predicted)
    assert not all(p.all() for p in predicted)
