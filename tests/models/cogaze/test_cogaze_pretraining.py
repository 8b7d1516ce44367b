"""The pretraining network, its batches and its objective."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cxrbench_models.cogaze.config import CoGazeSettings
from cxrbench_models.cogaze.lengths import by_length
from cxrbench_models.cogaze.pretraining.batch import Collate, group, targets
from cxrbench_models.cogaze.pretraining.network import CoGazePretraining
from cxrbench_models.cogaze.pretraining.objective import losses, weights_of
from cxrbench_models.cogaze.pretraining.settings import PretrainingSettings
from cxrbench_models.cogaze.tokenizer import CoGazeTokenizer, context_text
from pydantic import ValidationError

from cxrbench.data.context import join_context
from cxrbench.data.records import Report
from cxrbench.data.samples import Sample
from cxrbench.data.transforms import normalise
from cxrbench.errors import RunError
from cxrbench.image_spec import ImageSpec
from cxrbench.pretraining.items import PretrainingItem

SMALL = {
    "dim": 16,
    "projector_dim": 32,
    "vision": {"image_size": 28, "patch_size": 14, "layers": 1, "heads": 2},
    "text": {
        "vocab_size": 265, "layers": 1, "heads": 2, "intermediate": 32, "positions": 96,
        "max_tokens": 96, "dropout": 0.0,
    },
    "perceiver": {"depth": 1, "latents": 3},
    "views": ["unk", "PA", "AP"],
}  # fmt: skip
SPEC = ImageSpec(size=(28, 28), resize="squash", mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
PATCHES, LABELS = 4, 14


def settings(**given) -> PretrainingSettings:
    return PretrainingSettings.model_validate(given)


@pytest.fixture(scope="module")
def network() -> CoGazePretraining:
    torch.manual_seed(0)
    return CoGazePretraining(CoGazeSettings.model_validate(SMALL)).eval()


def sample(number, study="s1", view="PA", findings="Clear lungs.", indication="", history=""):
    report = Report(findings=findings, indication=indication, history=history)
    context = join_context(indication, history)
    return Sample(f"i{number}", "p", Path("none"), view, None, None, context, study, report=report)


def item(sample, heat=(), labels=None, mentions=None):
    generator = torch.Generator().manual_seed(int(sample.id[1:]))
    return PretrainingItem(
        sample=sample,
        row=torch.randint(0, 256, (28, 28), dtype=torch.uint8, generator=generator),
        labels=np.zeros(LABELS, np.float32) if labels is None else labels,
        mentions=mentions,
        heat=list(heat),
    )


def heat(*cells):
    return np.array(cells, np.float32)


def items():
    """Six images of four studies; the second and the last have been read with an eye tracker."""
    random = np.random.default_rng(0)
    found = []
    for number, study in enumerate(["a", "b", "a", "c", "d", "b"]):
        labels = random.integers(0, 2, LABELS).astype(np.float32)
        labels[number] = np.nan
        told = {"indication": "Cough."} if number % 2 else {}
        one = sample(number, study, findings=f"Finding number {number}.", **told)
        read = []
        if number in (1, 5):
            words = ["Here.", "There.", "Nowhere."][: 2 + number // 5]
            read = [(text, random.random(PATCHES).astype(np.float32)) for text in words]
        found.append(item(one, read, labels))
    return found


def collate(chosen, objective=None):
    tokenizer = CoGazeTokenizer(265, 96)
    return Collate(tokenizer, objective or settings(), SMALL["views"], SPEC)(chosen)


def test_presets_differ_where_paper_and_code_do():
    paper, released = settings(), settings(preset="released")
    assert (paper.label_loss, paper.gaze.weights) == ("focal", (0.8, 0.2))
    assert (released.label_loss, released.gaze.weights) == ("bce", (0.2, 0.8))
    same = {"label_loss": "bce", "gaze": paper.gaze}
    assert released.model_copy(update={**same, "preset": "paper"}) == paper.model_copy(update=same)


def test_what_is_given_wins_over_the_preset():
    mixed = settings(preset="released", gaze={"kind": "mse", "share": 0.1}, label_loss="focal")
    assert mixed.gaze.weights == (0.2, 0.8) and mixed.gaze.kind == "mse"
    assert (mixed.gaze.share, mixed.label_loss) == (0.1, "focal")
    assert settings(gaze=None).gaze is None
    assert settings(**mixed.model_dump()) == mixed


def test_settings_that_mean_nothing_are_refused():
    for wrong in ({"gaze": {"rho": 0}}, {"gaze": {"kind": "kl"}}, {"losses": 1}, {"gamma": -1}):
        with pytest.raises(ValidationError):
            settings(**wrong)


def test_a_batch_holds_what_the_items_tell():
    chosen = [
        item(sample(0, "a", "PA", "Clear.")),
        item(
            sample(1, "b", "lateral", indication="Cough.", history="Smoker."),
            [("A mass.", heat(1, 2, 0, 0)), ("A mass. Fine.", heat(1, 2, 3, 0))],
        ),
        item(sample(2, "a", None, history="Fall."), [("Broken.", heat(0, 0, 0, 9))]),
    ]
    batch = collate(chosen)
    assert len(batch) == 3 and batch.view.tolist() == [1, 0, 0]
    assert batch.groups[0] == batch.groups[2] != batch.groups[1]
    assert batch.context_rows.tolist() == [1, 2]
    assert batch.transcript_owner.tolist() == [1, 1, 2]
    assert batch.heat.tolist() == [[1, 2, 0, 0], [1, 2, 3, 0], [0, 0, 0, 9]]
    tokenizer = CoGazeTokenizer(265, 96)
    for tokens, texts in (
        (batch.reports, ["[CLS] [FINDINGS] Clear.", *["[CLS] [FINDINGS] Clear lungs."] * 2]),
        (batch.context, [
            "[CLS] [INDICATION] Cough. [SEP] [HISTORY] Smoker.",
            "[CLS] [INDICATION] [SEP] [HISTORY] Fall.",
        ]),
        (batch.transcripts, [f"[CLS] [TRANSCRIPT] {t}" for t in
                             ("A mass.", "A mass. Fine.", "Broken.")]),
    ):  # fmt: skip
        assert torch.equal(tokens.ids, tokenizer(texts).ids)
    assert batch.pixels is None
    moved = batch.to("cpu")
    expected = normalise(torch.stack([one.row for one in chosen]), SPEC)
    assert torch.equal(moved.pixels, expected) and moved.grey is None


def test_the_context_of_a_sample_is_read_and_its_report_is_not():
    """What is counted as a context is what is trained on, whatever the report holds."""
    untold = replace(sample(0, indication="Cough."), context=None)
    told = replace(sample(1), report=None, context="A 58-year-old woman")
    batch = collate([item(untold), item(told)])
    assert batch.context_rows.tolist() == [1]
    words = context_text("A 58-year-old woman")
    assert torch.equal(batch.context.ids, CoGazeTokenizer(265, 96)([words]).ids)


def test_context_and_gaze_are_left_out_where_the_settings_say_so():
    batch = collate(items(), settings(use_context=False, gaze=None))
    assert batch.context is batch.context_rows is batch.transcripts is batch.heat is None
    nothing = collate([item(sample(0)), item(sample(1))])
    assert nothing.context is nothing.transcripts is None


def test_trunk_rows_are_given_as_such():
    chosen = [replace(one, row=torch.randn(5, 16)) for one in items()]
    batch = collate(chosen)
    assert batch.trunk.shape == (6, 5, 16) and batch.to("cpu").pixels is None


def test_a_collate_can_be_sent_to_a_process():
    made = Collate(CoGazeTokenizer(265, 96), settings(), SMALL["views"], SPEC)
    batch = pickle.loads(pickle.dumps(made))(items())
    assert torch.equal(batch.reports.ids, made(items()).reports.ids)


def test_mentions_decide_over_labels_and_uncertain_is_positive():
    labels = np.full(4, np.nan, np.float32)
    assert targets(labels, np.array([0, 1, 2, 3], np.uint8)).tolist() == [0, 1, 0, 1]
    assert targets(np.array([1, 0, np.nan], np.float32), None).isnan().tolist() == [0, 0, 1]


def test_studies_have_numbers_that_are_the_same_everywhere():
    assert group("s99000001") == 3408628509893311555 == group("s99000001")
    numbers = {group(f"s{n}") for n in range(1000)}
    assert len(numbers) == 1000 and min(numbers) >= 0 and max(numbers) < 2**63


def test_context_texts_have_no_gap_where_a_part_is_missing():
    assert context_text("", "Fall.") == "[CLS] [INDICATION] [SEP] [HISTORY] Fall."
    assert context_text("Pain.") == "[CLS] [INDICATION] Pain. [SEP] [HISTORY]"


def test_outputs_are_those_of_the_encoder_and_its_heads(network):
    batch = collate(items()).to("cpu")
    with torch.no_grad():
        found = network(batch)
        tokens = network.image_tokens(network.encode_trunk(batch.pixels), batch.view)
        context = network.context_latents(6, batch.context, batch.context_rows)
        images = network.fuse(tokens, context).mean(1)
        reports = network.text_vectors(batch.reports)
    assert torch.allclose(found.images, images, atol=1e-6)
    assert torch.allclose(found.reports, reports, atol=1e-6)
    assert torch.equal(found.patches, tokens[:, 1:])
    for logits, head, vectors in (
        (found.image_logits, network.vision_classifier, images),
        (found.report_logits, network.report_classifier, reports),
    ):
        expected = vectors @ head.classifier.weight.T + head.classifier.bias
        assert torch.allclose(logits, expected, atol=1e-5)
    assert found.transcripts.shape == (5, 16)


def test_trunk_features_stand_for_pixels(network):
    batch = collate(items()).to("cpu")
    with torch.no_grad():
        given = replace(batch, pixels=None, trunk=network.encode_trunk(batch.pixels))
        assert torch.equal(network(given).images, network(batch).images)
        with pytest.raises(RunError, match="pixels"):
            network(replace(batch, pixels=None))


def terms(network, batch, objective, **options):
    return losses(network(batch), batch, objective, **options)


def test_the_total_is_the_weighted_sum_of_its_terms(network):
    batch = collate(items()).to("cpu")
    found = terms(network, batch, settings(label_weight=0.3, gaze={"weight": 2.0}))
    assert set(found) == {"contrastive", "gaze", "image_labels", "report_labels", "total"}
    expected = found["contrastive"] + 2 * found["gaze"]
    expected = expected + 0.3 * (found["image_labels"] + found["report_labels"])
    assert torch.isclose(found["total"], expected) and min(found.values()) > 0


def test_terms_can_be_left_out(network):
    batch = collate(items()).to("cpu")
    alone = terms(network, batch, settings(gaze=None, label_weight=0))
    assert set(alone) == {"contrastive", "total"}
    assert torch.equal(alone["contrastive"], alone["total"])
    silent = replace(batch, transcripts=None, transcript_owner=None, heat=None)
    found = terms(network, silent, settings())
    assert found["gaze"].isnan() and found["total"].isfinite()


def test_every_switch_changes_its_own_term_alone(network):
    batch = collate(items()).to("cpu")
    before = terms(network, batch, settings())
    for changed, given in (
        ({"contrastive"}, {"positives": "single"}),
        ({"image_labels", "report_labels"}, {"label_loss": "bce"}),
        ({"image_labels", "report_labels"}, {"gamma": 2}),
        *(({"gaze"}, {"gaze": {"kind": kind}}) for kind in ("mse", "iou")),
        # A quarter of four cells is one, which is the same with and without its strength.
        ({"gaze"}, {"gaze": {"kind": "mask", "rho": 1.0}}),
        ({"gaze"}, {"gaze": {"rho": None}}),
        ({"gaze"}, {"gaze": {"weights": (0.2, 0.8)}}),
    ):
        after = terms(network, batch, settings(**given))
        assert {k for k in before if before[k] != after[k]} == changed | {"total"}, given


def test_without_context_the_images_alone_change(network):
    told = collate(items()).to("cpu")
    untold = collate(items(), settings(use_context=False)).to("cpu")
    with torch.no_grad():
        with_it, without = network(told), network(untold)
    changed = (with_it.images - without.images).abs().amax(1) > 1e-4
    assert changed.tolist() == [False, True] * 3
    assert torch.allclose(with_it.reports, without.reports, atol=1e-6)


def test_label_weights_follow_the_counts():
    counts = [5, 100, 20000]
    weights = weights_of(counts, settings())
    assert weights.sum() == pytest.approx(3) and weights.tolist() == sorted(weights, reverse=True)
    plain = weights_of(counts, settings(class_weights="plain"))
    expected = [1e-4 / (1 - 0.9999**n + 1e-8) for n in counts]
    assert plain.tolist() == pytest.approx(expected, rel=1e-5)
    assert weights_of(counts, settings(class_weights="none")) is None


class OtherProcess:
    """A `gather` for one of two processes; the rows of the other come from a first pass."""

    def __init__(self, first: bool, rows=None):
        self.first, self.rows, self.seen = first, rows, []

    def __call__(self, own):
        self.seen.append(own)
        if self.rows is None:
            return own
        other = self.rows[len(self.seen) - 1]
        return torch.cat([own, other] if self.first else [other, own])


def test_two_processes_see_the_losses_and_gradients_of_the_whole_batch(network):
    """One has both studies with gaze; labels are unknown in different places."""
    objective, weights = settings(), torch.linspace(0.5, 2, LABELS)
    whole = terms(network, collate(items()).to("cpu"), objective, label_weights=weights)
    expected = torch.autograd.grad(whole["total"], network.perceiver.layers[0][0].fn.to_q.weight)[0]
    parts = [collate(items()[:4]).to("cpu"), collate(items()[4:]).to("cpu")]
    seen = []
    for part in parts:
        first_pass = OtherProcess(True)
        terms(network, part, objective, gather=first_pass)
        seen.append(first_pass.seen)
    for own, part in enumerate(parts):
        gather = OtherProcess(own == 0, seen[1 - own])
        found = terms(network, part, objective, label_weights=weights, gather=gather)
        for name, loss in whole.items():
            assert torch.isclose(found[name], loss, rtol=1e-5), name
        weight = network.perceiver.layers[0][0].fn.to_q.weight
        gradient = torch.autograd.grad(found["total"], weight, retain_graph=True)[0]
        assert torch.allclose(gradient, expected, rtol=1e-3, atol=1e-6)


def test_every_process_gathers_equally_often(network):
    counts = set()
    for chosen in (items(), items()[2:4], items()[:1]):
        gather = OtherProcess(True)
        terms(network, collate(chosen).to("cpu"), settings(), gather=gather)
        counts.add(len(gather.seen))
    assert len(counts) == 1


def test_recomputed_activations_give_the_same_gradients():
    torch.manual_seed(0)
    given = {**SMALL, "text": {**SMALL["text"], "dropout": 0.3}}
    network = CoGazePretraining(CoGazeSettings.model_validate(given)).train()
    batch = collate(items()).to("cpu")

    def gradients():
        torch.manual_seed(3)
        network.zero_grad()
        terms(network, batch, settings())["total"].backward()
        return {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}

    kept = gradients()
    calls = []
    network.perceiver.layers[0].register_forward_pre_hook(lambda *_: calls.append("perceiver"))
    network.text_encoder.bert.encoder.layer[0].attention.register_forward_pre_hook(
        lambda *_: calls.append("text")
    )
    network.enable_gradient_checkpointing()
    again = gradients()
    texts = 2 + len(by_length(batch.transcripts))  # contexts, reports, transcripts by length
    assert calls.count("perceiver") == 4 and calls.count("text") == 2 * texts
    assert kept.keys() == again.keys()
    assert all(torch.allclose(kept[n], again[n], rtol=1e-4, atol=1e-7) for n in kept)


def test_half_precision_trains_on_full_precision_losses(network):
    batch = collate(items()).to("cpu")
    exact = terms(network, batch, settings())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = terms(network, batch, settings())
    assert {loss.dtype for loss in found.values()} == {torch.float32}
    assert found["total"].item() == pytest.approx(exact["total"].item(), rel=0.05)
