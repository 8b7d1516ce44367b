"""Features of a frozen encoder: computed once, and again when anything they depend on changes."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from bench import Bench
from PIL import Image

from cxrbench.runners.base import Machine


def again(bench, tmp_path, name):
    """The same data and cache with new results."""
    return Bench(bench.root, tmp_path / name)


def test_a_second_run_computes_none(bench, tmp_path, computed):
    first = bench.run("pixel-stats", "linear-probe@1")
    assert len(set(computed)) == 48 + 11 + 24
    computed.clear()
    second = again(bench, tmp_path, "b").run("pixel-stats", "linear-probe@1")
    assert computed == []
    assert second.metrics == first.metrics


def test_another_protocol_shares_nothing_it_should_not(bench, computed):
    bench.run("small", "linear-probe@1")
    everything = len(computed)
    for change in ({"precision": "bf16"}, {"seeds": (1,)}):
        computed.clear()
        bench.run("small", "linear-probe@1", **change)
        assert len(computed) == everything, change


def test_another_limit_shares_what_it_can(bench, computed):
    bench.run("pixel-stats", "linear-probe@1", limit=10)
    computed.clear()
    bench.run("pixel-stats", "linear-probe@1")
    assert len(set(computed)) <= (48 + 11 + 24) - 30 + 3


def test_other_seeds_share_the_features_of_a_model_without_weights(bench, computed):
    bench.run("pixel-stats", "linear-probe@1")
    computed.clear()
    bench.run("pixel-stats", "linear-probe@1", seeds=(1,))
    assert computed == []


@pytest.mark.parametrize(
    "change",
    [{"encoder": "other"}, {"weights": {"a": "2"}}, {"precision": "16"}, {"context": True},
     {"kind": "trunk"}, {"images": "elsewhere"}, {"seed": 1}, {"spec": "mean"},
     {"one_at_a_time": True}],
)  # fmt: skip
def test_each_part_of_the_key_makes_another_store(change):
    from small_specs import KEY, OTHER_SPEC

    fields = {**KEY.__dict__, **change}
    if change == {"spec": "mean"}:
        fields["spec"] = OTHER_SPEC
    assert type(KEY)(**fields).store().folder != KEY.store().folder
    assert type(KEY)(**KEY.__dict__).store().folder == KEY.store().folder


def test_a_changed_image_is_decoded_and_encoded_again(bench, tmp_path, computed):
    root = tmp_path / "copy"
    shutil.copytree(bench.root, root)
    here = Bench(root, tmp_path / "a")
    before = here.run("pixel-stats", "linear-probe@1")
    (planned,) = here.plan("pixel-stats", "linear-probe@1")
    sample = planned.data.splits["test"].samples[0]
    stat = sample.image.stat()
    pixels = np.asarray(Image.open(sample.image).convert("L"))
    Image.fromarray(255 - pixels).save(sample.image)
    os.utime(sample.image, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))
    computed.clear()
    Bench(root, tmp_path / "b").run("pixel-stats", "linear-probe@1")
    assert set(computed) == {sample.id}
    features = list(tmp_path.glob("[ab]/*/predictions-test.parquet"))
    assert len(features) == 2
    first, second = (scores_of(path, sample.id) for path in sorted(features))
    assert not np.allclose(first, second)
    assert before.status == "ok"


def scores_of(path, key):
    from cxrbench.results.predictions import read_predictions

    found = read_predictions(path)
    return found.scores[[s.id for s in found.samples].index(key)]


def test_the_trunk_is_computed_once_for_all_epochs_and_seeds_apart(bench, tmp_path, computed):
    first = bench.run("trunk", "strict@1")
    assert len(set(computed)) == 48 + 11, "test is read once and not kept"
    computed.clear()
    second = again(bench, tmp_path, "b").run("trunk", "strict@1")
    assert second.metrics == first.metrics
    assert len(computed) <= 2, "at most the one row that tells the size"
    again(bench, tmp_path, "c").run("trunk", "strict@1", seeds=(1,))
    assert len(set(computed)) == 48 + 11, "another seed has other random weights"


def test_a_trunk_that_does_not_fit_is_computed_on_the_fly_with_the_same_result(
    bench, tmp_path, computed, monkeypatch
):
    first = bench.run("trunk", "strict@1")
    monkeypatch.setenv("CXRBENCH_TRUNK_GIB", "0")
    computed.clear()
    second = again(bench, tmp_path, "b").run("trunk", "strict@1")
    assert len(computed) <= 2
    assert second.selection.epoch == first.selection.epoch
    for name, metric in first.metrics.items():
        assert second.metrics[name].value == pytest.approx(metric.value, abs=1e-6)


def test_augmented_training_reads_images_and_not_the_trunk(bench, computed):
    bench.run("trunk", "benchx@1")
    assert computed == []


def test_the_batch_of_extraction_does_not_matter(bench, tmp_path, monkeypatch):
    first = bench.run("small", "linear-probe@1")
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    second = again(bench, tmp_path, "b").run("small", "linear-probe@1", Machine("cpu", 1))
    for name, metric in first.metrics.items():
        assert second.metrics[name].value == pytest.approx(metric.value, abs=1e-5)
