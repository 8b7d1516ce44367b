"""The output of a frozen trunk: computed once, kept on disk, shared by runs with the same trunk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from cxrbench.cards import ModelCard
from cxrbench.data.room import require_room
from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import Split
from cxrbench.discovery import Provider
from cxrbench.encoder import FrozenTrunk, ImageBatch
from cxrbench.errors import BadRequest
from cxrbench.identity import encoder_identity
from cxrbench.pretraining.objective import NamesTrunk, Pretrainer
from cxrbench.pretraining.recipe import PretrainingRecipe
from cxrbench.training.features import Extractor, FeatureKey

_BATCH = 32


@dataclass(frozen=True)
class Identity:
    """What features of a network depend on besides images and preprocessing.

    Attributes:
        card: With the architecture settings of the recipe.
        provider: Who offers it.
        weights: Digest of what is loaded.
        seed: What decides the rest; None: nothing is left to it.
    """

    card: ModelCard
    provider: Provider
    weights: dict[str, str]
    seed: int | None

    @property
    def encoder(self) -> str:
        """Identity of card and code."""
        return encoder_identity(self.card, self.provider)

    def of_trunk(self, trunk: nn.Module, settings: Mapping[str, Any]) -> Identity:
        """That of the trunk alone: its own settings and the values it has, loaded or drawn."""
        card = self.card.model_copy(update={"config": dict(settings)})
        return Identity(card, self.provider, {"trunk": tensor_hash(trunk)}, None)


def tensor_hash(module: nn.Module) -> str:
    """SHA-256 of names, types, shapes and values of everything in `state_dict`."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def kept_trunk(
    recipe: PretrainingRecipe,
    splits: Mapping[Any, Split],
    pretrainer: Pretrainer,
    identity: Identity,
    images: RowStore,
    device: str,
) -> RowStore:
    """The store of the trunk's output in half precision, filled for all images.

    Args:
        recipe: What is done.
        splits: The images.
        pretrainer: Its network has a frozen trunk.
        identity: Of the network as it starts.
        images: Prepared images.
        device: A torch device.

    Raises:
        BadRequest: When the trunk is trained.
        DataError: When the disk has no room.
    """
    network, spec = pretrainer.network, pretrainer.image_spec
    if not isinstance(network, FrozenTrunk) or trunk_is_trained(pretrainer):
        raise BadRequest(
            f"the recipe {recipe.id} keeps the output of a trunk that is trained",
            why="trunk is `kept`, but gradients flow into the trunk",
            fix="freeze the trunk in `config`, or say trunk: pixels",
        )
    trunk: FrozenTrunk = network
    if isinstance(pretrainer, NamesTrunk):
        identity = identity.of_trunk(*pretrainer.trunk())
    network.to(device).eval()

    def compute(batch: ImageBatch) -> torch.Tensor:
        if batch.pixels is None:
            raise ValueError("the trunk is computed from pixels")
        return trunk.encode_trunk(batch.pixels)

    store = FeatureKey(
        identity.encoder, identity.weights, identity.seed, spec, recipe.precision,
        context=False, kind="trunk in half precision", images=str(images.folder),
    ).store()  # fmt: skip
    size = min(_BATCH, recipe.batch_size)
    extractor = Extractor(
        images, spec, device, recipe.precision, size, context=False, kept_as="float16"
    )
    row_bytes = extractor.row_bytes(splits["train"], compute)
    require_room([(store.folder, row_bytes * sum(map(len, splits.values())))], "trunk features")
    for name, split in splits.items():
        extractor.fill(store, split, compute, f"trunk features of {name}", row_bytes)
    return store


def trunk_is_trained(pretrainer: Pretrainer) -> bool:
    """Whether a gradient would reach the trunk, tried with one black image."""
    network, (height, width) = pretrainer.network, pretrainer.image_spec.size
    if not isinstance(network, FrozenTrunk):
        return True
    device = next(network.parameters()).device
    with torch.enable_grad():
        return network.encode_trunk(torch.zeros(1, 3, height, width, device=device)).requires_grad
