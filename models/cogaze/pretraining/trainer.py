"""CoGaze for `cxrbench pretrain`: the network, its batches and its objective in one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import Tensor, nn

from cxrbench.errors import BadRequest, WeightsError
from cxrbench.pretraining.objective import Gather, Setup, Wants

from ..config import CoGazeSettings
from ..export import official_state
from ..tokenizer import CoGazeTokenizer
from .batch import POSITIVE_MENTIONS, Collate, PretrainingBatch
from .network import CoGazePretraining
from .objective import losses, weights_of
from .settings import PretrainingSettings


class CoGazePretrainer:
    """A `cxrbench.pretraining.objective.Pretrainer`.

    Args:
        setup: Its card's `config` holds a `CoGazeSettings`, its settings a `PretrainingSettings`.

    Raises:
        BadRequest: When the settings are not valid.
        PluginError: When the card is not.
    """

    def __init__(self, setup: Setup) -> None:
        self.settings = _settings(setup.settings)
        architecture = CoGazeSettings.from_card(setup.card)
        text, side = architecture.text, architecture.vision.grid_side
        self.network = CoGazePretraining(
            architecture, len(setup.labels), self.settings.context_dropout
        )
        self.image_spec = architecture.image_spec(setup.card)
        self.grid = (side, side)
        gaze = self.settings.gaze
        self.wants = Wants(
            context=self.settings.use_context,
            labels=self.settings.label_weight > 0,
            gaze=gaze.share if gaze is not None and gaze.weight > 0 else 0.0,
        )
        self.collate = Collate(
            CoGazeTokenizer(text.vocab_size, text.max_tokens),
            self.settings,
            architecture.views,
            self.image_spec,
        )
        counts = setup.counts[:, list(POSITIVE_MENTIONS)].sum(axis=1)
        self._label_weights = weights_of(counts.tolist(), self.settings)

    def use_file(self, name: str, path: Path) -> None:
        """Take the tokenizer, the only file of the card that holds no tensors.

        Raises:
            WeightsError: When the name is another, or the tokenizer does not fit.
        """
        if name != "tokenizer":
            raise WeightsError(
                f"the pretraining of CoGaze has no use for the file {name}",
                why=f"{path}: only `tokenizer` is read besides the checkpoints",
                fix="remove it from init.weights",
            )
        text = self.network.settings.text
        tokenizer = CoGazeTokenizer(text.vocab_size, text.max_tokens, path)
        self.collate = Collate(
            tokenizer, self.settings, self.network.settings.views, self.image_spec
        )

    def enable_gradient_checkpointing(self) -> None:
        """Compute the Perceiver and the text encoder again on the way back."""
        self.network.enable_gradient_checkpointing()

    def trunk(self) -> tuple[nn.Module, Mapping[str, Any]]:
        """The image encoder, and what its output depends on besides its weights."""
        vision = self.network.settings.vision
        settings = vision.model_dump(include={"image_size", "patch_size", "layers", "heads"})
        return self.network.image_encoder, settings

    def losses(self, batch: PretrainingBatch, gather: Gather) -> dict[str, Tensor]:
        """The terms by name, and their weighted sum as `total`."""
        outputs = self.network(batch)
        return losses(outputs, batch, self.settings, self._label_weights, gather)

    def export(self) -> Mapping[str, Tensor]:
        """The state with the keys of the released checkpoint."""
        return official_state(self.network)


def _settings(fields: Mapping[str, Any]) -> PretrainingSettings:
    try:
        return PretrainingSettings.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "(top)"
        raise BadRequest(
            "the objective of the recipe is not valid",
            why=f"settings.{where}: {first['msg']} ({error.error_count()} in all)",
            fix="see the fields of PretrainingSettings in models/cogaze/pretraining/settings.py",
        ) from error
