"""All pictures of one request."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from cxrbench.errors import BadRequest
from cxrbench.explain import attention, context, gaze, gradcam
from cxrbench.explain.kinds import KINDS
from cxrbench.explain.run import Settings, explain, find_unfit
from cxrbench.explain.style import DPI
from cxrbench.weights.choice import resolve


@pytest.fixture
def draw(registry, egd):
    def run(out, model="cogaze-tiny", kinds=KINDS, source=egd, **more):
        found = registry.model(model)
        settings = Settings(kinds, **{"images": 2, "seed": 0, "device": "cpu", **more})
        weights = resolve(found.card, "random")
        return list(explain(found, weights, source, settings, out))

    return run


def test_every_kind_is_drawn_and_again_the_same(draw, tmp_path):
    results = draw(tmp_path / "a")
    assert [each.kind for each in results] == list(KINDS)
    index = json.loads((tmp_path / "a" / "explain.json").read_text())
    assert index["weights"]["note"] == "random weights"
    assert index["data"]["kind"] == "phantom"
    assert index["restricted"] == ""
    for each in results:
        assert Image.open(each.file).format == "PNG"
        facts = index["pictures"][each.kind]
        assert facts["images"] == each.images > 0
    again = ("attention", "context", "tsne")
    draw(tmp_path / "b", kinds=again)
    twin = json.loads((tmp_path / "b" / "explain.json").read_text())
    assert twin["request"] == index["request"]
    for name in again:
        assert twin["pictures"][name] == index["pictures"][name]
        images = [(tmp_path / side / f"{name}.png").read_bytes() for side in "ab"]
        assert images[0] == images[1], name


def test_a_picture_has_the_size_of_its_figure_and_says_what_it_is_of(subject, tmp_path):
    drawn = attention.draw(subject(images=3))
    title = drawn.figure.get_suptitle()
    assert "cogaze-tiny (random weights) on egd, test, phantom data" in title
    assert f"3 of {len(subject().source.shown)} images" in title
    drawn.figure.savefig(tmp_path / "x.png", dpi=DPI)
    wanted = np.asarray(drawn.figure.get_size_inches()) * DPI
    np.testing.assert_allclose(Image.open(tmp_path / "x.png").size, wanted, atol=1)


def test_the_numbers_of_attention_are_those_of_the_encoder(subject):
    made = subject()
    numbers = attention.draw(made).numbers
    rows = made.draw(range(len(made.source.shown)), 2, "images")
    samples = [made.source.shown.samples[row] for row in rows]
    ((_, batch),) = made.batches(samples, "")
    with torch.no_grad():
        maps = made.encoder.attention_map(batch)
    np.testing.assert_allclose(numbers["share_on_patches"], maps.sum((1, 2)), rtol=1e-5)
    assert all(1 < ratio < 2 for ratio in numbers["largest_over_uniform"])


def test_gaze_counts_every_sentence_of_every_image(subject):
    made = subject()
    drawn = gaze.draw(made)
    samples = made.source.shown.samples
    assert drawn.images == sum(bool(sample.gaze) for sample in samples)
    sentences = drawn.numbers["sentences"]
    said = sum(len(reading.utterances) for sample in samples for reading in sample.gaze)
    assert 0 < sentences["maps"] <= said
    assert sentences["mean"]["gaze-kl"] > 0
    assert sentences["floor"]["gaze-cc"] > 0.1, "readers look at the middle of the chest"
    assert len(drawn.shown) == 2


def test_context_changes_the_similarity_of_what_has_one(subject):
    made = subject()
    drawn = context.draw(made)
    told = [s for s in made.source.shown.samples if s.context and s.report and s.report.findings]
    assert drawn.images == len(told)
    numbers = drawn.numbers
    with_it, without = (numbers["mean_cosine"][name] for name in ("with", "without"))
    assert numbers["mean_difference"] == pytest.approx(with_it - without)
    assert numbers["mean_difference"] != 0


def test_grad_cam_shows_positive_images(subject):
    drawn = gradcam.draw(subject(images=3))
    assert len(drawn.numbers["shown"]) == 3
    assert all(0 < each["probability"] < 1 for each in drawn.numbers["shown"])


@pytest.mark.parametrize(
    ("model", "unfit"),
    [("cogaze-tiny", set()), ("pixel-stats", {"attention", "gaze", "gradcam", "context"}),
     ("timm/resnet10t", {"attention", "gaze", "context"}),
     ("timm/test_vit", {"attention", "gaze", "gradcam", "context"})],
)  # fmt: skip
def test_what_does_not_apply_is_told(subject, model, unfit):
    assert set(find_unfit(subject(model), KINDS)) == unfit


def test_data_without_gaze_and_reports(subject, registry, nih_root):
    from cxrbench.explain.source import open_source

    source = open_source(
        registry.tasks.get("nih-1pct").card, "train", {"nih": nih_root}, demo=False
    )
    reasons = find_unfit(subject(source=source), ("gaze", "context", "gradcam"))
    assert set(reasons) == {"gaze", "context", "gradcam"}
    assert "no training split" in reasons["gradcam"]


def test_nothing_to_draw_is_a_bad_request_and_leaves_nothing(draw, tmp_path):
    with pytest.raises(BadRequest, match="no picture of pixel-stats on egd") as error:
        draw(tmp_path / "out", "pixel-stats", ("attention", "gaze"))
    assert "predicts no gaze" in error.value.why
    assert not (tmp_path / "out").exists()


def test_another_seed_is_another_request(draw, tmp_path):
    draw(tmp_path / "out", kinds=("attention",))
    with pytest.raises(BadRequest, match="another request"):
        draw(tmp_path / "out", kinds=("attention",), seed=1)
