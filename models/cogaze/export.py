"""A state with the keys of the released checkpoints."""

from __future__ import annotations

import torch
from torch import Tensor

from .model import CoGaze

TRUNK = "image_encoder."


def official_state(network: CoGaze) -> dict[str, Tensor]:
    """What the released code saves: every tensor but those of a frozen trunk.

    A trunk that was trained is kept, under `image_encoder.`: no other file would have it.

    Returns:
        Contiguous float32 tensors on the CPU, by their official keys.
    """
    frozen = network.settings.vision.freeze_trunk
    return {
        name: tensor.detach().to("cpu", torch.float32, copy=True).contiguous()
        for name, tensor in network.state_dict().items()
        if not (frozen and name.startswith(TRUNK))
    }
