"""BiomedCLIP and BioViL-T, against the parts that their published layouts name."""

from __future__ import annotations

import pytest
import timm
import torch
import torchvision
from torch.nn import functional as F
from transformers import BertConfig, BertForMaskedLM

from cxrbench.building import build
from cxrbench.encoder import ImageBatch, ImageFeatures
from cxrbench.errors import WeightsError
from cxrbench.registry import Registry
from cxrbench.weights.choice import resolve

WIDTH, JOINT, SIDE = 24, 10, 64
HIDDEN = (WIDTH + JOINT) // 2
VIT = {"img_size": SIDE, "embed_dim": WIDTH, "num_heads": 2, "depth": 2}
TEXT = {
    "vocab_size": 1200, "dim": WIDTH, "layers": 2, "heads": 2, "intermediate": 30,
    "positions": 40, "max_tokens": 40, "lowercase": True, "special_ids": [2, 0, 3, 1],
}  # fmt: skip
TEXTS = ["No acute findings.", "Edema"]


def drawn(shape, generator):
    return torch.randn(shape, generator=generator) * 0.3


def randomised(module, seed=5):
    """The module with every number drawn anew, spreads and counters aside."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            value = drawn(tensor.shape, generator)
            tensor.copy_(value.abs() + 0.5 if name.endswith("running_var") else value)
    return module.eval()


@pytest.fixture(scope="module")
def bert():
    """With the head of pretraining, as CXR-BERT has it."""
    return randomised(BertForMaskedLM(BertConfig(
        vocab_size=1200, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=30, max_position_embeddings=40,
    )))  # fmt: skip


@pytest.fixture
def vocabulary(tmp_path):
    """A vocabulary whose special tokens come first, as those of PubMedBERT and CXR-BERT do."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "no", "acute", "find", "##ings",
              "ed", "##ema"]  # fmt: skip
    (tmp_path / "vocab.txt").write_text("\n".join(pieces) + "\n")
    return [[2, 6, 7, 8, 9, 5, 3], [2, 10, 11, 3]]


def first_tokens(bert, rows):
    """The last hidden state of the first token, each text by itself."""
    with torch.no_grad():
        outputs = [bert.bert(input_ids=torch.tensor([row])).last_hidden_state for row in rows]
    return torch.cat([output[:, 0] for output in outputs])


def filled(name, tmp_path, config, pooled):
    """The encoder of a card in a small size, from the card's files in a folder."""
    card = Registry.discover([]).model(name).card
    dims = card.dims.model_copy(update={"pooled": pooled})
    card = card.model_copy(update={"config": config, "dims": dims})
    encoder, report = build(card, resolve(card, str(tmp_path), fetch=False), seed=1)
    assert report.complete
    return encoder


def pixels():
    return torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(7))


@pytest.fixture
def biomedclip(tmp_path, vocabulary, bert):
    """The encoder, and what its file was made of, under the names of open_clip."""
    vit = randomised(timm.create_model("vit_base_patch16_224", num_classes=0, **VIT))
    generator = torch.Generator().manual_seed(9)
    heads = {"visual.head.proj.weight": drawn((JOINT, WIDTH), generator),
             "text.proj.0.weight": drawn((HIDDEN, WIDTH), generator),
             "text.proj.2.weight": drawn((JOINT, HIDDEN), generator)}  # fmt: skip
    content = {f"visual.trunk.{key}": value for key, value in vit.state_dict().items()}
    content |= {f"text.transformer.{key}": value for key, value in bert.bert.state_dict().items()}
    content |= {"text.transformer.embeddings.position_ids": torch.arange(40)[None]}
    content |= {**heads, "logit_scale": torch.tensor(4.6)}
    torch.save(content, tmp_path / "open_clip_pytorch_model.bin")
    config = {"image": VIT, "joint": JOINT, "text": TEXT}
    return filled("biomedclip", tmp_path, config, WIDTH), vit, heads


def test_biomedclip_is_open_clips_layout(biomedclip, vocabulary, bert):
    encoder, vit, heads = biomedclip
    with torch.no_grad():
        features = encoder.encode_image(ImageBatch(pixels()))
        texts = encoder.encode_text(TEXTS)
        images, joint = encoder.project_image(features), encoder.project_text(texts)
        tokens = vit.forward_features(pixels())
    torch.testing.assert_close(features.pooled, tokens[:, 0])
    expected = tokens[:, 0] @ heads["visual.head.proj.weight"].T
    torch.testing.assert_close(images, F.normalize(expected, dim=-1))
    first = first_tokens(bert, vocabulary)
    torch.testing.assert_close(texts, first)
    hidden = F.gelu(first @ heads["text.proj.0.weight"].T)
    expected = F.normalize(hidden @ heads["text.proj.2.weight"].T, dim=-1)
    torch.testing.assert_close(joint, expected)


