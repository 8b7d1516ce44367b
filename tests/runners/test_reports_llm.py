"""Reports of a language model with adapters: trained, written, kept and begun from again."""

from __future__ import annotations

import pytest
import torch
from report_bench import ReportBench, report_phantom
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from cxrbench.execution.local import run_one
from cxrbench.generation.prefix_llm import PrefixLlmGenerator
from cxrbench.runners.base import Machine
from cxrbench.runners.reports.weights import export

CPU = Machine("cpu")
TAGS = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|pad|>"]


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    """A folder as the hub has it, with a Llama that is small."""
    folder = tmp_path_factory.mktemp("llama")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({symbol: i for i, symbol in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(TAGS)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=TAGS[0], eos_token=TAGS[3], pad_token=TAGS[4]
    ).save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(
            LlamaConfig(
                vocab_size=272, hidden_size=16, intermediate_size=24, num_hidden_layers=1,
                num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=2048,
            )
        ).save_pretrained(folder)  # fmt: skip
    return folder


@pytest.fixture
def reports(tmp_path_factory, tmp_path):
    root = tmp_path_factory.mktemp("reports") / "iu-xray"
    return ReportBench(report_phantom(root), tmp_path / "runs")


def test_a_language_model_is_told_a_similar_case_and_its_adapters_are_kept(
    reports, llama, tmp_path, monkeypatch
):
    told = []
    original = PrefixLlmGenerator.loss

    def watch(self, memory, texts, fields=None, max_tokens=200):
        told.extend(zip(texts, fields, strict=True))
        return original(self, memory, texts, fields, max_tokens)

    monkeypatch.setattr(PrefixLlmGenerator, "loss", watch)
    changes = {"generator": {"model": str(llama)}}
    (planned,) = reports.plan("mapped", "language-model@1", changes=changes, changed_as="tiny")
    record = run_one(planned, reports.store, CPU)
    assert record.status == "ok", record.error
    assert told
    texts = {s.report.findings for s in planned.data.splits["train"].samples}
    # Never its own report, though the other view of its study is nearest.
    assert all(hint["similar_report"] in texts for _, hint in told)
    assert all(hint["similar_report"] != text for text, hint in told)
    path = export(reports.store.run_folder(record.run_id), tmp_path / "out")
    found = load_file(path)
    assert {name.partition(".")[0] for name in found} == {"generator"}
    # The adapters of one layer and the projection; the language model itself is frozen.
    assert sum("lora" in name for name in found) == 4
    assert sum("projection" in name for name in found) == 2
    assert len(found) == 6
    again = tmp_path / "again"
    (begun,) = ReportBench(reports.root, again).plan(
        "mapped", "language-model@1", changes={**changes, "init": "0" * 64}, changed_as="tiny"
    )
    store = ReportBench(reports.root, again).store
    place = store.run_folder(begun.spec.run_id) / "init.safetensors"
    place.parent.mkdir(parents=True)
    place.write_bytes(path.read_bytes())
    assert run_one(begun, store, CPU).status == "ok"
    place.write_bytes(b"nothing")
    other = ReportBench(reports.root, tmp_path / "third")
    place = other.store.run_folder(begun.spec.run_id) / "init.safetensors"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"nothing")
    failed = run_one(begun, other.store, CPU)
    assert failed.error.message == "cannot read the weights to start from"
