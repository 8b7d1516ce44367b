"""The recipe of a pretraining run: a YAML file that says all that decides its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cxrbench.cards import WeightsFile, merge, read_yaml
from cxrbench.cards.overrides import with_overrides
from cxrbench.discovery import RECIPES, YAML_SUFFIXES, installed_recipes, named_file
from cxrbench.errors import BadRequest
from cxrbench.gaze.heatmap import DEGREE, LEAD

SplitName = Literal["train", "val"]
_MOST_PARENTS = 5


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GazeSource(_Section):
    """Where recordings of gaze come from; they are joined with the images by image id.

    Either a data set, or pictures of heat beside the images: an annotation and a folder in the
    root of the recipe's data set (see `cxrbench.gaze.authors`).
    """

    dataset: str = Field(default="", description="A data set whose samples have gaze.")
    annotation: str = Field(default="", description="File name or glob of the annotation.")
    folder: str = Field(default="", description="Folder of the pictures.")

    @model_validator(mode="after")
    def _one_of_both(self) -> GazeSource:
        if bool(self.dataset) == bool(self.annotation):
            raise ValueError("give `dataset`, or `annotation` and `folder`")
        return self


class HeatSection(_Section):
    """How the heat of recorded gaze is drawn; pictures of heat are taken as they are."""

    sigma: float = Field(
        default=DEGREE,
        gt=0,
        description="Standard deviation of a fixation as a share of the image's height.",
    )
    lead: float = Field(
        default=LEAD,
        ge=0,
        description="Seconds by which the eyes are ahead of the voice.",
    )


class Data(_Section):
    """What is trained on."""

    dataset: str
    lists: dict[SplitName, list[str]] = Field(
        default={"train": ["train"], "val": ["val"]},
        description="Names of lists by split; the first that the download has is taken.",
    )
    labels: list[str] = Field(
        default_factory=list, description="Those of the data set where none are given."
    )
    gaze: list[GazeSource] = Field(default_factory=list)
    heat: HeatSection = HeatSection()


class Init(_Section):
    """What the network starts from; every tensor is loaded or is named as random."""

    weights: list[str] = Field(
        default_factory=list, description="Names of files on the model card, side files too."
    )
    files: list[WeightsFile] = Field(
        default_factory=list, description="Others, described as on a model card."
    )
    random: list[str] = Field(
        default_factory=list, description="Regular expressions of tensors that start random."
    )


class OptimizerSection(_Section):
    """The optimiser."""

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    lr: float = Field(gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    momentum: float = Field(default=0.9, description="Of SGD.")


class ScheduleSection(_Section):
    """The learning-rate schedule."""

    name: Literal["plateau", "cosine", "constant"] = "constant"
    factor: float = Field(default=0.1, gt=0, lt=1, description="plateau: multiplies the rate.")
    patience: int = Field(default=10, ge=0, description="plateau: epochs without improvement.")
    warmup_steps: int = Field(default=0, ge=0, description="cosine: linear warm-up.")


class PretrainingRecipe(_Section):
    """A recipe.

    `batch_size` is the number of images whose reports are each other's negatives, on however many
    devices they lie. With `accumulate` above 1 that many batches make one optimiser step; their
    images are no negatives of each other.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    title: str
    notes: list[str] = Field(default_factory=list)
    model: str
    pretrainer: str = Field(description="`module:callable`; a `Setup` to a `Pretrainer`.")
    config: dict[str, Any] = Field(
        default_factory=dict, description="Architecture settings in place of the card's."
    )
    settings: dict[str, Any] = Field(default_factory=dict, description="Of the objective.")
    data: Data
    init: Init = Init()
    trunk: Literal["pixels", "kept"] = Field(
        default="pixels",
        description="`kept`: the frozen trunk's output is computed once and read from disk, in "
        "half precision.",
    )
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    accumulate: int = Field(default=1, ge=1)
    drop_last: bool = True
    optimizer: OptimizerSection
    schedule: ScheduleSection = ScheduleSection()
    early_stop: int | None = Field(default=None, description="Epochs without improvement.")
    clip_grad_norm: float | None = Field(default=None, gt=0)
    gradient_checkpointing: bool = False
    precision: Literal["32", "bf16", "16"] = "32"
    matmul: Literal["highest", "high", "medium"] = Field(
        default="highest", description="Precision of float32 matrix products on a GPU."
    )
    seed: int = Field(default=0, ge=0)
    log_every: int = Field(default=50, ge=1, description="Batches between two lines of the log.")


def find_recipe(name: str) -> Path:
    """The file of a recipe that is named as a path, or by its name in an installed package.

    Raises:
        UnknownNameError: When no package offers the name, which cannot be a path.
        PluginError: When several do.
    """
    return named_file("recipe", RECIPES, name, _advice)


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> PretrainingRecipe:
    """Read a recipe file, on top of the one that it `extends`.

    Args:
        path: YAML; `extends: FILE` names another one, relative to it, and `extends: NAME` one of
            an installed package.
        overrides: `KEY=VALUE` with dots between the levels of KEY and YAML in VALUE.

    Raises:
        BadRequest: When the file or an override cannot be used.
    """
    content = with_overrides(
        _read(path, _MOST_PARENTS),
        overrides,
        "epochs=3 or settings.gaze=null",
        "cxrbench.pretraining.recipe.PretrainingRecipe",
    )
    try:
        return PretrainingRecipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "(top)"
        raise BadRequest(
            f"cannot read the recipe {path.name}",
            why=f"{path}: {where}: {first['msg']} ({error.error_count()} in all)",
            fix="correct it; its fields are those of cxrbench.pretraining.recipe.PretrainingRecipe",
        ) from error


def _advice(known: Iterable[str]) -> str:
    return f"name a YAML file, or an installed recipe: {', '.join(sorted(known))}"


def _read(path: Path, depth: int) -> dict[str, Any]:
    if not path.is_file():
        raise BadRequest(
            f"no recipe at {path}",
            why="there is no such file",
            fix=_advice(installed_recipes()),
        )
    content = read_yaml(path)
    parent = content.pop("extends", None)
    if parent is None:
        return content
    if depth == 0:
        raise BadRequest(
            f"cannot read the recipe {path.name}",
            why=f"it extends more than {_MOST_PARENTS} others, or itself",
            fix="correct `extends`",
        )
    named = Path(str(parent)).suffix not in YAML_SUFFIXES
    base = find_recipe(str(parent)) if named else path.parent / str(parent)
    return merge(_read(base, depth - 1), content)
