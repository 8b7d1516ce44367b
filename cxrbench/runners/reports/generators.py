"""The generator of a recipe: how it is made, trained on a batch, and asked for reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from cxrbench.encoder import ReportTokens
from cxrbench.errors import BadRequest
from cxrbench.generation.cross_attention import CrossAttentionGenerator
from cxrbench.generation.decoder import DecoderSettings
from cxrbench.generation.llm import LoraSettings, load_llm
from cxrbench.generation.prefix_llm import PrefixLlmGenerator, WritingSettings
from cxrbench.generation.prompt import read_chat, read_prompt
from cxrbench.generation.relational.generator import RelationalGenerator
from cxrbench.generation.relational.settings import RelationalSettings
from cxrbench.generation.search import SearchSettings
from cxrbench.generation.text_decoder import TextDecoder
from cxrbench.generation.tokenizer import ReportTokenizer
from cxrbench.generation.words import WordTokenizer
from cxrbench.runners.reports.batches import Hints
from cxrbench.runners.reports.memory import MemoryReader
from cxrbench.runners.reports.recipe import (
    CrossAttention,
    Decoding,
    LanguageModel,
    Relational,
    ReportRecipe,
)

Generator = TextDecoder | PrefixLlmGenerator

FIT = "fit"
"""In the folder of a run, its training."""
TOKENS = "tokenizer.json"
"""In the folder of a training, the tokens that its decoder writes."""
INIT_TOKENS = "init-tokenizer.json"
"""In the folder of a run, the tokens of the training that it starts from."""


def make_generator(
    recipe: ReportRecipe, reader: MemoryReader, texts: Sequence[str], folder: Path
) -> Generator:
    """The generator with the weights that training begins with.

    Args:
        recipe: The recipe.
        reader: What reads the encoder.
        texts: Reports of the training split, which a vocabulary may be learned of.
        folder: Of the run. The tokens of a decoder are kept there; what is there already is used,
            and before that the tokens of the training it starts from.

    Raises:
        BadRequest: When a token that is to be hidden is none of the vocabulary.
    """
    path, checkpointing = folder / FIT / TOKENS, recipe.gradient_checkpointing
    if recipe.init is not None and (folder / INIT_TOKENS).exists():
        path = folder / INIT_TOKENS
    match recipe.generator:
        case CrossAttention() as own:
            tokens = _tokens(own, reader, texts, path)
            for token in own.hidden:
                tokens.id_of(token)
            sizes = DecoderSettings(vocab_size=tokens.vocab_size, **own.decoder.model_dump())
            return CrossAttentionGenerator(sizes, reader.dim, tokens, checkpointing=checkpointing)
        case Relational() as own:
            words = _words(own, texts, path)
            return RelationalGenerator(
                RelationalSettings(
                    vocab_size=words.vocab_size,
                    dim=own.dim,
                    feed_forward=own.dim,
                    heads=own.heads,
                    layers=own.layers,
                    slot_heads=own.heads,
                ),
                reader.dim,
                words,
                checkpointing=checkpointing,
            )
        case LanguageModel() as own:
            return _language_model(own, reader, checkpointing)
    raise TypeError(f"no generator is known for {type(recipe.generator).__name__}")


def loss_of(
    generator: Generator,
    recipe: ReportRecipe,
    memory: Tensor,
    texts: Sequence[str],
    hints: Sequence[Hints],
) -> Tensor:
    """Teacher-forced cross-entropy, a mean over the tokens of B reports."""
    if isinstance(generator, PrefixLlmGenerator):
        return generator.loss(memory, texts, hints, recipe.max_tokens)
    hidden = recipe.generator.hidden if isinstance(recipe.generator, CrossAttention) else []
    own = generator.tokenizer
    ids = [own.id_of(token) for token in hidden] if isinstance(own, ReportTokenizer) else []
    return generator.loss(memory, texts, recipe.max_tokens, ids)


def counted(generator: Generator, recipe: ReportRecipe, texts: Sequence[str]) -> int:
    """Tokens that `loss_of` is a mean over."""
    if isinstance(generator, PrefixLlmGenerator):
        return sum(map(len, generator.answers(texts, recipe.max_tokens)))
    return sum(len(ids) - 1 for ids in generator.tokenizer.encode(texts, recipe.max_tokens))


def references_by(
    generator: Generator, recipe: ReportRecipe, texts: Sequence[str]
) -> Sequence[str]:
    """References as the recipe scores them: whole, or cut and as the generator writes them."""
    count = recipe.cut_references
    return texts if count is None else generator.within(texts, count)


def write(
    generator: Generator, memory: Tensor, hints: Sequence[Hints], decoding: Decoding
) -> list[str]:
    """B reports of B×T×D memories."""
    if isinstance(generator, PrefixLlmGenerator):
        how = WritingSettings(decoding.beams, decoding.max_tokens, decoding.min_tokens)
        return generator.generate(memory, how, hints)
    return generator.generate(
        memory,
        SearchSettings(
            decoding.beams,
            decoding.max_tokens,
            decoding.length_penalty,
            stop=decoding.stop,
            block_ngrams=decoding.block_ngrams,
        ),
    )


def _tokens(
    own: CrossAttention, reader: MemoryReader, texts: Sequence[str], path: Path
) -> ReportTokenizer:
    if path.exists():
        return ReportTokenizer.from_file(path)
    if own.vocabulary == "model" and isinstance(reader.encoder, ReportTokens):
        tokens = ReportTokenizer(reader.encoder.report_tokens())
    else:
        tokens = ReportTokenizer.learn(texts, own.tokens)
    path.parent.mkdir(parents=True, exist_ok=True)
    tokens.save(path)
    return tokens


def _words(own: Relational, texts: Sequence[str], path: Path) -> WordTokenizer:
    if path.exists():
        return WordTokenizer.from_file(path)
    words = WordTokenizer.learn(texts, own.least_count)
    path.parent.mkdir(parents=True, exist_ok=True)
    words.save(path)
    return words


def _language_model(
    own: LanguageModel, reader: MemoryReader, checkpointing: bool
) -> PrefixLlmGenerator:
    llm, tokenizer = load_llm(
        own.model, revision=own.revision, precision=own.weights, four_bit=own.four_bit
    )
    lora = None
    if own.lora_rank:
        modules = tuple(own.lora_modules)
        lora = LoraSettings(own.lora_rank, own.lora_alpha, own.lora_dropout, modules)
    return PrefixLlmGenerator(
        llm,
        tokenizer,
        reader.dim,
        read_prompt(own.prompt),
        read_chat(own.chat),
        lora,
        padding_side=own.padding_side,
        end_in_targets=own.end_in_targets,
        checkpointing=checkpointing,
    )


def as_module(encoder: object) -> nn.Module:
    """An encoder that is to be trained.

    Raises:
        BadRequest: When it is no torch module.
    """
    if not isinstance(encoder, nn.Module):
        raise BadRequest(
            f"{type(encoder).__name__} cannot be trained",
            why="its card declares `trainable`, but it is no torch module",
            fix="correct the card, or choose a protocol with a frozen encoder",
        )
    return encoder
