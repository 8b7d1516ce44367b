"""Files of BERTScore's and RaTEScore's readers in their true form, with procedural weights."""

from __future__ import annotations

import json
from pathlib import Path

from reader_files import loud
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch import nn
from transformers import (
    DebertaV2Config,
    DebertaV2ForTokenClassification,
    DistilBertConfig,
    DistilBertForMaskedLM,
    MPNetConfig,
    MPNetModel,
    PretrainedConfig,
    RobertaConfig,
    RobertaForMaskedLM,
)

_TEXT = "no acute small left right pleural effusion heart size is normal . , the lungs are clear"
WORDS = _TEXT.split()
TYPES = ("ABNORMALITY", "ANATOMY", "DISEASE", "NON-ABNORMALITY", "NON-DISEASE")


def save(folder: Path, name: str, network: nn.Module, config: PretrainedConfig) -> None:
    """`NAME.safetensors` with the names transformers gives, and `NAME-config.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: value.clone() for key, value in network.state_dict().items()}
    save_file(state, folder / f"{name}.safetensors", metadata={"format": "pt"})
    (folder / f"{name}-config.json").write_text(json.dumps(config.to_dict()))


def write_distilbert(folder: Path) -> DistilBertForMaskedLM:
    """Six layers and the head of the pretraining, as distilbert-base-uncased has them."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    config = DistilBertConfig(
        vocab_size=len(words), dim=24, n_layers=6, n_heads=3, hidden_dim=40,
        max_position_embeddings=32,
    )  # fmt: skip
    network = loud(DistilBertForMaskedLM(config), 1)
    place = folder / "bertscore-distilbert"
    save(place, "bertscore-distilbert", network, config)
    (place / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    return network


def write_distilroberta(folder: Path) -> RobertaForMaskedLM:
    """Six layers and the head of the pretraining, as distilroberta-base has them."""
    merges = ["Ġ n", "Ġn o", "e f", "ef f", "Ġ eff"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<s>", "<pad>", "</s>", "<unk>", *letters]
    words += [*(merge.replace(" ", "") for merge in merges), "<mask>"]
    config = RobertaConfig(
        vocab_size=len(words), hidden_size=24, num_hidden_layers=6, num_attention_heads=3,
        intermediate_size=40, max_position_embeddings=40, type_vocab_size=1, pad_token_id=1,
        bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    network = loud(RobertaForMaskedLM(config), 2)
    place = folder / "bertscore-distilroberta"
    save(place, "bertscore-distilroberta", network, config)
    (place / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (place / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{one}\n" for one in merges))
    return network


def write_ratescore(
    folder: Path, types=TYPES
) -> tuple[DebertaV2ForTokenClassification, MPNetModel, Tokenizer]:
    """A DeBERTa over tokens with its tokenizer, and an MPNet with its vocabulary."""
    place = folder / "ratescore"
    labels = ["O", *(f"{mark}-{kind}" for kind in types for mark in "BI")]
    pieces = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", *(f"▁{word}" for word in WORDS), "s"]
    config = DebertaV2Config(
        vocab_size=len(pieces), hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=40, max_position_embeddings=64, relative_attention=True,
        position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True,
        pos_att_type=["p2c", "c2p"], type_vocab_size=0, position_biased_input=False,
        pad_token_id=0, id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
    )  # fmt: skip
    entities = loud(DebertaV2ForTokenClassification(config), 10)
    save(place, "ratescore-entities", entities, config)
    tokenizer = Tokenizer(models.WordLevel({p: i for i, p in enumerate(pieces)}, "[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.save(str(place / "tokenizer.json"))
    words = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>", *WORDS]
    config = MPNetConfig(
        vocab_size=len(words), hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=40, max_position_embeddings=40, pad_token_id=1, bos_token_id=0,
        eos_token_id=2,
    )  # fmt: skip
    synonyms = loud(MPNetModel(config), 4)
    save(place, "ratescore-synonyms", synonyms, config)
    (place / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    return entities, synonyms, tokenizer
