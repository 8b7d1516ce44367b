"""Each check fails for the encoder that breaks it, and for no other reason."""

from __future__ import annotations

import json

import pytest
from conformance_encoders import ALL, D, card_of

from cxrbench.cards import Dims, WeightsFile
from cxrbench.errors import BadRequest
from cxrbench.testing import CHECKS, check_encoder

WITHOUT = {capability: [c for c in ALL if c != capability] for capability in (*ALL, "nothing")}
"""The card's capabilities but one."""
NO_TRUNK = {"capabilities": WITHOUT["frozen-trunk"]}


def dims(**changes):
    declared = {"pooled": D, "grid": (D, 4, 4), "latents": (2, D), "text": D, "joint": D}
    return {"dims": Dims(**{**declared, **changes})}


BROKEN = [
    ("Raises", {}, {"shapes"}, "out of ideas"),
    ("WrongWidth", {}, {"shapes"}, "(2, 8), expected (2, 9)"),
    ("HalfPrecision", {}, {"finite-float32"}, "float16"),
    ("LeftInBfloat16", {}, {"autocast"}, "`scores of pairs` is not float32"),
    ("CancelsInBfloat16", {}, {"autocast"}, "autocast changes the result"),
    ("NotFinite", {}, {"finite-float32"}, "uniform images"),
    ("Blind", {}, {"images-matter"}, "the same vector"),
    ("Transposed", {}, {"grid-lies-right"}, "bottom left"),
    ("DropsOut", {}, {"deterministic"}, "`pooled` differs"),
    ("UsesTheBatch", {}, {"batch-invariant"}, "pooled differs"),
    ("WritesItsInput", {}, {"no-side-effects"}, "changes the pixels"),
    ("KeepsCount", {}, {"no-side-effects"}, "seen changed"),
    ("WearsOut", {}, {"no-side-effects"}, "table changed"),
    ("DrawsNumbers", {}, {"no-side-effects"}, "random numbers"),
    ("IgnoresContext", {}, {"context"}, "the context changes nothing"),
    ("WholeIgnoresContext", NO_TRUNK, {"context"}, "the context changes nothing"),
    ("WholeIgnoresView", NO_TRUNK, {"view"}, "the view changes nothing"),
    ("PadsContexts", {}, {"batch-invariant"}, "other images"),
    ("SortsImages", {}, {"order"}, "order of the images"),
    ("ContextOfTheFirst", {}, {"context"}, "missing context changes"),
    ("NeedsAllContexts", {}, {"context"}, "NoneType"),
    ("IgnoresView", {}, {"view"}, "the view changes nothing"),
    ("TrainsItsTrunk", {}, {"frozen-trunk"}, "is trained"),
    ("TrunkWithDropout", {}, {"frozen-trunk"}, "training mode"),
    ("TrunkIsNotEnough", {}, {"frozen-trunk"}, "from pixels"),
    ("Detached", {}, {"gradients"}, "does not require grad"),
    ("ForgetsAGroup", {}, {"parameter-groups"}, "norm.weight"),
    ("ListsTwice", {}, {"parameter-groups"}, "in two groups"),
    ("PoolsPadding", {}, {"text"}, "other texts"),
    ("SortsTexts", {}, {"text"}, "on its place"),
    ("PacksTexts", {}, {"text"}, "on its place"),
    ("BoundedTexts", {}, {"text"}, "very long"),
    ("ChokesOnNoText", {}, {"text"}, "empty"),
    ("NotNormalised", {}, {"joint-space"}, "project_text"),
    ("RanksPairs", {}, {"pairwise"}, "the other pairs"),
    ("TurnsPairs", {}, {"pairwise"}, "on its place"),
    ("FlattensPairs", {}, {"pairwise"}, "its shape is (4,), expected (2, 2)"),
    ("InfiniteScores", {}, {"closed-vocabulary"}, "finite scores"),
    ("GivesLogits", {}, {"closed-vocabulary"}, "no probabilities"),
    ("NamesTwice", {}, {"closed-vocabulary"}, "2 names, 1 different ones"),
    ("OtherEveryTime", {}, {"seeded"}, "head.weight"),
    ("LoadsInPart", {}, {"checkpoint"}, "head.weight"),
    ("UsesItsPlace", {}, {"order"}, "order of the images"),
    ("SmallerOnMeta", {}, {"meta-device"}, "on the meta device"),
    ("NoPooledDim", {}, {"image-spec"}, "no pooled_dim"),
    ("OwnPreprocessing", {}, {"image-spec"}, "pad_square"),
    ("Good", {"paper": None}, {"card-facts"}, "where the encoder comes from"),
    ("Good", {"code_url": "https://example.org"}, {"card-facts"}, "licence of the code"),
    ("Good", dims(joint=None), {"card-facts"}, "dims.joint"),
    ("Good", {"context_fields": []}, {"card-facts"}, "context_fields"),
    ("Good", {"status": "declared"}, {"card-weights"}, "status `declared`"),
    ("Good", dims(grid=(D, 2, 2)), {"shapes"}, "dims.grid"),
    ("Good", dims(latents=None), {"shapes"}, "dims.latents"),
    ("Good", dims(text=4), {"text"}, "dims.text"),
    ("Good", dims(joint=4), {"joint-space"}, "dims.joint"),
    ("Good", {"min_match": 0.5}, {"missing-tensor"}, "min_match is 0.5"),
    ("Good", {"optional_tensors": [".*"]}, {"missing-tensor"}, "no tensor is required"),
    ("Good", {"optional_tensors": ["(weight"]}, {"card-weights", "checkpoint"}, "no regular"),
    ("Good", {"entry": "conformance_encoders:Missing"}, {"builds"}, "cannot load"),
    *(
        ("Good", {"capabilities": WITHOUT[capability]}, {"capabilities"}, "not declared")
        for capability in ("text", "joint", "pairwise", "closed-vocabulary", "view")
    ),
    ("Good", {"capabilities": WITHOUT["image"]}, {"capabilities"}, "not an image encoder"),
    ("Good", {"capabilities": WITHOUT["trainable"]}, {"capabilities"}, "`trainable` contradicts"),
    (
        "Good",
        {"capabilities": WITHOUT["context"], "context_fields": []},
        {"context"},
        "not declared",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "changes", "absent"),
    [("Good", {}, set()), ("ZeroGate", {}, set()), ("Whole", NO_TRUNK, {"frozen-trunk"})],
)
def test_a_good_encoder_passes_every_check(name, changes, absent):
    report = check_encoder(card_of(name, **changes))
    assert {r.check for r in report.results if r.status != "ok"} == absent, report.failures
    assert report.ok and report.weights == "random" and report.ms_per_image > 0
    assert report.parameters == report.trainable + 3 * 4 * 4 * D + D  # all but the trunk


