"""Any timm model as an encoder."""

from __future__ import annotations

from typing import Any, Literal

import timm
from torch import Tensor, nn

from cxrbench.cards import Dims, ModelCard
from cxrbench.encoder import ImageBatch, ImageFeatures
from cxrbench.errors import BadRequest, UnknownNameError
from cxrbench.image_spec import ImageSpec
from cxrbench.names import did_you_mean
from cxrbench.training.pyramid import rescaled, taps

from .parts.image import in_float32

# timm's `crop_mode`. Its `border` pads with the mean colour, which no encoder here does.
_RESIZE: dict[str, Literal["short_side_crop", "squash"]] = {
    "center": "short_side_crop",
    "squash": "squash",
}
_INTERPOLATIONS = ("bilinear", "bicubic", "lanczos")
_PYRAMID = 4
_LEAST_STAGES = 3


def expand(card: ModelCard, name: str) -> ModelCard:
    """The card of one timm model, from the family's card and timm's configuration.

    Raises:
        UnknownNameError: When timm has no model of that name, or no weights of that tag.
        BadRequest: When timm prepares its images in a way that an `ImageSpec` cannot say.
    """
    timm_name = name.rpartition("/")[2]
    if not timm.is_model(timm_name):
        raise UnknownNameError(
            f"unknown model: {name}",
            why=f"timm {timm.__version__} has no model {timm_name}",
            fix=did_you_mean(timm_name, timm.list_models(), "timm.list_models()"),
        )
    configured = _configuration(name, timm_name)
    tag = configured.tag if configured is not None else ""
    repo = (configured.hf_hub_id or "") if configured is not None else ""
    files = [file.model_copy(update={"repo": repo}) for file in card.weights]
    return card.model_copy(
        update={
            "id": name,
            "title": f"{timm_name}{f' ({tag})' if tag else ''} of timm",
            "weights": files,
            "config": {"name": timm_name},
            "preprocessing": _spec(name, configured),
            "pretraining_data": _trained_on(tag),
            "dims": Dims(),
        }
    )


def _trained_on(tag: str) -> list[str]:
    """Data sets that timm's tag of the weights names, such as `augreg_in21k_ft_in1k`."""
    names = {"in1k": "imagenet-1k", "in12k": "imagenet-12k", "in21k": "imagenet-21k",
             "in22k": "imagenet-22k", "lvd142m": "lvd-142m", "openai": "openai-clip",
             "laion2b": "laion-2b"}  # fmt: skip
    known = [name for mark, name in names.items() if mark in tag.split("_")]
    return known or [f"see the model's page ({tag or 'no tag'})"]


def _configuration(name: str, timm_name: str) -> Any:
    """What timm says of the weights: their tag, where they are, how images are prepared."""
    try:
        return timm.get_pretrained_cfg(timm_name)
    except RuntimeError as error:
        architecture, _, tag = timm_name.partition(".")
        known = timm.list_pretrained(f"{architecture}.*")
        raise UnknownNameError(
            f"unknown model: {name}",
            why=f"timm {timm.__version__} has no weights {tag} for {architecture}",
            fix=did_you_mean(timm_name, known, f"timm.list_pretrained('{architecture}.*')"),
        ) from error


def _spec(name: str, configured: Any) -> ImageSpec:
    """Timm's evaluation transform: scale to the size over `crop_pct`, crop the centre."""
    resize = _RESIZE.get(configured.crop_mode)
    if resize is None or configured.interpolation not in _INTERPOLATIONS:
        raise BadRequest(
            f"cannot prepare images for {name}",
            why=f"timm crops by `{configured.crop_mode}` with `{configured.interpolation}` "
            "interpolation",
            fix=f"choose a model that crops by {' or '.join(_RESIZE)} with "
            f"{' or '.join(_INTERPOLATIONS)} interpolation",
        )
    _, height, width = configured.input_size
    return ImageSpec(
        size=(height, width),
        resize=resize,
        interpolation=configured.interpolation,
        crop_fraction=configured.crop_pct,
        mean=tuple(configured.mean),
        std=tuple(configured.std),
    )


class TimmEncoder(nn.Module):
    """A timm model without its classifier.

    Attributes:
        image_spec: From timm's configuration.
        pooled_dim: Width of timm's pooled features.
        grid_dim: Channels of timm's feature map.
    """

    def __init__(self, card: ModelCard) -> None:
        super().__init__()
        if card.preprocessing is None:
            raise ValueError("a timm card is expanded before it is built")
        self.image_spec = card.preprocessing
        model: Any = timm.create_model(card.config["name"], num_classes=0)
        self.model = model
        self.grid_dim = int(model.num_features)
        # Some heads widen what they pool, for instance that of MobileNetV3.
        self.pooled_dim = int(model.head_hidden_size)

    def encode_image(self, batch: ImageBatch) -> ImageFeatures:
        """Pooled features as timm pools them; the grid where the model has one."""
        model: Any = self.model
        features: Tensor = model.forward_features(batch.pixels)
        pooled: Tensor = model.forward_head(features, pre_logits=True)
        prefix = getattr(model, "num_prefix_tokens", 0)
        return in_float32(ImageFeatures(pooled=pooled, grid=self._grid(features, prefix)))

    def encode_pyramid(self, batch: ImageBatch) -> list[Tensor] | None:
        """Maps of the last four stages, or of four blocks rescaled; None where timm gives none."""
        model: Any = self.model
        if not hasattr(model, "forward_intermediates"):
            return None
        stages: list[Tensor] = model.forward_intermediates(
            batch.pixels, intermediates_only=True, output_fmt="NCHW"
        )
        widths = [stage.shape[-1] for stage in stages]
        if len(set(widths)) == 1:
            stages = rescaled([stages[tap - 1] for tap in taps(len(stages))])
        elif len(stages) < _LEAST_STAGES:
            return None
        return [stage.float() for stage in stages[-_PYRAMID:]]

    def _grid(self, features: Tensor, prefix: int) -> Tensor | None:
        """B×C×h×w without prefix tokens; None when the tokens form no square."""
        if features.ndim == 4:
            last = features.shape[-1] == self.grid_dim
            return features.permute(0, 3, 1, 2) if last else features
        if features.ndim != 3:
            return None
        patches = features[:, prefix:]
        side = round(patches.shape[1] ** 0.5)
        if side * side != patches.shape[1]:
            return None
        grid: Tensor = patches.transpose(1, 2).reshape(len(patches), -1, side, side)
        return grid
