"""Training data in an order that depends on seed and epoch alone.

The sampler hands out (position, epoch) pairs: augmentation then depends on the sample and the
epoch and not on the worker that happens to draw it. A loader can start in the middle of an epoch,
which is what makes a resumed run equal an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import Split
from cxrbench.data.transforms import normalise
from cxrbench.encoder import ImageBatch
from cxrbench.image_spec import ImageSpec
from cxrbench.training.processes import rank, world_size
from cxrbench.training.seeds import derive

Position = tuple[int, int]


@dataclass(frozen=True)
class LabelledBatch:
    """A batch as the training module takes it, once it is on a device.

    Images travel as 8-bit grey, a twelfth of what the encoder is given, from the workers to this
    process and from there to the device; they are normalised where they arrive.

    Attributes:
        images: What the encoder is given; `pixels` are None as long as there are `grey` ones.
        labels: B×C: 1, 0 or NaN.
        grey: B×H×W uint8 images that are not normalised yet.
        spec: How they are to be normalised.
    """

    images: ImageBatch
    labels: Tensor
    grey: Tensor | None = None
    spec: ImageSpec | None = None

    def to(self, device: torch.device | str) -> LabelledBatch:
        """The batch with its tensors on a device, ready for the encoder."""
        images = arrived(self.images, self.grey, self.spec, device)
        return LabelledBatch(images, self.labels.to(device))


def arrived(
    images: ImageBatch, grey: Tensor | None, spec: ImageSpec | None, device: torch.device | str
) -> ImageBatch:
    """Images on a device, ready for the encoder; grey ones are normalised there."""
    pixels, trunk = images.pixels, images.trunk
    if grey is not None and spec is not None:
        pixels = normalise(grey.to(device), spec)
    return replace(
        images,
        pixels=None if pixels is None else pixels.to(device),
        trunk=None if trunk is None else trunk.to(device),
    )


class EpochSampler:
    """Yields batches of (position, epoch), shuffled by seed and epoch or in order.

    Attributes:
        shared: Whether processes that train together take a part of each batch, in the order of
            their ranks; else each of them gets all of it.
        epoch: Set by the trainer at the start of each epoch.
        start: Batches to leave out at the start of the next epoch; used once.
    """

    def __init__(
        self,
        count: int,
        batch_size: int,
        *,
        seed: int | None,
        drop_last: bool = False,
        shared: bool = False,
    ) -> None:
        """Make a sampler; without a `seed` it goes through the samples in order."""
        self.count = count
        self.batch_size = batch_size
        self.seed = seed
        # Dropping the only batch of a small split would leave nothing to train on.
        self.drop_last = drop_last and count >= batch_size
        self.shared = shared
        self.epoch = 0
        self.start = 0

    @property
    def sampler(self) -> EpochSampler:
        """Where Lightning looks for `set_epoch` on a batch sampler."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the start of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        whole, rest = divmod(self.count, self.batch_size)
        return whole + (1 if rest and not self.drop_last else 0)

    def __iter__(self) -> Iterator[list[Position]]:
        order = np.arange(self.count)
        if self.seed is not None:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(self.count)
        first, self.start = self.start, 0
        for batch in range(first, len(self)):
            chosen = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            if self.shared:
                chosen = np.array_split(chosen, world_size())[rank()]
            yield [(int(position), self.epoch) for position in chosen]


class StreamSampler(EpochSampler):
    """Batches of an endless stream of shuffled passes; an epoch is a number of batches of it.

    A batch may hold the end of one pass and the start of the next, as in trainings that are counted
    in iterations. In its (position, pass) pairs a pass takes the place of an epoch.
    """

    def __init__(self, count: int, batch_size: int, *, seed: int, batches: int) -> None:
        """Make a sampler of `batches` batches an epoch."""
        super().__init__(count, batch_size, seed=seed)
        self._batches = batches

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[list[Position]]:
        first, self.start = self.start, 0
        orders: dict[int, Any] = {}
        for batch in range(self.epoch * len(self) + first, (self.epoch + 1) * len(self)):
            places = range(batch * self.batch_size, (batch + 1) * self.batch_size)
            drawn = [divmod(place, self.count) for place in places]
            turns = dict.fromkeys(turn for turn, _ in drawn)
            orders = {turn: orders[turn] if turn in orders else self._order(turn) for turn in turns}
            yield [(int(orders[turn][place]), turn) for turn, place in drawn]

    def _order(self, turn: int) -> Any:
        return np.random.default_rng([self.seed or 0, turn]).permutation(self.count)


