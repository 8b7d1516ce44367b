"""Settings of the published codes, written down a second time in their tables' notation."""

from __future__ import annotations

import re

import pytest

from cxrbench.registry import Registry
from cxrbench.runners.base import get_runner
from cxrbench.runners.classification.recipe import ClassificationRecipe
from cxrbench.runners.segmentation.recipe import SegmentationRecipe

REGISTRY = Registry.discover()
DATA = ("nih", "vindr", "covidx", "siim", "rsna")
# Optimiser, rate of the head, a dagger where the encoder has a tenth of it, batch size, and warm-up
# and total steps where they are not 50 and 3000.
BENCHX = """
ConVIRT     | Adam 1e-4† / 64  | Adam 5e-5† / 32 [10/200] | Adam 5e-4† / 64 [60/1200] | Adam 1e-4† / 128 [60/1200] | Adam 5e-5† / 64 [60/1200] | LN + tiny init
GLoRIA      | Adam 1e-4† / 64  | Adam 1e-4† / 64          | Adam 5e-4† / 32           | Adam 1e-5† / 128           | Adam 1e-4† / 32           | LN
MedCLIP-R50 | Adam 1e-5 / 64   | Adam 1e-4 / 128          | Adam 5e-4 / 64            | Adam 1e-5 / 128            | Adam 1e-5 / 32            | plain
MedCLIP-ViT | Adam 1e-5 / 32   | Adam 1e-4 / 128          | Adam 1e-4 / 64            | Adam 1e-5 / 32             | Adam 1e-5 / 32            | plain
MedKLIP     | Adam 1e-4† / 128 | Adam 1e-4† / 64          | Adam 1e-4† / 64           | Adam 1e-4† / 64            | Adam 1e-4† / 128          | plain
M-FLAG      | Adam 1e-4 / 32   | Adam 1e-4 / 64           | Adam 5e-4 / 128           | Adam 1e-4 / 64             | Adam 1e-4 / 64            | LN + tiny init
MGCA-R50    | Adam 1e-5 / 32   | Adam 5e-5 / 64           | Adam 5e-4 / 128           | Adam 1e-5 / 128            | Adam 1e-5 / 32            | LN
MGCA-ViT    | SGD 1e-2† / 64   | SGD 3e-2† / 64           | Adam 5e-4† / 32           | SGD 1e-2† / 128            | SGD 1e-2† / 32            | LN + tiny init
MRM         | SGD 3e-2† / 64   | SGD 1e-2† / 64           | Adam 5e-4† / 64           | SGD 1e-2† / 64             | SGD 1e-2† / 32            | LN + tiny init
REFERS      | SGD 3e-2 / 32    | SGD 3e-2 / 128           | Adam 5e-4 / 64            | SGD 3e-2† / 64             | SGD 1e-2† / 32            | LN + tiny init
"""  # noqa: E501
IDS = {
    "ConVIRT": ("convirt",), "GLoRIA": ("gloria", "gloria-benchx"),
    "MedCLIP-R50": ("medclip-r50",), "MedCLIP-ViT": ("medclip-vit",),
    "MedKLIP": ("medklip", "medklip-benchx"), "M-FLAG": ("m-flag",),
    "MGCA-R50": ("mgca-r50", "mgca-r50-benchx"), "MGCA-ViT": ("mgca-vit", "mgca-vit-benchx"),
    "MRM": ("mrm", "mrm-benchx"), "REFERS": ("refers", "refers-benchx", "refers-finetuned"),
}  # fmt: skip
HEADS = {"plain": (False, None), "LN": (True, None), "LN + tiny init": (True, 2e-5)}
CELL = re.compile(r"(Adam|SGD) (\S+?)(†?) / (\d+)(?: \[(\d+)/(\d+)\])?$")


def rows():
    for line in BENCHX.strip().splitlines():
        name, *cells, head = (part.strip() for part in line.split("|"))
        for data, text in zip(DATA, cells, strict=True):
            for model in IDS[name]:
                yield model, data, text, head


def recipe(task, protocol, model):
    card = REGISTRY.tasks.get(task).card
    fields = REGISTRY.protocols.get(protocol).card.recipe(card, model)
    return ClassificationRecipe.model_validate(get_runner(card.type).recipe(fields))


@pytest.mark.parametrize(("model", "data", "text", "head"), list(rows()))
def test_the_rates_of_benchx(model, data, text, head):
    name, rate, dagger, batch, warmup, total = CELL.match(text).groups()
    for part in ("1", "10", "100"):
        found = recipe(f"{data}-{part}pct", "benchx@1", model)
        assert found.optimizer.name == name.lower()
        assert found.optimizer.lr * found.optimizer.head_lr_multiplier == pytest.approx(float(rate))
        assert found.optimizer.lr == pytest.approx(float(rate) * (0.1 if dagger else 1))
        assert found.optimizer.weight_decay == 0
        assert found.batch_size == int(batch)
        assert (found.schedule.warmup_steps, found.schedule.total_steps) == (
            int(warmup or 50), int(total or 3000),
        )  # fmt: skip
        assert (found.head_norm, found.head_init_std) == HEADS[head]


