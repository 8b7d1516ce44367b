"""Names and shapes in published files that have no manifest, from the libraries' own networks.

Each is called on the device `meta`, so nothing is allocated.
"""

from __future__ import annotations

import re

import timm
import torch
from torchvision.models import densenet121, resnet50
from transformers import (
    BeitConfig,
    BeitForMaskedImageModeling,
    BertConfig,
    BertModel,
    Dinov2Config,
    Dinov2Model,
    SamVisionConfig,
    SamVisionModel,
    SiglipConfig,
    SiglipModel,
)

# Names that transformers 5 replaced.
ATTENTION = [
    (r"\.attention\.q_proj\.", ".attention.attention.query."),
    (r"\.attention\.k_proj\.", ".attention.attention.key."),
    (r"\.attention\.v_proj\.", ".attention.attention.value."),
    (r"\.attention\.o_proj\.", ".attention.output.dense."),
]


def state(network, *rules, prefix=""):
    """Its tensors, renamed one rule after the other, below a prefix."""
    found = {}
    for name, tensor in network.state_dict().items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        found[prefix + name] = tensor
    return found


def dinov2():
    return state(Dinov2Model(Dinov2Config(image_size=518, patch_size=14)), *ATTENTION)


def beit():
    config = BeitConfig(use_shared_relative_position_bias=True, use_mask_token=True)
    found = state(
        BeitForMaskedImageModeling(config), *ATTENTION,
        (r"\.mlp\.fc1\.", ".intermediate.dense."), (r"\.mlp\.fc2\.", ".output.dense."),
        (r"^beit\.layers\.", "beit.encoder.layer."),
        (r"^beit\.shared_position_bias\.", "beit.encoder.relative_position_bias."),
    )  # fmt: skip
    index = torch.empty(197, 197)
    return {**found, "beit.encoder.relative_position_bias.relative_position_index": index}


def moco_v3():
    network = timm.create_model("vit_base_patch16_224", num_classes=256)
    return {
        **state(network, prefix="module.base_encoder."),
        **state(network, prefix="module.momentum_encoder."),
        "module.predictor.0.weight": torch.empty(4096, 256),
    }


def sam():
    """That of Segment Anything without its table of absolute positions."""
    config = SamVisionConfig(use_abs_pos=False, image_size=1024)
    return state(
        SamVisionModel(config), (r"^vision_encoder\.", ""), (r"^layers\.", "blocks."),
        (r"\.layer_norm", ".norm"), (r"^patch_embed\.projection\.", "patch_embed.proj."),
    )  # fmt: skip


def biomedclip():
    return {
        **state(timm.create_model("vit_base_patch16_224", num_classes=0), prefix="visual.trunk."),
        **state(BertModel(BertConfig(vocab_size=30522)), prefix="text.transformer."),
        "visual.head.proj.weight": torch.empty(512, 768),
        "text.proj.0.weight": torch.empty(640, 768),
        "text.proj.2.weight": torch.empty(512, 640),
        "logit_scale": torch.empty(()),
    }


def xrv():
    network = densenet121(num_classes=18)
    network.features.conv0 = torch.nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    return {**state(network), "op_threshs": torch.empty(18)}


def siglip():
    sizes = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16}
    vision = {**sizes, "intermediate_size": 4096, "image_size": 512, "patch_size": 16}
    text = {"num_hidden_layers": 1, "hidden_size": 1024, "num_attention_heads": 16}
    return state(SiglipModel(SiglipConfig(vision_config=vision, text_config=text)))


LAYOUTS = {
    "beit": beit,
    "biomedclip": biomedclip,
    "chexagent-vision": siglip,
    "lvm-med-r50": lambda: state(resnet50(), prefix="module."),
    "lvm-med-vit": sam,
    "moco-v3": moco_v3,
    "rad-dino": dinov2,
    "rad-dino-maira-2": dinov2,
    "xrv-densenet121": xrv,
}
