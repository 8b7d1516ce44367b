"""Prompts of a language model, as data: what is said, and how turns are marked."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cxrbench.errors import BadRequest

IMAGE = "image"
"""The field that stands for the visual tokens."""
_MARK = "\N{OBJECT REPLACEMENT CHARACTER}"

Fields = Mapping[str, str]
"""What is known of an image besides it, such as `similar_report`; empty counts as not known."""
Cut = Callable[[str, int, bool], str]
"""Text, tokens, whether to cut on the left, to a text of no more tokens."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_T = TypeVar("_T", bound=_Data)


class Line(_Data):
    """A line of the user's turn.

    Attributes:
        say: Text with fields in braces.
        needs: Fields without which it is left out, besides those in the text.
    """

    say: str
    needs: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: object) -> object:
        return {"say": data} if isinstance(data, str) else data

    @property
    def fields(self) -> set[str]:
        """Every field it needs."""
        said = {name for _, name, _, _ in string.Formatter().parse(self.say) if name}
        return said | set(self.needs)


class Limit(_Data):
    """How long a field may be; `cut` is the side on which it is shortened."""

    tokens: int = Field(gt=0)
    cut: Literal["left", "right"] = "right"


class Prompt(_Data):
    """What a language model is asked.

    Attributes:
        system: Text of the system's turn.
        lines: Of the user's turn; exactly one holds `{image}`.
        limits: Of fields.
    """

    system: str
    lines: tuple[Line, ...]
    limits: Mapping[str, Limit] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _shows_the_image_once(self) -> Prompt:
        if sum(line.say.count(f"{{{IMAGE}}}") for line in self.lines) != 1:
            raise ValueError("exactly one line has to hold {image}, once")
        return self

    def user(self, fields: Fields, cut: Cut) -> str:
        """The user's turn, with a mark where the image is."""
        told = {name: " ".join(text.replace(_MARK, "").split()) for name, text in fields.items()}
        known = {name: text for name, text in told.items() if text}
        for name, limit in self.limits.items():
            if name in known:
                known[name] = cut(known[name], limit.tokens, limit.cut == "left")
        known[IMAGE] = _MARK
        lines = (line for line in self.lines if line.fields <= known.keys())
        return "\n".join(line.say.format_map(known) for line in lines)


class Chat(_Data):
    """How turns are marked; `{text}` is what is said in a turn.

    Attributes:
        start: What a conversation begins with.
        system: The system's turn.
        user: The user's turn.
        answer: What the answer begins with.
        end: What ends it; empty: the end token of the tokenizer.
    """

    start: str
    system: str
    user: str
    answer: str
    end: str

    def around_image(self, prompt: Prompt, fields: Fields, cut: Cut) -> tuple[str, str]:
        """The conversation up to the answer: what comes before the image, and after it."""
        system = self.system.replace("{text}", prompt.system)
        user = self.user.replace("{text}", prompt.user(fields, cut))
        before, _, after = f"{self.start}{system}{user}{self.answer}".partition(_MARK)
        return before, after


def read_prompt(name: str | Path) -> Prompt:
    """A built-in prompt (`free-text`, `structured`) or a YAML file.

    Raises:
        BadRequest: When there is none, or it is not valid.
    """
    return _read(Prompt, "prompts", str(name))


def read_chat(name: str | Path) -> Chat:
    """Built-in marks of turns (`llama-3`, `plain`) or a YAML file.

    Raises:
        BadRequest: When there are none, or they are not valid.
    """
    return _read(Chat, "chats", str(name))


def _read(kind: type[_T], folder: str, name: str) -> _T:
    built_in = resources.files(__package__) / folder
    path = Path(name) if name.endswith((".yaml", ".yml")) else None
    try:
        source = path or built_in / f"{name}.yaml"
        return kind.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")))
    except OSError as error:
        names = sorted(Path(str(file)).stem for file in built_in.iterdir())
        raise BadRequest(
            f"no {kind.__name__.lower()} called {name}",
            why=f"{error.strerror}; built in are {', '.join(names)}",
            fix="name one of them, or give the path of a .yaml file",
        ) from error
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise BadRequest(
            f"the {kind.__name__.lower()} {name} is not valid",
            why=" ".join(str(reason).split()),
            fix="compare it with the built-in ones",
        ) from error
