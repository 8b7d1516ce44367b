"""Numbers from papers: `leaderboards/published/*.yaml`, one file a paper.

They are quoted, never measured here: pages show them in italics below a rule, unranked, and only
below measured numbers of the same task, metric id and protocol. docs/leaderboards.md tells how a
paper's numbers are written down.
"""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from cxrbench.cards.base import read_yaml
from cxrbench.errors import BadRequest, PluginError
from cxrbench.leaderboard.units import FRACTION

FOLDER = "published"
_SCALES = {"percent": Decimal("0.01"), "fraction": Decimal(1), "as it is": Decimal(1)}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Value(_Part):
    """One printed number.

    Attributes:
        mean: As printed, in the unit that its column says.
        sd: As printed; None where none is.
    """

    mean: Decimal
    sd: Decimal | None = None

    @property
    def digits(self) -> int:
        """Digits after the decimal point that were printed, of the longer of both."""
        return max(_digits(number) for number in (self.mean, self.sd) if number is not None)


def _digits(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _value(raw: Any) -> Any:
    """`80.7`, `[80.7, 0.2]` or None, from YAML."""
    if raw is None or isinstance(raw, Value):
        return raw
    numbers = raw if isinstance(raw, list) else [raw]
    if len(numbers) not in (1, 2) or any(isinstance(n, bool) for n in numbers):
        raise ValueError("expected a number, or [mean, sd]")
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        raise ValueError("expected a number, or [mean, sd]")
    # Through text: 0.1 stays 0.1.
    mean, *sd = (Decimal(str(number)) for number in numbers)
    if sd and sd[0] < 0:
        raise ValueError("a standard deviation is not negative")
    return Value(mean=mean, sd=sd[0] if sd else None)


Printed = Annotated[Value | None, BeforeValidator(_value)]


class PublishedColumn(_Part):
    """One column of a printed table, under the metric that it really is."""

    task: str | None = Field(description="Task id; null where cxrbench has no such task.")
    metric: str | None = Field(
        description="The metric id that the numbers really are; null where the paper does not tell."
    )
    printed_as: str = Field(description="What the paper calls it.")
    group: str = Field(default="", description="Heading in the paper over several columns.")
    unit: str = FRACTION
    printed: Literal["percent", "fraction", "as it is"] = Field(
        default="percent", description="How fractions are printed."
    )
    higher_is_better: bool = True
    split: str = Field(
        default="", description="In words, where it is another split than that of the task."
    )

    @property
    def factor(self) -> Decimal:
        """What a printed number is multiplied with to be in the unit of its metric."""
        return _SCALES[self.printed if self.unit == FRACTION else "as it is"]

    @model_validator(mode="after")
    def _says_what_it_is(self) -> PublishedColumn:
        if self.task is None and not self.group:
            raise ValueError(f"{self.printed_as}: without a task, `group` says what data it is")
        return self


class PublishedRow(_Part):
    """One row of a printed table."""

    model: str | None = Field(
        default=None, description="Model id; null for methods that cxrbench does not have."
    )
    method: str = Field(description="As the paper calls it.")
    venue: str = ""
    origin: str = Field(default="", description="Where it is not that of the table.")
    values: list[Printed]
    seeds: int | None = Field(default=None, ge=1, description="Where not that of the table.")


class PublishedTable(_Part):
    """A printed table, or the part of one whose numbers were made in one way."""

    table: str = Field(description="`3`, `A13`, or `Figure 4`.")
    title: str
    family: str = Field(description="The page it belongs to.")
    page: int | None = Field(default=None, ge=1)
    origin: str = Field(description="Who measured the rows.")
    protocol: str | None = Field(
        default=None, description="Protocol id of all columns; null where the paper does not tell."
    )
    seeds: int | None = Field(default=None, ge=1, description="Runs behind a value.")
    columns: list[PublishedColumn] = Field(min_length=1)
    rows: list[PublishedRow] = Field(min_length=1)
    alone: bool = Field(
        default=False,
        description="Shown as printed, its columns together, with measured rows of the models it "
        "names above; else each column goes below the measured numbers of its task and metric.",
    )
    notes: list[str] = Field(default_factory=list)

    @property
    def where(self) -> str:
        """`Table 3, p. 7`."""
        name = self.table if not self.table[-1:].isdigit() or " " in self.table else ""
        page = f", p. {self.page}" if self.page else ""
        return f"{name or f'Table {self.table}'}{page}"

    @model_validator(mode="after")
    def _knows_what_it_goes_below(self) -> PublishedTable:
        for column in self.columns:
            if not self.alone and (column.task is None or column.metric is None):
                raise ValueError(
                    f"table {self.table}: without task or metric id, {column.printed_as} can go "
                    "below nothing; say `alone: true`"
                )
        return self

    @model_validator(mode="after")
    def _rectangular(self) -> PublishedTable:
        for row in self.rows:
            if len(row.values) != len(self.columns):
                raise ValueError(
                    f"table {self.table}: {row.method} has {len(row.values)} values for "
                    f"{len(self.columns)} columns"
                )
        known = [(c.task, c.metric or c.printed_as, c.group, c.split) for c in self.columns]
        twice = [key for key in known if known.count(key) > 1]
        if twice:
            raise ValueError(f"table {self.table}: two columns are {twice[0][1]} of {twice[0][0]}")
        methods = [(row.method, row.origin) for row in self.rows]
        again = [method for method in methods if methods.count(method) > 1]
        if again:
            raise ValueError(f"table {self.table}: {again[0][0]} stands twice")
        return self


class Fact(_Part):
    """A table or sentence of a paper that holds no results, such as sizes of data."""

    table: str
    title: str
    columns: list[str]
    rows: list[list[str | int | float | None]]

    @model_validator(mode="after")
    def _rectangular(self) -> Fact:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"table {self.table}: a row has not {len(self.columns)} fields")
        return self


class Paper(_Part):
    """What one paper printed."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    name: str = Field(description="Short, as in a citation.")
    title: str
    year: int
    url: str = Field(default="", pattern=r"^(https://\S+)?$")
    arxiv: str = ""
    tables: list[PublishedTable] = Field(default_factory=list)
    facts: list[Fact] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    @property
    def cited(self) -> str:
        """`CoGaze (2026)`."""
        return f"{self.name} ({self.year})"


def read_paper(path: Path) -> Paper:
    """Read one file.

    Raises:
        BadRequest: When it is not valid YAML or does not fit the schema.
    """
    fix = "correct the file; docs/leaderboards.md says how a paper's numbers are written down"
    try:
        return Paper.model_validate(read_yaml(path))
    except PluginError as error:
        raise BadRequest(f"cannot read {path.name}", why=error.why, fix=fix) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "(top)"
        raise BadRequest(
            f"{path.name} does not hold published numbers as they are written down here",
            why=f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}",
            fix=fix,
        ) from error


def read_published(folder: Path) -> list[Paper]:
    """All papers of `FOLDER/published/*.yaml`, by id; none when there is no such folder.

    Raises:
        BadRequest: When a file cannot be read, or two have one id.
    """
    papers: dict[str, Paper] = {}
    for path in sorted((folder / FOLDER).glob("*.yaml")):
        paper = read_paper(path)
        if paper.id in papers:
            raise BadRequest(
                f"two files hold the paper {paper.id}",
                why=f"{path} is the second one",
                fix="give each paper one file and one id",
            )
        papers[paper.id] = paper
    return [papers[name] for name in sorted(papers)]
