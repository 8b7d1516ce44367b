"""Settings of the published codes, written down a second time in their tables' notation."""

from __future__ import annotations

import re

import pytest

from cxrbench.registry import Registry
from cxrbench.runners.base import get_runner
from cxrbench.runners.classification.recipe import ClassificationRecipe

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


def test_the_codes_cover_these_data_sets():
    """No protocol is offered where nobody has published what it would be."""
    covered = {"cogaze@1": set(), "benchx@1": set(), "strict@1": set(), "linear-probe@1": set()}
    for entry in REGISTRY.tasks.entries():
        if entry.card.type == "classification":
            for name in entry.card.protocols:
                covered[name].add(entry.card.dataset.name)
    everything = {"nih", "siim", "rsna", "shenzhen", "vindr", "covidx"}
    assert covered == {
        "cogaze@1": everything - {"vindr", "covidx"}, "benchx@1": everything - {"shenzhen"},
        "strict@1": everything, "linear-probe@1": everything,
    }  # fmt: skip


def test_what_a_code_does_otherwise_is_told_as_a_quirk():
    told = {name: REGISTRY.protocols.get(name).card.quirks for name in ("cogaze@1", "benchx@1")}
    cogaze = {"select-on-test", "rounded-monitor", "f1-is-micro", "two-logits", "index-lookup"}
    benchx = {"one-normalisation", "unclamped-cosine", "threshold-on-test", "two-logits"}
    assert cogaze <= set(told["cogaze@1"])
    assert {*benchx, "selected-by-f1"} <= set(told["benchx@1"])
    for quirks in told.values():
        assert all(text[0].isupper() and text.endswith(".") for text in quirks.values())