SMALL = {
    "capabilities": ["image"], "context_fields": [], "dims": Dims(pooled=3), "paper": None,
    "quirks": ["Three numbers."],
}  # fmt: skip


def test_an_unknown_view_may_not_trouble_an_encoder_that_declares_none():
    failures = check_encoder(card_of("PixelsOfKnownViews", **SMALL)).failures
    assert [result.check for result in failures] == ["finite-float32"]
    assert "NoneType" in failures[0].text


def test_what_a_small_encoder_lacks_is_not_applicable():
    report = check_encoder(card_of("Pixels", **SMALL))
    assert report.ok
    assert report.weights == "none" and report.parameters is None
    absent = {r.check for r in report.results if r.status == "not applicable"}
    assert absent == {
        "meta-device", "grid-lies-right", "frozen-trunk", "gradients", "parameter-groups", "text",
        "joint-space", "pairwise", "closed-vocabulary", "autocast", "seeded",
        "checkpoint", "missing-tensor",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "changes", "expected", "words"),
    BROKEN,
    ids=[f"{name}-{'-'.join(changes)}-{index}" for index, (name, changes, *_) in enumerate(BROKEN)],
)
def test_a_broken_promise_is_found(name, changes, expected, words):
    report = check_encoder(card_of(name, **changes))
    failed = {result.check: result.text for result in report.failures}
    assert expected <= set(failed), failed
    assert any(words in failed[check] for check in expected), failed
    unexpected = set(failed) - expected - ALSO.get(name, set())
    assert not unexpected, {check: failed[check] for check in unexpected}
    for result in report.failures:
        assert result.why and result.fix
        assert all("\n" not in line for line in (result.detail, result.why, result.fix))