def test_the_table_names_these_models_and_no_others():
    told = {model for models in IDS.values() for model in models}
    everyone = set(REGISTRY.models.ids())
    assert told <= everyone
    plain = recipe("rsna-100pct", "benchx@1", "a model that is not listed")
    special = {m for m in everyone if recipe("rsna-100pct", "benchx@1", m) != plain}
    assert special == told


@pytest.mark.parametrize("data", DATA)
def test_what_benchx_does_alike_for_all(data):
    found = recipe(f"{data}-100pct", "benchx@1", "mrm")
    spec = found.preprocessing
    assert spec.size == (224, 224)
    assert (set(spec.mean), set(spec.std)) == ({0.4978}, {0.2449})
    squashed = data in ("nih", "covidx")
    assert spec.resize == ("squash" if squashed else "short_side_crop")
    source = found.source_spec(spec)
    assert source.size == ((224, 224) if squashed else (512, 512))
    assert source.interpolation == "lanczos"
    assert (found.epochs, found.first_validation, found.validate_every, found.early_stop) == (
        200, 10, 5, 10,
    )  # fmt: skip
    assert found.clip_grad_norm == 1.0
    assert not found.context
    several = data in ("nih", "vindr")
    assert found.binary_head == ("one-logit" if several else "two-logits")
    assert found.loss.name == ("bce" if several else "cross-entropy")
    assert found.select.metric == ("auroc-macro" if several else "f1-binary@0.5")
    assert found.select.split == "val"


@pytest.mark.parametrize(
    ("data", "batch", "rate", "patience", "epochs"),
    [("nih", 16, 1e-5, 5, 20), ("siim", 32, 5e-6, 2, 50), ("rsna", 16, 1e-4, 5, 20),
     ("shenzhen", 16, 1e-5, 5, 50)],
)  # fmt: skip
@pytest.mark.parametrize("protocol", ["strict@1", "cogaze@1"])
def test_table_a11_of_cogaze(data, batch, rate, patience, epochs, protocol):
    found = recipe(f"{data}-100pct", protocol, "cogaze")
    assert (found.batch_size, found.accumulate, found.epochs) == (batch, 2, epochs)
    assert (found.optimizer.name, found.optimizer.lr) == ("adamw", rate)
    assert (found.schedule.name, found.schedule.patience) == ("plateau", patience)
    assert (found.loss.name, found.loss.gamma, found.loss.beta) == ("focal", 0.2, 0.9999)
    released = protocol == "cogaze@1"
    assert found.select.split == ("test" if released else "val")
    assert found.lookup == ("index" if released and data == "siim" else "id")
    two = released and data != "nih"
    assert found.binary_head == ("two-logits" if two else "one-logit")
    if released:
        f1 = "f1-micro@0.5" if data == "nih" else "accuracy-top1"
        assert (found.select.plus, found.select.decimals) == (f1, 3)


CLASSIFIED = {"nih", "siim", "rsna", "shenzhen", "vindr", "covidx"}
MASKED = {"rsna", "siim", "tbx11k", "object-cxr"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("classification", {
            "cogaze@1": CLASSIFIED - {"vindr", "covidx"}, "benchx@1": CLASSIFIED - {"shenzhen"},
            "strict@1": CLASSIFIED, "linear-probe@1": CLASSIFIED,
        }),
        # BenchX has prompts of pneumonia and of five findings of CheXpert, the released constants
        # of CoGaze such of pneumonia, tuberculosis and pneumothorax.
        ("zero-shot", {
            "cogaze@1": {"rsna", "shenzhen", "siim"}, "benchx@1": {"rsna"},
            "strict@1": {"rsna", "shenzhen", "siim", "nih"},
        }),
        ("segmentation", {
            "cogaze@1": MASKED - {"object-cxr"}, "benchx@1": MASKED,
            "strict@1": MASKED, "frozen@1": MASKED,
        }),
    ],
)  # fmt: skip
def test_the_codes_cover_these_data_sets(kind, expected):
    """No protocol is offered where nobody has published what it would be."""
    covered = {}
    for entry in REGISTRY.tasks.entries():
        if entry.card.type == kind:
            for name in entry.card.protocols:
                covered.setdefault(name, set()).add(entry.card.dataset.name)
    assert covered == expected


