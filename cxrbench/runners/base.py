"""What a runner is given and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from cxrbench.cards import ModelCard, TaskCard
from cxrbench.data.samples import LabelledImages
from cxrbench.errors import PluginError
from cxrbench.metrics.base import MetricInput
from cxrbench.predictions import Predictions
from cxrbench.registry import load_entry
from cxrbench.results.spec import RunSpec
from cxrbench.runners.scoring import Scores
from cxrbench.timing import Timer
from cxrbench.weights.choice import Weights
from cxrbench.weights.report import LoadReport

RUNNER_GROUP = "cxrbench.runners"


@dataclass(frozen=True)
class Machine:
    """How a run uses the machine; nothing here changes a number.

    Attributes:
        device: A torch device, such as `cpu` or `cuda:0`.
        batch_size: Images at once, None for the recipe's.
        workers: Processes that load training data.
        devices: Processes that train together, each with a device of that kind.
    """

    device: str
    batch_size: int | None = None
    workers: int = 0
    devices: int = 1


@dataclass(frozen=True)
class Job:
    """Everything a runner needs for one run.

    Attributes:
        spec: What is run.
        model: The model card.
        task: The task card.
        weights: What the encoder is filled with.
        data: The verified data, already limited.
        machine: Device, batch size and workers.
        folder: Where working files live; what is there from a killed attempt is used.
    """

    spec: RunSpec
    model: ModelCard
    task: TaskCard
    weights: Weights
    data: LabelledImages
    machine: Machine
    folder: Path


@dataclass(frozen=True)
class Outcome:
    """What a run found.

    Attributes:
        predictions: By name: the split, or the split and what was done otherwise; always `test`.
        selection: Fields of the record's `Selection`; None where nothing was chosen.
        load: How the weights matched.
        context_used: Whether the encoder was told the clinical context.
        warnings: What a reader of the record should know.
    """

    predictions: Mapping[str, Predictions]
    selection: dict[str, Any] | None
    load: LoadReport
    context_used: bool
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Workload:
    """What a run does at most, in units whose time can be measured.

    Attributes:
        words: The same in a few words, for `--plan`.
        prepared: Images to be decoded and resized, unless that was done before.
        encoded: Images encoded without gradients.
        trained: Images encoded with gradients, over all epochs.
        texts: Texts encoded.
        pairs: Pairs of an image and a text that are scored by a pass each.
        untimed: Parts that no unit stands for, such as a decoder.
    """

    words: str
    prepared: int = 0
    encoded: int = 0
    trained: int = 0
    texts: int = 0
    pairs: int = 0
    untimed: tuple[str, ...] = ()


class Runner(Protocol):
    """Runs the tasks of one type."""

    def recipe(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Validate a merged recipe and return its canonical form for the run spec.

        Raises:
            PluginError: When the recipe is not valid.
        """
        ...

    def not_applicable(self, model: ModelCard, recipe: Mapping[str, Any]) -> str | None:
        """Why the model cannot be run this way, or None."""
        ...

    def needs_side_files(self, model: ModelCard, recipe: Mapping[str, Any]) -> bool:
        """Whether the run reads files beside the weights, such as the tokenizer of a text tower."""
        ...

    def micro_batch(self, recipe: Mapping[str, Any], asked: int | None) -> int | None:
        """Samples at once in training, where that is not the recipe's own number.

        Raises:
            BadRequest: When the recipe's batch cannot be made of such parts.
        """
        ...

    def work(self, model: ModelCard, recipe: Mapping[str, Any], data: LabelledImages) -> Workload:
        """What a run of the model will do, known without doing anything."""
        ...

    def run(self, job: Job, timer: Timer) -> Outcome:
        """Run one job."""
        ...

    def metric_input(
        self, recipe: Mapping[str, Any], predictions: Mapping[str, Predictions]
    ) -> MetricInput:
        """What the metrics of the test split are computed from."""
        ...

    def score(self, recipe: Mapping[str, Any], predictions: Mapping[str, Predictions]) -> Scores:
        """Score stored predictions."""
        ...


def get_runner(task_type: str) -> Runner:
    """The runner of a task type, from the entry points of `cxrbench.runners`.

    Raises:
        PluginError: When no runner, or more than one, is registered for the type.
    """
    found = list(metadata.entry_points(group=RUNNER_GROUP, name=task_type))
    if len(found) != 1:
        known = sorted(metadata.entry_points(group=RUNNER_GROUP).names)
        sides = ", ".join(point.value for point in found) or f"there are {', '.join(known)}"
        raise PluginError(
            f"cannot run tasks of the type {task_type}",
            why=f"{len(found)} runners are registered for it ({sides})",
            fix="correct `type` of the task card, or install the plugin that has the runner",
        )
    runner: Runner = load_entry(found[0].value)()
    return runner
