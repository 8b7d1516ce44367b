"""What the loop reads: prepared images or the frozen trunk's output, heat, and the loaders."""

from __future__ import annotations

from dataclasses import dataclass

from cxrbench.data.prepared import prepare, prepared_store
from cxrbench.data.rowstore import RowStore
from cxrbench.errors import RunError
from cxrbench.pretraining.data import PretrainingData
from cxrbench.pretraining.gaze import heat_settings, stored_heat
from cxrbench.pretraining.items import Items, StoredHeat
from cxrbench.pretraining.machine import Machine
from cxrbench.pretraining.objective import Pretrainer
from cxrbench.pretraining.recipe import PretrainingRecipe, SplitName
from cxrbench.pretraining.trunk import Identity, kept_trunk
from cxrbench.timing import Timer
from cxrbench.training.loading import EpochSampler, ResumableLoader

_SPLITS: tuple[SplitName, ...] = ("train", "val")


@dataclass(frozen=True)
class Inputs:
    """Loaders of one run.

    Attributes:
        recipe: Its recipe.
        data: Its data.
        pretrainer: Makes the batches.
        rows: Store with a row for every image.
        heat: Of the recordings.
        workers: Processes that read ahead.
    """

    recipe: PretrainingRecipe
    data: PretrainingData
    pretrainer: Pretrainer
    rows: RowStore
    heat: StoredHeat
    workers: int

    @classmethod
    def make(
        cls,
        recipe: PretrainingRecipe,
        data: PretrainingData,
        pretrainer: Pretrainer,
        identity: Identity,
        machine: Machine,
        timer: Timer,
    ) -> Inputs:
        """Prepare all that will be read; what is there already is used.

        Raises:
            DataError: When an image or a picture of heat is missing or does not decode.
        """
        images = prepared_store(data.card, data.images, pretrainer.image_spec)
        with timer.phase("images"):
            for name in _SPLITS:
                prepare(images, data.images.splits[name].samples, pretrainer.image_spec)
        with timer.phase("gaze"):
            heat = _heat(recipe, data, pretrainer)
        rows = images
        if recipe.trunk == "kept":
            with timer.phase("trunk"):
                rows = kept_trunk(
                    recipe, data.images.splits, pretrainer, identity, images, machine.device
                )
        return cls(recipe, data, pretrainer, rows, heat, machine.workers)

    def loader(self, name: SplitName) -> ResumableLoader:
        """Train shuffled by the seed, each process with its part of each batch; val in order."""
        split, train = self.data.images.splits[name], name == "train"
        sampler = EpochSampler(
            len(split),
            self.recipe.batch_size,
            seed=self.recipe.seed if train else None,
            drop_last=train and self.recipe.drop_last,
            shared=train,
        )
        items = Items(split, self.rows, self.heat)
        return ResumableLoader(items, sampler, self.pretrainer.collate, self.workers)


def batches(recipe: PretrainingRecipe, images: int) -> int:
    """Training batches of an epoch."""
    return len(
        EpochSampler(images, recipe.batch_size, seed=0, drop_last=recipe.drop_last, shared=True)
    )


def smallest_batch(recipe: PretrainingRecipe, images: int) -> int:
    """Images of the smallest training batch of an epoch."""
    whole, rest = divmod(images, recipe.batch_size)
    kept = rest and not (recipe.drop_last and whole)
    return rest if kept else recipe.batch_size


def optimizer_steps(recipe: PretrainingRecipe, images: int) -> int:
    """Optimiser steps of an epoch; the last may be of fewer batches."""
    return -(-batches(recipe, images) // recipe.accumulate)


def _heat(recipe: PretrainingRecipe, data: PretrainingData, pretrainer: Pretrainer) -> StoredHeat:
    if not data.gaze:
        return StoredHeat({})
    settings = heat_settings(recipe.data.heat, pretrainer)
    if settings is None:
        raise RunError(
            "the gaze cannot be laid out",
            why="the pretrainer wants gaze and has no grid",
            fix="correct the plugin",
        )
    return stored_heat(data.gaze, settings)
