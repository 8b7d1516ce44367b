"""A RadGraph archive in its true form: names, files and nesting of AllenNLP, procedural weights.

The sizes are small. Graphs that the packages read with it are in fixtures/radgraph_graphs.json.
"""

from __future__ import annotations

import io
import json
import tarfile
import zlib
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertModel

_TEXT = (
    "no acute small left right pleural effusion pneumo ##thorax heart size is normal . , the lungs "
    "are clear cardio ##megaly mild / ( ) : none a b 1 2 - 5 cm"
)
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_TEXT.split()]
ENTITIES = ("", "ANAT-DP", "OBS-DP", "OBS-DA", "OBS-U")
RELATIONS = ("modify", "located_at", "suggestive_of")
BERT = {
    "model_type": "bert",
    "vocab_size": len(WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 24,
}
SALT = "r"
"""Chosen so that the graphs are neither empty nor full."""
_SPAN = 2 * 16 + 4
_ENCODER = "_embedder.token_embedder_bert._matched_embedder.transformer_model."


def config(bert: str = "some/bert", **loss_weights: float) -> dict:
    """`config.json` of the archive."""
    piece = {"type": "pretrained_transformer_mismatched", "model_name": bert, "max_length": 16}
    return {
        "dataset_reader": {"type": "dygie", "max_span_width": 3, "token_indexers": {"bert": piece}},
        "model": {
            "type": "dygie",
            "embedder": {"token_embedders": {"bert": piece}},
            "initializer": {"regexes": []},
            "module_initializer": {"regexes": []},
            "feature_size": 4,
            "max_span_width": 3,
            "target_task": "relation",
            "feedforward_params": {"num_layers": 2, "hidden_dims": 12, "dropout": 0.4},
            "loss_weights": {"ner": 0.2, "relation": 1.0, "coref": 0.0, "events": 0.0}
            | loss_weights,
            "modules": {
                "coref": {"spans_per_word": 0.3, "max_antecedents": 100, "coref_prop": 0},
                "ner": {},
                "relation": {"spans_per_word": 0.5},
                "events": {
                    "trigger_spans_per_word": 0.3,
                    "argument_spans_per_word": 0.8,
                    "loss_weights": {"trigger": 1.0, "arguments": 1.0},
                },
            },
        },
    }


def shapes(kind: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the checkpoint, those of the parts that are switched off included."""
    found = {
        _ENCODER + name: tuple(tensor.shape)
        for name, tensor in BertModel(BertConfig(**BERT)).state_dict().items()
        if tensor.is_floating_point()
    }
    ner, relation = f"{kind}__ner_labels", f"{kind}__relation_labels"
    layers = {
        f"_ner._ner_scorers.{ner}.0._module._linear_layers.0": (12, _SPAN),
        f"_ner._ner_scorers.{ner}.0._module._linear_layers.1": (12, 12),
        f"_ner._ner_scorers.{ner}.1._module": (len(ENTITIES) - 1, 12),
        f"_relation._mention_pruners.{relation}._scorer.0._module._linear_layers.0": (12, _SPAN),
        f"_relation._mention_pruners.{relation}._scorer.0._module._linear_layers.1": (12, 12),
        f"_relation._mention_pruners.{relation}._scorer.1._module": (1, 12),
        f"_relation._relation_feedforwards.{relation}._linear_layers.0": (12, 3 * _SPAN),
        f"_relation._relation_feedforwards.{relation}._linear_layers.1": (12, 12),
        f"_relation._relation_scorers.{relation}": (len(RELATIONS), 12),
        "_coref._antecedent_feedforward._module._linear_layers.0": (12, 3 * _SPAN + 4),
        "_coref._antecedent_feedforward._module._linear_layers.1": (12, 12),
        "_coref._antecedent_scorer._module": (1, 12),
        "_coref._f_network._linear_layers.0": (_SPAN, 2 * _SPAN),
        "_coref._mention_pruner._scorer.0._module._linear_layers.0": (12, _SPAN),
        "_coref._mention_pruner._scorer.0._module._linear_layers.1": (12, 12),
        "_coref._mention_pruner._scorer.1._module": (1, 12),
    }
    for name, (out, size) in layers.items():
        found |= {f"{name}.weight": (out, size), f"{name}.bias": (out,)}
    found["_endpoint_span_extractor._span_width_embedding.weight"] = (3, 4)
    found["_coref._distance_embedding.weight"] = (10, 4)
    found["_events._distance_embedding.weight"] = (10, 4)
    return found


def weights(kind: str = "radgraph") -> dict[str, torch.Tensor]:
    """The checkpoint: numbers that depend on nothing but the names."""
    found = {}
    for name, shape in shapes(kind).items():
        seed = zlib.crc32((SALT + name.replace(kind, "radgraph")).encode())
        drawn = np.random.default_rng(seed).standard_normal(shape)
        drawn *= 2.0 / shape[-1] ** 0.5 if len(shape) > 1 and "embeddings" not in name else 0.3
        if name.endswith("_embeddings.weight"):
            drawn *= 3.0
        drawn += 1.0 if "LayerNorm.weight" in name else 0.0
        if name.endswith(("ner_labels.1._module.bias", "relation_labels.bias")):
            drawn -= 2.0  # "none" is to win now and then
        found[name] = torch.from_numpy(drawn).float()
    return found


def members(kind: str = "radgraph", bert: str = "some/bert", **loss_weights) -> dict[str, bytes]:
    """The files of the archive."""
    stream = io.BytesIO()
    torch.save(weights(kind), stream)
    return {
        "config.json": json.dumps(config(bert, **loss_weights)).encode(),
        "weights.th": stream.getvalue(),
        "vocabulary/non_padded_namespaces.txt": b"*tags\n*labels\n",
        f"vocabulary/{kind}__ner_labels.txt": "".join(f"{one}\n" for one in ENTITIES).encode(),
        f"vocabulary/{kind}__relation_labels.txt": "\n".join(RELATIONS).encode(),
    }


def pack(path: Path, files: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write_radgraph(folder: Path, kind: str = "radgraph", files: dict | None = None) -> Path:
    """All files of the reader in `folder`/`kind`; returns the archive."""
    place = folder / kind
    pack(place / f"{kind}.tar.gz", members(kind) if files is None else files)
    (place / "config.json").write_text(json.dumps(BERT))
    (place / "vocab.txt").write_text("".join(f"{word}\n" for word in WORDS))
    return place / f"{kind}.tar.gz"