class RowDataset(Dataset[Any]):
    """A split whose images, or frozen trunk features, are read from a row store."""

    def __init__(
        self, split: Split, store: RowStore, *, augment: Augmentation | None = None
    ) -> None:
        """Pair a split with the store that holds a row for each of its ids."""
        self._split = split
        self._store = store
        self._augment = augment

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, index: Position) -> dict[str, Any]:
        position, epoch = index
        sample = self._split.samples[position]
        row = torch.from_numpy(np.ascontiguousarray(self._store[sample.id]))
        if self._augment is not None:
            row = self._augment(row, epoch, position)
        return {
            "row": row,
            "labels": torch.from_numpy(self._split.labels[position]),
            "view": sample.view,
            "context": sample.context,
        }


class Augmentation:
    """Random resized crop (scale 0.08 to 1) and horizontal flip, as BenchX trains.

    The draw depends on seed, epoch and sample.
    """

    def __init__(self, size: tuple[int, int], seed: int) -> None:
        """Crop to `size` (height, width)."""
        self._seed = seed
        self._transform = v2.Compose(
            [v2.RandomResizedCrop(size, antialias=True), v2.RandomHorizontalFlip()]
        )

    def __call__(self, image: Tensor, epoch: int, position: int) -> Tensor:
        """Augment one H×W uint8 image."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive("augment", self._seed, epoch, position))
            augmented: Tensor = self._transform(image.unsqueeze(0)).squeeze(0)
        return augmented


@dataclass(frozen=True)
class Collate:
    """Stacks rows into a batch.

    Attributes:
        spec: How images are normalised; None when the rows are trunk features.
        context: Whether the encoder is told the clinical context.
    """

    spec: ImageSpec | None
    context: bool

    def __call__(self, items: Sequence[dict[str, Any]]) -> LabelledBatch:
        """Stack the items of one batch."""
        rows = torch.stack([item["row"] for item in items])
        images = told_of(items, rows if self.spec is None else None, self.context)
        labels = torch.stack([item["labels"] for item in items])
        grey = rows if self.spec is not None else None
        return LabelledBatch(images, labels, grey, self.spec)


def told_of(items: Sequence[dict[str, Any]], trunk: Tensor | None, context: bool) -> ImageBatch:
    """What an encoder is told of the items of a batch, whose pixels are still to come."""
    return ImageBatch(
        pixels=None,
        trunk=trunk,
        view=[item["view"] for item in items],
        context=[item["context"] for item in items] if context else None,
    )


class ResumableLoader(DataLoader[Any]):
    """A loader that remembers how far into an epoch it is.

    Lightning keeps `state_dict` in its checkpoints and hands it back on resuming.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        sampler: EpochSampler,
        collate: Callable[[Sequence[Any]], Any],
        workers: int,
    ) -> None:
        """Wrap a dataset; `workers` processes read ahead."""
        super().__init__(
            dataset,
            batch_sampler=sampler,
            collate_fn=collate,
            num_workers=workers,
            persistent_workers=False,
        )
        self._sampler = sampler
        self._served = 0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        self._served = self._sampler.start
        for batch in super().__iter__():
            self._served += 1
            yield batch

    @property
    def size(self) -> int:
        """Samples of a batch; the last may have fewer."""
        return self._sampler.batch_size

    def state_dict(self) -> dict[str, int]:
        """Batches served in the current epoch."""
        return {"served": self._served % max(1, len(self._sampler))}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Leave out what was served before."""
        self._sampler.start = state["served"]
