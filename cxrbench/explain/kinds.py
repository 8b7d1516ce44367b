"""The kinds of pictures there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from cxrbench.errors import BadRequest, UnknownNameError
from cxrbench.names import did_you_mean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cxrbench.explain.subject import Subject

KINDS = ("attention", "gaze", "gradcam", "context", "tsne")
"""Each is a module of this package that has a `KIND`."""


@dataclass(frozen=True)
class Drawn:
    """A picture.

    Attributes:
        figure: Not written yet.
        images: How many images it was made from.
        settings: What decided it besides the request.
        numbers: What it says, for `explain.json`; no id and no text of an image.
        shown: Ids of the images shown one by one.
    """

    figure: Figure
    images: int
    settings: dict[str, Any]
    numbers: dict[str, Any]
    shown: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Kind:
    """One kind of picture.

    Attributes:
        unfit: Why it cannot be drawn of a subject, in one line; None when it can.
        draw: Draw it.
    """

    unfit: Callable[[Subject], str | None]
    draw: Callable[[Subject], Drawn]


def load_kind(name: str) -> Kind:
    """The kind of that name."""
    return cast(Kind, import_module(f"cxrbench.explain.{name}").KIND)


def parse_kinds(asked: Sequence[str]) -> tuple[str, ...]:
    """The kinds asked for, in their own order; all where none is.

    Raises:
        BadRequest: When there is no kind of a name.
    """
    for name in asked:
        if name not in KINDS:
            raise UnknownNameError(
                f"unknown kind of picture: {name}",
                why=f"there are {', '.join(KINDS)}",
                fix=did_you_mean(name, KINDS, "cxrbench explain --help"),
            )
    return tuple(name for name in KINDS if not asked or name in asked)


def nothing_to_draw(model: str, data: str, unfit: dict[str, str]) -> BadRequest:
    """What is raised when no kind asked for can be drawn."""
    return BadRequest(
        f"no picture of {model} on {data} can be drawn",
        why="; ".join(f"{name}: {reason}" for name, reason in unfit.items()),
        fix="choose another model, another data set, or other kinds with --only",
    )
