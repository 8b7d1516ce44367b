"""Suites: files that name what to run, found by name in installed packages."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cxrbench.cards import read_yaml
from cxrbench.discovery import SUITES, named_file
from cxrbench.errors import BadRequest
from cxrbench.names import did_you_mean
from cxrbench.registry import Registry

_EVERY = "*"
_ADVICE = "title, models, tasks, protocols, seeds, preprocessing, demo, weights and parts"


class SuitePart(BaseModel):
    """Models × tasks × protocols that belong together, such as one table of a paper.

    What a part leaves out is the suite's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = ""
    models: list[str] = Field(default_factory=list, description="Names and globs.")
    tasks: list[str] = Field(default_factory=list, description="Names and globs.")
    protocols: list[str] = Field(
        default_factory=list, description="Empty: the default protocol of each task."
    )
    seeds: list[int] = Field(default_factory=list)


class Suite(SuitePart):
    """A file that names what to run: itself one part, or several below `parts`.

    The command line goes before all of it.
    """

    seeds: list[int] = Field(default=[0], min_length=1)
    preprocessing: str | None = Field(default=None, description="`native`, or a mode.")
    demo: bool = Field(default=False, description="Whether it runs on phantoms.")
    weights: dict[str, str] = Field(
        default_factory=dict,
        description="By model or glob: a path, or `random`; else the weights of the card.",
    )
    parts: list[SuitePart] = Field(default_factory=list)

    @model_validator(mode="after")
    def _complete(self) -> Suite:
        if not all(part.tasks for part in self.each_part):
            raise ValueError("tasks are missing")
        return self

    @property
    def each_part(self) -> list[SuitePart]:
        """Its parts, complete with what they take from the suite."""
        own = {name: getattr(self, name) for name in ("models", "tasks", "protocols", "seeds")}
        if not self.parts:
            return [SuitePart(**own)]
        return [
            part.model_copy(
                update={name: value for name, value in own.items() if not getattr(part, name)}
            )
            for part in self.parts
        ]


def find_suite(name: str) -> Path:
    """The file of a suite that is named as a path, or by its name in an installed package.

    Raises:
        UnknownNameError: When no package offers the name, which cannot be a path.
        PluginError: When several do.
    """
    return named_file(
        "suite", SUITES, name, lambda known: did_you_mean(name, known, "cxrbench list suites")
    )


def read_suite(path: Path) -> Suite:
    """Read a suite file.

    Raises:
        BadRequest: When it is missing or not of that form.
    """
    if not path.is_file():
        raise BadRequest(
            f"no suite at {path}",
            why="the file given with --suite does not exist",
            fix="see `cxrbench list suites`; docs/running.md shows how to write one",
        )
    content: dict[str, Any] = read_yaml(path)
    try:
        return Suite.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "(top)"
        raise BadRequest(
            f"cannot read the suite {path.name}",
            why=f"{path}: {where}: {first['msg']}",
            fix=f"a suite has the fields {_ADVICE}",
        ) from error


def chosen_parts(
    suite: Suite,
    registry: Registry,
    models: Sequence[str] = (),
    tasks: Sequence[str] = (),
    protocols: Sequence[str] = (),
) -> list[SuitePart]:
    """The parts to run, their names resolved.

    Args:
        suite: The suite.
        registry: Resolves globs.
        models: Of each part, these alone; those that the suite does not know, in every part.
        tasks: Of each part, these alone.
        protocols: In place of those of every part.

    Raises:
        UnknownNameError: When a glob matches nothing.
        BadRequest: When a task asked for is in no part, or no part has both the models and the
            tasks asked for.
    """
    offered = [registry.tasks.match(part.tasks) for part in suite.each_part]
    there = list(dict.fromkeys(name for names in offered for name in names))
    for asked in tasks:
        if not fnmatch.filter(there, asked):
            raise BadRequest(
                f"{asked} is no task of the suite",
                why=f"--task names it, and the suite has {', '.join(there)}",
                fix="choose one of these, or leave --suite out and name models with --model",
            )
    own = [registry.models.match(part.models) for part in suite.each_part]
    chosen = registry.models.match(models)
    foreign = set(chosen) - {name for names in own for name in names}
    found = [
        SuitePart(
            title=part.title,
            models=[n for n in chosen if n in theirs or n in foreign] if models else theirs,
            tasks=[n for n in names if not tasks or any(fnmatch.fnmatchcase(n, t) for t in tasks)],
            protocols=list(protocols) or part.protocols,
            seeds=part.seeds,
        )
        for part, names, theirs in zip(suite.each_part, offered, own, strict=True)
    ]
    left = [part for part in found if part.tasks and part.models]
    if not left:
        raise BadRequest(
            f"the suite has no part for {', '.join(models)} on {', '.join(tasks) or 'any task'}",
            why="it names these models for other tasks alone",
            fix="choose others, or leave --suite out and name both with --model and --task",
        )
    return left


def weights_of(
    models: Sequence[str], given: Mapping[str, str], suite: Mapping[str, str]
) -> dict[str, str]:
    """What each model is filled with, where that is not its card's: by name, no globs left.

    The command line goes before the suite, and a name before a glob; of globs the longest.
    """
    choices = {model: _choice(model, given) or _choice(model, suite) for model in models}
    return {model: choice for model, choice in choices.items() if choice is not None}


def unused_weights(models: Sequence[str], given: Mapping[str, str]) -> list[str]:
    """Names and globs of the command line that no model of the request has."""
    return [name for name in given if not any(fnmatch.fnmatchcase(m, name) for m in models)]


def _choice(model: str, among: Mapping[str, str]) -> str | None:
    if model in among:
        return among[model]
    globs = [glob for glob in among if fnmatch.fnmatchcase(model, glob)]
    return among[max(globs, key=lambda glob: (glob != _EVERY, len(glob)))] if globs else None
