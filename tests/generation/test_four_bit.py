"""Weights in four bits, as far as that can be tried without bitsandbytes and a GPU."""

from __future__ import annotations

import pytest
import torch

from cxrbench.errors import BadRequest
from cxrbench.generation import llm as module
from cxrbench.generation.llm import load_llm


@pytest.fixture
def machine(monkeypatch):
    """Sets whether bitsandbytes and a GPU are there."""

    def set_up(*, package, gpu):
        monkeypatch.setattr(module, "find_spec", lambda name: object() if package else None)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)

    return set_up


@pytest.mark.parametrize(
    ("package", "gpu", "reasons"),
    [
        (False, True, ["bitsandbytes is not installed"]),
        (True, False, ["there is no GPU"]),
        (False, False, ["bitsandbytes is not installed", "there is no GPU"]),
    ],
)
def test_what_is_lacking_is_named_before_anything_is_loaded(machine, package, gpu, reasons):
    machine(package=package, gpu=gpu)
    with pytest.raises(BadRequest, match="four bits") as error:
        load_llm("/no/such/model", four_bit=True)
    assert error.value.why == " and ".join(reasons)


class Kept:
    """Stands for a class of transformers and keeps what it is asked for."""

    def __init__(self):
        self.asked = []

    def from_pretrained(self, name, **options):
        self.asked.append((name, options))
        return "loaded"


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("16", torch.float16)])
def test_weights_are_nf4_and_compute_in_the_precision_asked_for(
    machine, monkeypatch, precision, dtype
):
    machine(package=True, gpu=True)
    models, tokenizers, config = Kept(), Kept(), {}
    monkeypatch.setattr(module, "AutoModelForCausalLM", models)
    monkeypatch.setattr(module, "AutoTokenizer", tokenizers)
    # The real one asks bitsandbytes for its version.
    monkeypatch.setattr(
        module, "BitsAndBytesConfig", lambda **given: config.update(given) or config
    )
    assert load_llm("some/model", precision=precision, four_bit=True) == ("loaded", "loaded")
    name, options = models.asked[0]
    assert name == "some/model" and tokenizers.asked == [("some/model", {"revision": None})]
    assert options == {"revision": None, "dtype": dtype, "quantization_config": config}
    assert config == {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_compute_dtype": dtype,
    }


def test_other_weights_are_not_quantised(machine, monkeypatch):
    machine(package=False, gpu=False)
    models = Kept()
    monkeypatch.setattr(module, "AutoModelForCausalLM", models)
    monkeypatch.setattr(module, "AutoTokenizer", Kept())
    load_llm("some/model", precision="32")
    assert models.asked == [("some/model", {"revision": None, "dtype": torch.float32})]
