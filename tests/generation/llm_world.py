"""Small language models, their tokenizer, and generators over them."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from cxrbench.generation.llm import LoraSettings
from cxrbench.generation.prefix_llm import PrefixLlmGenerator
from cxrbench.generation.prompt import Line, Prompt, read_chat

TAGS = (
    "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|end|>",
    "<|pad|>",
)  # fmt: skip
REPORTS = ("No effusion.", "Large left effusion. Heart normal.")


def language():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({symbol: i for i, symbol in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(TAGS))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=TAGS[0], eos_token=TAGS[4], pad_token=TAGS[5]
    )


def llama(seed=0, **changes):
    sizes = {
        "vocab_size": 270, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 2048,
        "initializer_range": 0.25,  # a fresh one hardly tells its words apart
    }  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(LlamaConfig(**{**sizes, **changes})).eval()


SHORT = Prompt(system="Read.", lines=[Line(say="See {image}"), Line(say="As {similar_report}")])


def adapters(*modules, rank=4, alpha=8):
    return LoraSettings(rank, alpha, 0.0, modules or ("q_proj", "v_proj"))


SMALL = adapters()


def generator(llm=None, lora=SMALL, chat="llama-3", **settings):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return PrefixLlmGenerator(
            llm or llama(), language(), 6, SHORT, read_chat(chat), lora, **settings
        )


def memory(size, tokens=5):
    return torch.randn(size, tokens, 6, generator=torch.Generator().manual_seed(0))
