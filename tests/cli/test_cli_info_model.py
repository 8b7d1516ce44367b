"""`cxrbench info` of a model: what a reviewer looks for is there, and nothing is claimed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cxrbench.building import Parameters
from cxrbench.cards import ModelCard
from cxrbench.cli.info_model import model_lines
from cxrbench.registry import Registry

SPEC = {"size": [224, 320], "resize": "short_side_crop", "crop_fraction": 0.875,
        "mean": [0.5, 0.4, 0.5], "std": [0.25, 0.25, 0.25]}  # fmt: skip
WEIGHTS = {"name": "main", "source": "hf", "repo": "a/b", "file": "m.pt", "licence": "MIT",
           "access": "gated", "trainer": "retrained", "trained_on": ["mimic-cxr"]}  # fmt: skip


@pytest.fixture(scope="module")
def registry():
    return Registry.discover()


@pytest.fixture
def told(registry):
    def tell(**changes):
        fields = {"id": "x", "family": "f", "title": "X", "entry": "a:b", "status": "declared",
                  "capabilities": ["image", "trainable"], "preprocessing": SPEC}  # fmt: skip
        card = ModelCard.model_validate({**fields, **changes})
        found = SimpleNamespace()
        found.lines = model_lines(card, registry, Parameters(12_340_000, 2_000_000))
        found.text = {}
        for label, text in found.lines:
            found.text.setdefault(label, text)
        return found

    return tell


def test_weights_are_told_with_source_licence_access_and_hash(told):
    digest = "ab" * 32
    line = told(weights=[{**WEIGHTS, "sha256": digest}]).text["weights"]
    for part in ("hf a/b m.pt", "licence MIT", "access gated", "trained again by others",
                 "trained on mimic-cxr", f"sha256 {digest}", "not on this machine"):  # fmt: skip
        assert part in line
    assert "sha256 not recorded" in told(weights=[WEIGHTS]).text["weights"]
    side = {"name": "tokenizer", "source": "manual", "file": "vocab.txt"}
    found = told(weights=[WEIGHTS, side]).text
    assert "tokenizer: manual vocab.txt" in found["side file"]
    assert "authors" not in found["side file"]


def test_images_are_described_in_words(told):
    assert told().text["input"] == (
        "224×320 pixels, short side scaled, centre cropped, the centre 87.5% (bicubic); 0..1, "
        "mean 0.5 0.4 0.5, std 0.25"
    )
    assert told(fixed_size=True).text["input"].endswith("std 0.25; no other size")
    assert (
        told(fixed_size=True, pyramid_any_size=True)
        .text["input"]
        .endswith("; no other size, but for maps at several scales (segmentation with UPerNet)")
    )
    assert "once it is built" in told(preprocessing=None).text["input"]


def of_images(registry):
    """Tasks that read no text."""
    kinds = {"classification", "segmentation", "reports"}
    return [e.card.id for e in registry.tasks.entries() if e.card.type in kinds]


def test_tasks_that_do_not_apply_and_that_were_seen_are_told(told, registry):
    found = told(pretraining_data=["nih"]).text
    assert found["tasks"].split(", ") == of_images(registry)
    assert "rsna-zeroshot" in found["not applicable"]
    seen = found["seen in training"]
    assert "nih-1pct" in seen and "rsna-1pct" in seen  # RSNA relabels images of NIH
    assert "shenzhen" not in seen and "†" in seen
    assert told().text["seen in training"] == ""
    found = told(capabilities=["text"]).text
    assert found["tasks"] == "none" and "encodes no images" in found["not applicable"]
    # Frozen: a linear probe is left.
    assert told(capabilities=["image"]).text["tasks"].split(", ") == of_images(registry)


def test_what_was_checked_and_what_was_not(told):
    found = told().text
    assert found["status"].startswith("declared: ") and "no result" in found["status"]
    assert found["code checked"].startswith("no numbers")
    assert "cxrbench check --model x --reference" in told(reference="a:b").text["code checked"]
    assert found["parameters"] == "12.3M, 2.0M of them trained"
    assert "zero-shot" in found["cannot"]
    assert told(capabilities=["image", "pairwise"]).text["cannot"] == ""
    assert [t for label, t in told(quirks=["One.", "Two."]).lines if label == "quirk"] == [
        "One.", "Two.",
    ]  # fmt: skip


def test_the_command_prints_a_mode_and_the_list_has_it(cli, answer):
    assert "224×224 pixels" in cli("info", "benchx").out
    assert [mode["id"] for mode in answer("list", "modes")] == ["benchx"]
    assert "native|MODE" in cli("run", "--help").out
