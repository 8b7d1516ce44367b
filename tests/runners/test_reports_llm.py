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
from cxrbench.results.predictions import read_predictions
from cxrbench.runners.base import Machine
from cxrbench.runners.reports.weights import INIT, WEIGHTS, export

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


LEARNING = {"optimizer": {"lr": 0.02}}
STANDING = {"optimizer": {"lr": 1e-12}}
"""Too small a rate for any weight to change: what such a run has is what it started from."""


def trained(root, folder, model, start=None, **changes):
    """A run in a folder of its own: its record, the tensors it exports, and what it wrote."""
    bench = ReportBench(root, folder / "runs")
    generator = {"model": str(model), **changes.pop("generator", {})}
    changes |= {"generator": generator, **({"init": "0" * 64} if start else {})}
    (planned,) = bench.plan("mapped", "language-model@1", changes=changes, changed_as="tiny")
    run_folder = bench.store.run_folder(planned.spec.run_id)
    if start:
        run_folder.mkdir(parents=True)
        (run_folder / INIT).write_bytes(start.read_bytes())
    record = run_one(planned, bench.store, CPU)
    if record.status != "ok":
        return record, {}, []
    tensors = load_file(export(run_folder, folder / "out"))
    texts = read_predictions(run_folder / record.artifacts["predictions-test"].path).generated
    return record, tensors, list(texts)


def same(one, other):
    assert set(one) == set(other)
    return all(torch.allclose(one[name], other[name], rtol=0, atol=1e-7) for name in one)


def test_a_run_goes_on_from_the_exported_weights_of_another(reports, llama, tmp_path):
    first, tensors, texts = trained(reports.root, tmp_path / "first", llama, **LEARNING)
    assert first.status == "ok", first.error
    path = tmp_path / "first" / "out" / WEIGHTS
    begun, again, rewritten = trained(reports.root, tmp_path / "again", llama, path, **STANDING)
    assert begun.status == "ok", begun.error
    assert same(again, tensors)
    assert rewritten == texts
    # Without them it begins elsewhere, and writes otherwise.
    _, fresh, others = trained(reports.root, tmp_path / "fresh", llama, **STANDING)
    assert not any(torch.allclose(fresh[name], tensors[name], atol=1e-3) for name in tensors)
    assert others != texts


def test_weights_that_do_not_fit_or_cannot_be_read_are_refused(reports, llama, tmp_path):
    _, tensors, _ = trained(reports.root, tmp_path / "first", llama)
    path = tmp_path / "first" / "out" / WEIGHTS
    for rank, differing in ((1, 4), (0, 4)):  # the projection is of one shape in all
        changes = {"generator": {"lora_rank": rank}}
        other, *_ = trained(reports.root, tmp_path / str(rank), llama, path, **changes)
        assert other.error.message == "the weights to start from do not fit"
        assert f"{differing} tensors differ" in other.error.why
    assert len(tensors) == 6
    path.write_bytes(b"nothing")
    damaged, *_ = trained(reports.root, tmp_path / "damaged", llama, path)
    assert damaged.error.message == "cannot read the weights to start from"