def test_a_vocabulary_with_other_special_tokens_is_refused(tmp_path, biomedclip):
    encoder, _, _ = biomedclip
    lines = (tmp_path / "vocab.txt").read_text().splitlines()
    (tmp_path / "vocab.txt").write_text("\n".join([lines[0], *reversed(lines[1:])]))
    with pytest.raises(WeightsError, match="does not fit") as error:
        encoder.use_file("tokenizer", tmp_path / "vocab.txt")
    assert "'[CLS]': 2" in error.value.why


@pytest.fixture
def biovil_t(tmp_path, vocabulary, bert):
    """The encoder, and what its files were made of, under the names of the published classes."""
    resnet = randomised(torchvision.models.resnet18(num_classes=3))
    patch, generator = 6, torch.Generator().manual_seed(9)
    parts = {
        "encoder.backbone_to_vit.weight": drawn((patch, 512, 1, 1), generator),
        "encoder.missing_previous_emb": drawn((1, patch, 1, 1), generator),
        "projector.model.0.weight": drawn((JOINT, 2 * patch, 1, 1), generator),
        "projector.model.1.weight": drawn(JOINT, generator),
        "projector.model.1.bias": drawn(JOINT, generator),
        "projector.model.1.running_mean": drawn(JOINT, generator),
        "projector.model.1.running_var": drawn(JOINT, generator).abs() + 0.5,
        "projector.model.1.num_batches_tracked": torch.tensor(3),
        "projector.model.3.weight": drawn((JOINT, JOINT, 1, 1), generator),
        "projector.model.3.bias": drawn(JOINT, generator),
    }
    content = {f"encoder.encoder.{key}": value for key, value in resnet.state_dict().items()}
    content |= {**parts, "encoder.vit_pooler.type_embed": torch.zeros(2, 1, patch)}
    torch.save(content, tmp_path / "biovil_t_image_model_proj_size_128.pt")
    head = {
        "dense_to_hidden.weight": drawn((JOINT, WIDTH), generator),
        "dense_to_hidden.bias": drawn(JOINT, generator),
        "LayerNorm.weight": drawn(JOINT, generator),
        "LayerNorm.bias": drawn(JOINT, generator),
        "dense_to_output.weight": drawn((JOINT, JOINT), generator),
        "dense_to_output.bias": drawn(JOINT, generator),
    }
    content = {**bert.state_dict(), **{f"cls_projection_head.{k}": v for k, v in head.items()}}
    torch.save(content, tmp_path / "pytorch_model.bin")
    config = {"resnet": "resnet18", "patch": patch, "joint": JOINT, "text": TEXT}
    return filled("biovil-t", tmp_path, config, 2 * patch), resnet, parts, head


def test_biovil_t_projects_patches_beside_a_constant(biovil_t):
    encoder, resnet, parts, _ = biovil_t
    with torch.no_grad():
        features = encoder.encode_image(ImageBatch(pixels()))
        joint = encoder.project_image(features)
        trunk = torch.nn.Sequential(*list(resnet.children())[:-2])
        now = F.conv2d(trunk(pixels()), parts["encoder.backbone_to_vit.weight"])
    constant = parts["encoder.missing_previous_emb"].expand_as(now)
    grid = torch.cat([now, constant], dim=1)
    torch.testing.assert_close(features.grid, grid)
    torch.testing.assert_close(features.pooled, grid.mean(dim=(2, 3)))
    assert torch.equal(features.pooled[0, 6:], features.pooled[1, 6:])
    x = F.conv2d(grid, parts["projector.model.0.weight"])
    norm = [parts[f"projector.model.1.{part}"]
            for part in ("running_mean", "running_var", "weight", "bias")]  # fmt: skip
    x = F.relu(F.batch_norm(x, *norm))
    x = F.conv2d(x, parts["projector.model.3.weight"], parts["projector.model.3.bias"])
    torch.testing.assert_close(joint, F.normalize(x.mean(dim=(2, 3)), dim=-1))
    # Projecting the pooled vector, as other encoders do, is something else: there is a ReLU.
    with torch.no_grad():
        pooled = encoder.image_projection(features.pooled[..., None, None])[..., 0, 0]
    assert (F.normalize(pooled, dim=-1) - joint).abs().max() > 1e-3


def test_biovil_t_texts_are_cxr_berts(biovil_t, vocabulary, bert):
    encoder, _, _, head = biovil_t
    with torch.no_grad():
        texts = encoder.encode_text(TEXTS)
        joint = encoder.project_text(texts)
    first = first_tokens(bert, vocabulary)
    torch.testing.assert_close(texts, first)
    x = F.gelu(F.linear(first, head["dense_to_hidden.weight"], head["dense_to_hidden.bias"]))
    x = F.layer_norm(x, (JOINT,), head["LayerNorm.weight"], head["LayerNorm.bias"], eps=1e-12)
    x = F.linear(x, head["dense_to_output.weight"], head["dense_to_output.bias"])
    torch.testing.assert_close(joint, F.normalize(x, dim=-1))


def test_biovil_t_needs_the_grid_to_project(biovil_t):
    encoder = biovil_t[0]
    with pytest.raises(Exception, match="cannot project images"):
        encoder.project_image(ImageFeatures(pooled=torch.zeros(1, 12)))
