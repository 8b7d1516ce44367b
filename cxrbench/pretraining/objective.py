"""What a model plugin gives to be pretrained: its network, how batches are made, and its losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cxrbench.cards import ModelCard
from cxrbench.image_spec import ImageSpec
from cxrbench.pretraining.items import PretrainingItem

Gather: TypeAlias = Callable[[Tensor], Tensor]
"""Rows of this process to the rows of all; see `cxrbench.training.processes.gather`."""
TOTAL = "total"
"""Name of the loss that is minimised."""


@dataclass(frozen=True)
class Wants:
    """What an objective learns from, which is checked before any work starts.

    Attributes:
        reports: Images without findings in their report are left out.
        context: At least one image has to have a clinical context.
        labels: At least one label has to be known.
        gaze: Share of the recordings of the training split that is used, 0 to 1; 0: no gaze.
    """

    reports: bool = True
    context: bool = False
    labels: bool = False
    gaze: float = 0.0


@dataclass(frozen=True)
class Setup:
    """What a pretrainer is made from.

    Attributes:
        card: The model, with the architecture settings of the recipe.
        settings: Of the objective, as the recipe has them; the plugin validates them.
        labels: C names.
        counts: C×4 int64, how often each label of the training split is not mentioned (or
            unknown), positive, negative and uncertain, images without findings included. All 0
            while only the outline is wanted.
    """

    card: ModelCard
    settings: Mapping[str, Any]
    labels: tuple[str, ...]
    counts: npt.NDArray[np.int64]


class Batch(Protocol):
    """What `collate` gives."""

    def __len__(self) -> int:
        """Images."""
        ...

    def to(self, device: torch.device | str) -> Any:
        """The batch on a device, ready for the network."""
        ...


class Pretrainer(Protocol):
    """A network and its objective. It is no `nn.Module` itself.

    A recipe names a callable that makes one from a `Setup`; it is also called on the meta device,
    where tensors have no values, for the outline.

    Attributes:
        network: What is trained.
        wants: What it learns from.
        image_spec: The preprocessing of its images.
        grid: Rows and columns of patches that gaze is laid on; None where gaze is not used.
        collate: Items to a batch; is sent to the loading processes, so it had better be small.
    """

    network: nn.Module
    wants: Wants
    image_spec: ImageSpec
    grid: tuple[int, int] | None
    collate: Callable[[Sequence[PretrainingItem]], Batch]

    def losses(self, batch: Any, gather: Gather) -> dict[str, Tensor]:
        """Scalars by name, the same names for every batch; `total` is minimised.

        A term that the batch has nothing for, such as gaze where no image has any, is NaN and no
        part of `total`; means over batches leave it out.

        Where the batch is a part of a larger one, the others being on other processes, each loss
        is that of the whole, the same number on every process. `gather` brings rows together
        (with gradients), and every process has to call it equally often.
        """
        ...

    def export(self) -> Mapping[str, Tensor]:
        """What `weights.safetensors` holds, by the names that the model card expects."""
        ...


@runtime_checkable
class SavesMemory(Protocol):
    """A pretrainer whose network can compute activations again on the way back.

    It takes memory for fewer of them, and more time.
    """

    def enable_gradient_checkpointing(self) -> None:
        """Do so from now on; the numbers stay the same."""
        ...


@runtime_checkable
class NamesTrunk(Protocol):
    """A pretrainer that says what its frozen trunk is, so that runs can share what is kept of it.

    Without it the trunk's output is kept for one start, one set of weights and one seed alone.
    """

    def trunk(self) -> tuple[nn.Module, Mapping[str, Any]]:
        """The module, and the settings that its output depends on besides its tensors."""
        ...