@pytest.mark.parametrize(
    ("task", "rate"),
    [("rsna-seg", 1e-4), ("siim-seg", 1e-3), ("tbx11k-seg", 1e-3), ("object-cxr-seg", 1e-3)],
)
@pytest.mark.parametrize("model", ["mrm-benchx", "medklip", "medklip-benchx"])
def test_the_masks_of_benchx(task, rate, model):
    found = SegmentationRecipe.model_validate(read("benchx@1", task, model))
    assert (found.optimizer.name, found.optimizer.lr) == ("adamw", rate)
    assert (found.optimizer.weight_decay, found.batch_size) == (0.05, 8)
    assert (found.iterations, found.schedule.warmup_steps) == (20_000, 1_500)
    # Of MedKLIP on SIIM-ACR alone every 100.
    often = task == "siim-seg" and model.startswith("medklip")
    assert found.validate_every == (100 if often else 2_000)
    assert found.preprocessing.size == (512, 512)
    assert found.encoder == "frozen"


@pytest.mark.parametrize(
    ("task", "rate", "patience"), [("rsna-seg", 1e-4, 5), ("tbx11k-seg", 5e-5, 10)]
)
@pytest.mark.parametrize("protocol", ["strict@1", "cogaze@1"])
def test_the_masks_of_table_a11_of_cogaze(task, rate, patience, protocol):
    found = SegmentationRecipe.model_validate(read(protocol, task, "cogaze"))
    assert (found.batch_size, found.accumulate, found.epochs) == (16, 2, 100)
    assert (found.optimizer.name, found.optimizer.lr) == ("adamw", rate)
    assert (found.schedule.name, found.schedule.patience) == ("plateau", patience)
    assert found.select.split == ("test" if protocol == "cogaze@1" else "val")


def test_what_a_code_does_otherwise_is_told_as_a_quirk():
    told = {name: REGISTRY.protocols.get(name).card.quirks for name in ("cogaze@1", "benchx@1")}
    cogaze = {"select-on-test", "rounded-monitor", "f1-is-micro", "two-logits", "index-lookup"}
    benchx = {"one-normalisation", "unclamped-cosine", "threshold-on-test", "two-logits"}
    assert cogaze <= set(told["cogaze@1"])
    assert {*benchx, "selected-by-f1"} <= set(told["benchx@1"])
    for quirks in told.values():
        assert all(text[0].isupper() and text.endswith(".") for text in quirks.values())


KINDS = ("classification", "zero-shot", "retrieval", "segmentation", "report generation",
         "all task types")  # fmt: skip


@pytest.mark.parametrize("protocol", ["cogaze@1", "benchx@1"])
def test_what_is_told_of_a_code_names_the_task_type(protocol):
    """One code runs several types of task, and hardly a sentence is true of all of them."""
    card = REGISTRY.protocols.get(protocol).card
    for name, text in card.quirks.items():
        assert any(kind in text.lower() for kind in KINDS), name
    for kind in card.recipes:
        assert {"reports": "report generation"}.get(kind, kind) in card.summary.lower()


def test_half_is_no_threshold_of_a_standardised_score():
    card = REGISTRY.protocols.get("benchx@1").card
    several = card.recipes["zero-shot"]["metrics"]
    assert several
    fields = read("benchx@1", "rsna-zeroshot")
    assert fields["standardise"]
    assert fields["metrics"]
    named = [*several, *fields["metrics"]]
    at_half = [name for name in named if "@0.5" in name or name == "accuracy-top1"]
    assert at_half == []


def test_cogaze_segments_what_its_paper_or_code_does():
    covered = {
        entry.card.dataset.name
        for entry in REGISTRY.tasks.entries()
        if entry.card.type == "segmentation" and "cogaze@1" in entry.card.protocols
    }
    assert covered == {"rsna", "siim", "tbx11k"}
    quirks = REGISTRY.protocols.get("cogaze@1").card.quirks
    assert "TBX11K" in quirks["tbx11k-unreleased"]


@pytest.mark.parametrize("model", ["cogaze", "cogaze-tiny"])
@pytest.mark.parametrize("task", ["rsna-zeroshot", "mimic-5x200"])
def test_what_is_pooled_over_padding_is_encoded_one_at_a_time(task, model):
    released = read("cogaze@1", task, model)
    assert released["encoder_config"] == {"preset": "released"}
    assert released["one_at_a_time"] is True
    for fields in (read("cogaze@1", task, "afloc"), read("strict@1", task, model)):
        assert "one_at_a_time" not in fields


def read(protocol, task, model=""):
    card = REGISTRY.tasks.get(task).card
    fields = REGISTRY.protocols.get(protocol).card.recipe(card, model)
    return get_runner(card.type).recipe(fields)
