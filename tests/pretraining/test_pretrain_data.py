"""What is checked and counted before any work starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import toy_pretraining as toy

from cxrbench.errors import BadRequest, DataError
from cxrbench.pretraining.data import label_counts


@pytest.fixture
def changed(monkeypatch):
    """Change what an adapter reads."""

    def change(reader, edit):
        original = getattr(toy, reader)
        monkeypatch.setattr(toy, reader, lambda download: edit(original(download)))

    return change


def without(**fields):
    return lambda found: replace(
        found, samples=tuple(replace(sample, **fields) for sample in found.samples)
    )


def test_the_plan_counts_what_will_be_trained_on(tmp_path):
    facts = toy.plan(tmp_path).facts()
    train, val = facts["data"]["splits"]["train"], facts["data"]["splits"]["val"]
    # Of images 0 to 21, every fourth has no context and every third (0, 3, … 21) a recording;
    # val is 25 to 31, of which 27 and 30 have one.
    assert (train["images"], train["left_out"]) == (22, 3)
    assert (train["with_context"], train["gaze_recordings"]) == (16, 8)
    assert (val["images"], val["left_out"], val["gaze_recordings"]) == (7, 0, 2)
    assert facts["steps"] == {"per_epoch": 2, "in_all": 10}
    assert facts["starts_from"] == ["random weights"]
    assert any("3 of 25 images of train have no findings" in line for line in facts["warnings"])


def test_planning_computes_and_writes_nothing(tmp_path, own_cache, monkeypatch):
    monkeypatch.setattr("cxrbench.data.decoding.read_grey", lambda *_: pytest.fail("decoded"))
    toy.plan(tmp_path)
    assert {path.name for path in own_cache.iterdir()} <= {"phantom", "hashes"}
    assert not (tmp_path / "out").exists()


def test_labels_are_counted_over_the_images_left_out_too(tmp_path):
    counts = toy.plan(tmp_path).data.counts
    codes = np.array([[n % 4, (n // 2) % 4] for n in range(25)])
    expected = [[int((codes[:, c] == code).sum()) for code in range(4)] for c in range(2)]
    assert counts.tolist() == expected


def test_numeric_labels_are_counted_as_mentions(tmp_path):
    split = toy.plan(tmp_path).data.images.splits["train"]
    plain = replace(split, mentions=None)
    assert label_counts(plain)[:, 1].tolist() == split.counts.tolist()
    assert label_counts(plain)[:, 2].tolist() == (split.labels == 0).sum(axis=0).tolist()
    assert (label_counts(plain).sum(axis=1) == len(split)).all()


@pytest.mark.parametrize(
    ("reader", "edit", "override", "why"),
    [
        ("read_toy", without(report=None), "settings.gaze=0", "no image has findings"),
        ("read_toy", without(context=None), "settings.context=false", "clinical context"),
        (
            "read_toy",
            lambda found: replace(found, mentions=np.zeros_like(found.mentions)),
            "settings.labels=false",
            "no label",
        ),
        ("read_gaze", without(gaze=()), "settings.gaze=0", "no recording of gaze"),
    ],
)
def test_data_that_lack_what_is_learnt_from_are_refused(
    tmp_path, changed, reader, edit, override, why
):
    changed(reader, edit)
    with pytest.raises(DataError) as error:
        toy.plan(tmp_path)
    assert why in error.value.why
    if "findings" not in why:  # an objective that does without is content
        toy.plan(tmp_path, override)


def test_gaze_of_other_images_is_none(tmp_path, changed):
    def renamed(found):
        samples = tuple(replace(s, id=f"other {s.id}") for s in found.samples)
        return replace(found, samples=samples)

    changed("read_gaze", renamed)
    with pytest.raises(DataError, match="train of toy") as error:
        toy.plan(tmp_path)
    assert "toy-gaze: 11 recordings" in error.value.why


def test_a_val_split_without_gaze_is_told(tmp_path, changed):
    changed("read_gaze", lambda found: replace(found, samples=found.samples[:4]))
    assert any("val has gaze" in warning for warning in toy.plan(tmp_path).data.warnings)


def test_patients_in_both_splits_are_refused(tmp_path, changed):
    changed("read_toy", without(patient="the same"))
    with pytest.raises(DataError, match="share 1 patient"):
        toy.plan(tmp_path)


def test_a_share_of_the_gaze_is_of_train_alone_and_nested(tmp_path):
    def keys(share):
        data = toy.plan(tmp_path, f"settings.gaze={share}").data
        train = set(data.images.splits["train"].ids)
        every = [r for part in data.gaze for r in part.readings]
        return (
            {r.key for r in every if r.image in train},
            {r.key for r in every if r.image not in train},
        )

    shares = {share: keys(share) for share in (0.01, 0.25, 0.5, 1.0)}
    assert [len(train) for train, _ in shares.values()] == [1, 2, 4, 8]
    for smaller, larger in ((0.01, 0.25), (0.25, 0.5), (0.5, 1.0)):
        assert shares[smaller][0] <= shares[larger][0]
    assert len({frozenset(val) for _, val in shares.values()}) == 1
    other = toy.plan(tmp_path, "settings.gaze=0.5", "seed=4").data
    assert other.fingerprint["gaze"] != toy.plan(tmp_path, "settings.gaze=0.5").data.fingerprint


def test_how_gaze_is_laid_out_is_a_part_of_the_run(tmp_path, monkeypatch):
    before = toy.plan(tmp_path)
    assert "2x2" in before.heat
    for override in ("data.heat.sigma=0.05", "data.heat.lead=1.5"):
        other = toy.plan(tmp_path, override)
        assert other.heat != before.heat
        assert other.digest != before.digest
    assert toy.plan(tmp_path, "settings.gaze=0").heat == ""
    monkeypatch.setattr("cxrbench.gaze.store.GAZE_VERSION", 2)
    changed = toy.plan(tmp_path)
    assert changed.recipe == before.recipe
    assert changed.digest != before.digest


@pytest.mark.parametrize("override", ["data.heat.sigma=0", "data.heat.lead=-1"])
def test_heat_that_cannot_be_drawn_is_refused(tmp_path, override):
    with pytest.raises(BadRequest, match=r"toy\.yaml"):
        toy.plan(tmp_path, override)


@pytest.mark.parametrize(
    ("overrides", "sigma", "lead"),
    [((), 0.035, 0.75), (("data.heat.sigma=0.2", "data.heat.lead=0"), 0.2, 0.0)],
)
def test_every_item_gets_the_heat_of_its_own_readings(tmp_path, overrides, sigma, lead):
    from cxrbench.gaze.heatmap import heatmaps
    from cxrbench.pretraining.inputs import Inputs
    from cxrbench.pretraining.start import start
    from cxrbench.timing import Timer

    plan = toy.plan(tmp_path, *overrides)
    made, _ = start(plan.recipe, plan.card, toy.LABELS, plan.data.counts, plan.weights)
    inputs = Inputs.make(plan.recipe, plan.data, made, plan.identity, toy.Machine("cpu"), Timer())
    items = inputs.loader("train").dataset
    for position in range(len(items)):
        item = items[(position, 0)]
        number = int(item.sample.id[1:])
        expected = []
        if number % 3 == 0:
            gaze = toy.sample(tmp_path, number, gaze=True).gaze[0]
            expected = heatmaps(gaze, (8, 8), toy.SPEC, (2, 2), sigma * 8, lead=lead)
        assert [text for text, _ in item.heat] == [text for text, _ in expected]
        for (_, found), (_, wanted) in zip(item.heat, expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
        assert item.mentions.tolist() == [number % 4, (number // 2) % 4]


def test_an_image_that_does_not_decode_ends_the_run_before_training(tmp_path, monkeypatch):
    from cxrbench.pretraining.module import PretrainingModule

    toy.plan(tmp_path)
    (tmp_path / "data" / "toy" / "i5.png").write_bytes(b"no image")
    monkeypatch.setattr(PretrainingModule, "training_step", lambda *_: pytest.fail("trained"))
    with pytest.raises(DataError, match="does not decode"):
        toy.train(tmp_path)


def test_a_limit_leaves_too_little(tmp_path):
    with pytest.raises(BadRequest, match="too little"):
        toy.plan(tmp_path, limit=1)


def test_no_list_of_a_split(tmp_path):
    with pytest.raises(DataError, match="no list for train"):
        toy.plan(tmp_path, "data.lists.train=[absent]")


@pytest.mark.parametrize(
    ("reader", "edit", "why"),
    [
        ("read_toy", {"context": None}, "clinical context"),
        ("read_gaze", {"gaze": ()}, "no recording of gaze"),
    ],
)
def test_what_a_limit_leaves_has_to_hold_what_is_learnt_from(tmp_path, changed, reader, edit, why):
    """The first six images of train lack it, those behind them have it."""

    def first_without(found):
        names = {f"i{number}" for number in range(6)}
        samples = tuple(replace(s, **edit) if s.id in names else s for s in found.samples)
        return replace(found, samples=samples)

    changed(reader, first_without)
    toy.plan(tmp_path)
    with pytest.raises(DataError) as error:
        toy.plan(tmp_path, limit=6)
    assert why in error.value.why
    assert "--limit" in error.value.fix