# What a fault breaks besides.
ALSO = {
    "HalfPrecision": {"joint-space", "pairwise"},
    "Blind": {"grid-lies-right"},
    "KeepsCount": {"seeded"},
    "WearsOut": {"seeded"},
    "PadsContexts": {"view"},
    "SortsImages": {"batch-invariant", "context", "view"},
    "OtherEveryTime": {"autocast"},
    "DropsOut": {
        "batch-invariant", "order", "no-side-effects", "context", "view", "frozen-trunk",
    },
    "UsesTheBatch": {"order", "context", "view"},
    "ContextOfTheFirst": {"batch-invariant", "order", "view"},
    "UsesItsPlace": {"context", "view"},
}  # fmt: skip


def test_every_check_has_an_encoder_that_fails_it():
    found = set().union(*(expected for _, _, expected, _ in BROKEN))
    assert found == {check.id for check in CHECKS}


def test_what_depends_on_a_failed_check_is_not_tried():
    report = check_encoder(card_of("Raises"))
    blocked = {r.check: r.detail for r in report.results if r.status == "not applicable"}
    assert blocked["deterministic"] == "needs shapes first"
    assert report.ms_per_image is None


def test_missing_card_weights_give_random_ones_and_are_not_fetched():
    file = WeightsFile(
        name="w", source="url", repo="https://example.invalid/w.pt", file="w.pt", licence="MIT"
    )
    card = card_of("Good", weights=[file], status="declared", pretraining_data=["mimic-cxr"])
    report = check_encoder(card)
    assert report.ok and report.weights == "random"


@pytest.mark.parametrize(
    ("status", "changes", "words"),
    [
        ("no-weights", {}, "status `no-weights`"),
        ("declared", {"access": "none"}, "status `declared`"),
        ("verified", {}, "no sha256"),
        ("declared", {"sha256": "abc"}, "no SHA-256"),
        ("declared", {"repo": ""}, "no `repo`"),
        ("declared", {"rename": [("(", "")]}, "no regular expression"),
    ],
)
def test_weights_on_the_card_are_checked(status, changes, words):
    fields = {"name": "w", "source": "hf", "repo": "a/b", "file": "w.safetensors", "licence": "MIT"}
    file = WeightsFile.model_validate({**fields, **changes})
    card = card_of("Good", weights=[file], status=status, pretraining_data=["mimic-cxr"])
    report = check_encoder(card, "random")
    assert [r.check for r in report.failures] == ["card-weights"]
    assert words in report.failures[0].text


def test_licence_and_pretraining_data_have_to_be_written_down():
    file = WeightsFile(name="w", source="manual", file="w.pt")
    card = card_of("Good", weights=[file], status="declared", pretraining_data=["mimic-cxr"])
    assert "no licence" in check_encoder(card, "random").failures[0].text
    file = WeightsFile(name="w", source="manual", file="w.pt", licence="unknown")
    card = card_of("Good", weights=[file], status="declared")
    assert "trained on" in check_encoder(card, "random").failures[0].text


def test_weights_for_an_encoder_without_any_are_a_bad_request(tmp_path):
    with pytest.raises(BadRequest, match="takes no weights"):
        check_encoder(card_of("Good"), str(tmp_path))


def test_report_is_plain_json_and_one_line():
    report = check_encoder(card_of("Raises"))
    again = json.loads(json.dumps(report.to_json()))
    assert again["ok"] is False and again["model"] == "raises"
    assert {result["check"] for result in again["results"]} == {check.id for check in CHECKS}
    assert "\n" not in report.summary and "1 failed" in report.summary
