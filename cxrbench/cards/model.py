"""The model card: everything that is known about an encoder before it is built."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cxrbench.cards.base import Card
from cxrbench.image_spec import ImageSpec

PHANTOM = "phantom"
"""In `trained_on` of a model card: phantoms of this package, no data set."""


class Paper(Card):
    """Where a model or data set was published."""

    title: str
    year: int
    url: str = ""


class WeightsFile(Card):
    """One file of weights and how its tensors map onto the encoder's `state_dict`.

    The mapping is applied in the order of the fields: unwrap, strip, rename, fuse, prepend `into`;
    `ignore` and `optional_tensors` go by the names in the file and in the encoder. A tensor may
    lack leading dimensions of size 1.
    """

    name: str = Field(description="Short name, unique on the card.")
    source: Literal["hf", "url", "manual", "package"] = Field(
        description="`package`: it comes with an installed Python package."
    )
    file: str = Field(
        default="", description="File name in the repository, beside the data, or in the package."
    )
    repo: str = Field(
        default="", description="Hub repository, URL of the file, or name of the package."
    )
    revision: str = Field(default="main", description="Hub revision.")
    sha256: str | None = None
    licence: str = "unknown"
    access: Literal["open", "gated", "credentialed", "none"] = Field(
        default="open",
        description="`none`: nobody offers it; a file of one's own can be given.",
    )
    trained_on: list[str] = Field(
        default_factory=list,
        description="Data sets, by id; `phantom` for phantoms of this package.",
    )
    trainer: Literal["official", "retrained", "reproduction"] = "official"
    wrapper: list[str] = Field(
        default_factory=list, description="Top-level keys that may hold the state dict."
    )
    strip_prefix: list[str] = Field(default_factory=list, description="Leading strings removed.")
    rename: list[tuple[str, str]] = Field(
        default_factory=list, description="(regular expression, replacement), applied in order."
    )
    fuse: list[tuple[list[str], str]] = Field(
        default_factory=list,
        description="(parts of names, part in their place): tensors whose names differ in these "
        "parts alone become one, stacked along the first dimension in the order given.",
    )
    into: str = Field(default="", description="Prefix of the encoder's tensors this file fills.")
    ignore: list[str] = Field(
        default_factory=list, description="Regular expressions of tensors of no use here."
    )
    match_by: Literal["name", "name-or-order"] = Field(
        default="name",
        description="`name-or-order` also accepts other names in the same order and shapes.",
    )


class Dims(Card):
    """Widths of what the encoder returns; None where it does not return it."""

    pooled: int | None = None
    grid: tuple[int, int, int] | None = Field(default=None, description="C, h, w.")
    latents: tuple[int, int] | None = Field(default=None, description="M, D.")
    text: int | None = None
    joint: int | None = None


class ModelCard(Card):
    """One encoder, declared in YAML."""

    id: str
    family: str
    title: str
    entry: str = Field(description="`module:callable`; called with the card, returns an Encoder.")
    expand: str = Field(
        default="",
        description="`module:callable` of a pattern card: (card, name) to the card of one member.",
    )
    reference: str = Field(
        default="",
        description="`module:callable` that compares the encoder with reference vectors "
        "(see `cxrbench.testing.reference`).",
    )
    version: int = Field(default=1, description="Raised when the code changes its numbers.")
    status: Literal["verified", "declared", "no-weights"]
    paper: Paper | None = None
    code_url: str = ""
    code_licence: str = "unknown"
    weights: list[WeightsFile] = Field(default_factory=list)
    min_match: float = Field(
        default=1.0, gt=0, le=1, description="Fraction of encoder tensors that must match."
    )
    optional_tensors: list[str] = Field(
        default_factory=list,
        description="Regular expressions of encoder tensors a checkpoint may lack.",
    )
    preprocessing: ImageSpec | None = Field(
        default=None, description="None: the encoder knows its own (see `image_spec`)."
    )
    fixed_size: bool = Field(
        default=False, description="Whether it takes images of the size in `preprocessing` alone."
    )
    pyramid_any_size: bool = Field(
        default=False,
        description="Of a `fixed_size`: whether its maps at several scales (`encode_pyramid`) take "
        "images of other sizes all the same.",
    )
    fixed_pixels: bool = Field(
        default=False,
        description="Whether the network takes pixels of the mean and deviation in "
        "`preprocessing` alone: others are no input that it knows.",
    )
    dims: Dims = Field(default_factory=Dims)
    capabilities: list[
        Literal[
            "image", "text", "joint", "pairwise", "closed-vocabulary", "trainable",
            "frozen-trunk", "context", "view",
        ]
    ]  # fmt: skip
    context_fields: list[str] = Field(default_factory=list)
    vocabulary: dict[str, str] = Field(
        default_factory=dict,
        description="Of a closed vocabulary: the findings that prompts describe, by their names "
        "there (such as `pleural-effusion`), and what the model calls them.",
    )
    pretraining_data: list[str] = Field(default_factory=list, description="Data sets, by id.")
    overlaps: list[str] = Field(
        default_factory=list, description="Data sets whose images were seen in pretraining."
    )
    quirks: list[str] = Field(default_factory=list)
    config: dict[str, Any] = Field(
        default_factory=dict, description="Architecture settings, read by the entry alone."
    )

    @property
    def is_pattern(self) -> bool:
        """Whether the card stands for a whole family, as `timm/*` does."""
        return self.id.endswith("/*")
