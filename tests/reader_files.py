"""Files of report readers in their true form, with procedural weights and small sizes.

Networks are built from transformers' classes and plain linear layers, not from the readers'.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, BertModel

from cxrbench.readers import ReaderCard, card, files, reader_card

SENTENCES = (
    "no there is the of small large left right lung lungs heart pleural effusion edema clear "
    "normal opacity pneumonia cardio ##megal ##y mild tube in place size and or ##s . , - :"
)
VOCABULARY = ["[PAD]", *(f"[unused{i}]" for i in range(3)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY += [*map(chr, range(97, 123)), *(f"##{chr(c)}" for c in range(97, 123))]
VOCABULARY += [word for word in SENTENCES.split() if word not in VOCABULARY]
SIZES = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "max_position_embeddings": 48,
}


def loud(network: nn.Module, seed: int) -> nn.Module:
    """Weights so large that texts differ in what is said of them."""
    torch.manual_seed(seed)
    for name, parameter in network.named_parameters():
        if "LayerNorm.weight" not in name:
            nn.init.normal_(parameter, std=0.5)
    return network.eval()


def write_vocabulary(folder: Path, words=VOCABULARY) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")


def chexbert_parts(seed: int = 0, **sizes) -> tuple[nn.Module, nn.ModuleList]:
    """BERT with its pooler, and the 14 heads."""
    config = BertConfig(**(SIZES | sizes))
    heads = nn.ModuleList(nn.Linear(config.hidden_size, 4 if i < 13 else 2) for i in range(14))
    return loud(BertModel(config), seed), loud(heads, seed + 1)


def write_chexbert(folder: Path, bert: nn.Module, heads: nn.ModuleList, **more) -> Path:
    """`chexbert.pth` as it was saved on several GPUs, and the vocabulary."""
    state = {f"module.bert.{name}": value for name, value in bert.state_dict().items()}
    state |= {f"module.linear_heads.{name}": value for name, value in heads.state_dict().items()}
    write_vocabulary(folder)
    content = {"epoch": 7, "model_state_dict": state | more, "optimizer_state_dict": {"state": {}}}
    torch.save(content, folder / "chexbert.pth")
    return folder / "chexbert.pth"


def write_srr(folder: Path, seed: int = 0) -> BertForSequenceClassification:
    """`model.safetensors` and `config.json` as transformers writes them, and the vocabulary."""
    config = BertConfig(**SIZES, num_labels=55)
    network = loud(BertForSequenceClassification(config), seed)
    write_vocabulary(folder)
    save_file(network.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    return network


def small_card(reader: str, **sizes) -> ReaderCard:
    """The card of a reader for the vocabulary here, and sizes where the card tells them."""
    known = reader_card(reader)
    entries = [file.model_copy(update={"sha256": None}) for file in known.files]
    config = known.config | ({} if "labels" in known.config else SIZES | sizes)
    return known.model_copy(update={"files": entries, "config": config})


def use_small_cards(monkeypatch, folder: Path) -> Path:
    """From here on readers are looked for in `folder`, by cards for small files."""
    cards = {name: small_card(name) for name in ("chexbert", "srr-bert-leaves")}
    known = card.reader_card
    monkeypatch.setattr(files, "reader_card", lambda name: cards.get(name) or known(name))
    monkeypatch.setenv("CXRBENCH_READERS", str(folder))
    return folder
