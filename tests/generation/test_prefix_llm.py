"""The language model that reads an image within its prompt."""

from __future__ import annotations

import pytest
import torch
from llm_world import REPORTS, SHORT, adapters, generator, language, llama, memory
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)

from cxrbench.errors import BadRequest, WeightsError
from cxrbench.generation.llm import LoraSettings, load_llm
from cxrbench.generation.prefix_llm import PrefixLlmGenerator, WritingSettings
from cxrbench.generation.prompt import read_chat, read_prompt


def generator_of(kind):
    """A generator over another family of language models."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if kind == "gpt2":
            sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "initializer_range": 0.25}
            llm = GPT2LMHeadModel(GPT2Config(vocab_size=270, **sizes))
            return generator(llm, adapters("c_attn"))
        if kind == "bloom":  # takes no positions
            sizes = {"hidden_size": 32, "n_layer": 2, "n_head": 2, "initializer_range": 0.25}
            llm = BloomForCausalLM(BloomConfig(vocab_size=270, **sizes))
            return generator(llm, adapters("query_key_value"))
    return generator()


def test_it_learns_two_images_and_writes_otherwise_than_before():
    model = generator(lora=adapters(rank=8, alpha=32))
    trained = [p for p in model.parameters() if p.requires_grad]
    frozen = {k: v.clone() for k, v in model.state_dict().items() if ".base_layer" in k}
    optimizer = torch.optim.Adam(trained, 0.03)
    start = None
    for _ in range(60):
        loss = model.loss(memory(2), REPORTS)
        start = start or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5 * start
    how = WritingSettings(beams=1, max_new_tokens=20)
    before = generator(lora=adapters(rank=8, alpha=32)).generate(memory(2), how)
    assert model.generate(memory(2), how) != before
    for name, tensor in frozen.items():
        assert torch.equal(model.state_dict()[name], tensor)


def conversation(model, seen, answer, fields):
    """Embeddings of one conversation, and its labels, put together by hand."""
    known = [f"As {fields['similar_report']}"] if fields else []
    head = "<|start_header_id|>{}<|end_header_id|>\n\n".format
    before = f"<|begin_of_text|>{head('system')}Read.<|eot_id|>{head('user')}See "
    after = "\n".join(["", *known]) + f"<|eot_id|>{head('assistant')}"
    ids = [model.tokenizer(text, add_special_tokens=False)["input_ids"] for text in (before, after)]
    ids[1] += answer
    words = model.llm.get_input_embeddings()
    parts = [words(torch.tensor(part)) for part in ids]
    embeddings = torch.cat([parts[0], model.projection(seen), parts[1]])
    labels = [-100] * (len(embeddings) - len(answer)) + answer
    return embeddings[None], torch.tensor(labels)[None]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "bloom"])
def test_the_loss_is_that_of_each_conversation_by_itself(kind):
    model, seen = generator_of(kind).eval(), memory(2)
    fields = [{"similar_report": "Clear."}, {}]
    total, count = 0.0, 0
    for one, text, known in zip(seen, REPORTS, fields, strict=True):
        ids = model.tokenizer(text, add_special_tokens=False)["input_ids"]
        answer = [*ids, model.tokenizer.convert_tokens_to_ids("<|eot_id|>")]
        embeddings, labels = conversation(model, one, answer, known)
        out = model.llm(inputs_embeds=embeddings, labels=labels)
        total, count = total + out.loss.item() * len(answer), count + len(answer)
    assert model.loss(seen, REPORTS, fields).item() == pytest.approx(total / count, abs=1e-5)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "bloom"])
@pytest.mark.parametrize("beams", [1, 3])
def test_a_report_does_not_depend_on_longer_prompts_beside_it(kind, beams):
    model, seen = generator_of(kind), memory(3)
    fields = [{"similar_report": "A much longer report of a similar case."}, {}, {}]
    settings = WritingSettings(beams=beams, max_new_tokens=12)
    alone = [
        model.generate_ids(one[None], settings, [known])[0]
        for one, known in zip(seen, fields, strict=True)
    ]
    assert model.generate_ids(seen, settings, fields) == alone
    assert len(set(map(tuple, alone))) > 1 or kind == "bloom"  # which says one word only
    assert model.training
    assert model.generate(memory(0), settings) == []


def test_a_report_ends_at_the_end_of_the_turn_or_of_the_text():
    model = generator()
    ends = [model.tokenizer.convert_tokens_to_ids(tag) for tag in ("<|eot_id|>", "<|end|>")]
    assert model.stop_ids == sorted(ends) and model.pad_id not in ends
    settings = WritingSettings(beams=1, max_new_tokens=12)
    tried = memory(20)
    found = model.generate_ids(tried, settings)
    row = next(row for row, ids in enumerate(found) if len(ids) == 12)  # the first with no end
    free, seen = found[row], tried[row : row + 1]
    for end in ends:
        # The end becomes a little likelier than a word of the report.
        other = generator()
        weight = other.llm.get_output_embeddings().weight.data
        weight[end] = 1.001 * weight[free[4]]
        assert other.generate_ids(seen, settings) == [free[: free.index(free[4])]]
    longer = WritingSettings(beams=1, max_new_tokens=12, min_new_tokens=12)
    assert len(other.generate_ids(seen, longer)[0]) == 12


def test_only_projection_and_adapters_are_trained():
    model = generator()
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert {name.split(".")[0] for name in trained} == {"projection", "llm"}
    assert all("lora_" in name for name in trained if name.startswith("llm."))
    alone = generator(lora=None)
    trained = [name for name, p in alone.named_parameters() if p.requires_grad]
    assert trained == ["projection.weight", "projection.bias"]


def test_published_parameter_counts():
    """With the shapes of Llama-3.2-3B: 2.36 M of the projection and 4.59 M of the adapters."""
    config = LlamaConfig(
        vocab_size=128256, hidden_size=3072, intermediate_size=8192, num_hidden_layers=28,
        num_attention_heads=24, num_key_value_heads=8, head_dim=128, tie_word_embeddings=True,
    )  # fmt: skip
    with torch.device("meta"):
        model = PrefixLlmGenerator(
            LlamaForCausalLM(config), language(), 768, read_prompt("free-text"),
            read_chat("llama-3"), LoraSettings(),
        )  # fmt: skip
    trained = {name: p.numel() for name, p in model.named_parameters() if p.requires_grad}
    projection = sum(n for name, n in trained.items() if name.startswith("projection"))
    assert projection == 768 * 3072 + 3072
    assert sum(trained.values()) - projection == 28 * 16 * (2 * 3072 + 3072 + 1024) == 4_587_520
    assert sum(trained.values()) == 6_949_888


def test_half_precision():
    model = generator(llama().to(torch.bfloat16))
    loss = model.loss(memory(2), REPORTS)
    assert loss.dtype == torch.float32
    loss.backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    assert len(model.generate(memory(2), WritingSettings(max_new_tokens=4))) == 2


def test_a_folder_is_loaded_with_its_tokenizer(tmp_path):
    llama().save_pretrained(tmp_path)
    language().save_pretrained(tmp_path)
    model, tokenizer = load_llm(str(tmp_path), precision="32")
    assert torch.equal(model.get_input_embeddings().weight, llama().get_input_embeddings().weight)
    assert tokenizer("No<|eot_id|>")["input_ids"] == language()("No<|eot_id|>")["input_ids"]
    assert load_llm(str(tmp_path))[0].dtype == torch.bfloat16


def test_what_cannot_be_had_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="cannot load the language model"):
        load_llm(str(tmp_path / "nothing"))
    if not torch.cuda.is_available():
        with pytest.raises(BadRequest, match="four bits") as error:
            load_llm(str(tmp_path), four_bit=True)
        assert "no GPU" in error.value.why
    with pytest.raises(BadRequest, match="cannot be adapted"):
        generator(lora=LoraSettings(modules=("nothing",)))


def test_a_chat_of_another_model_is_refused():
    tokenizer = language()
    chat = read_chat("llama-3").model_copy(update={"end": "<|im_end|>"})
    with pytest.raises(BadRequest, match="would never end"):
        PrefixLlmGenerator(llama(), tokenizer, 6, SHORT, chat)
    plain = PrefixLlmGenerator(llama(), tokenizer, 6, SHORT, read_chat("plain"))
    assert plain.stop_ids == [tokenizer.eos_token_id]
