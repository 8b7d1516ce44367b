"""The table model: what every format of the pages is rendered from. Data alone, no text layout.

    Board > Family (a page) > Table (one protocol) > Column (one task, one metric id) and Row > Cell

A `Board` is made by `cxrbench.leaderboard.build.board` from records and published tables and is a
pure function of them: the same records in another order, on another machine, give an equal board.
Values are in the unit of their metric at full precision (fractions are 0..1); only renderers round
and turn fractions into percent (`cxrbench.leaderboard.units`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cxrbench.leaderboard.units import FRACTION
from cxrbench.results.record import Record

RowKind = Literal["measured", "floor", "published"]

OVERLAP = "†"
DIFFERS = "‡"
OTHER_SPLIT = "§"
INCOMPLETE = "¶"
MARKS: dict[str, str] = {
    OVERLAP: "the model was pretrained on images of this data set.",
    DIFFERS: "differs from the value published for this model, task, metric and protocol by more "
    "than twice the standard deviation that was published; where none was, of our own seeds. Where "
    "a paper prints several values, from each of them.",
    OTHER_SPLIT: "measured on another split than that of the task.",
    INCOMPLETE: "seeds are missing: some failed, the metric is undefined in them, or another row "
    "of the column has more. The number of seeds is then written as those that count / all.",
}
"""What each footnote mark says, in the order of the footnotes."""


@dataclass(frozen=True)
class Reference:
    """A published value that a measured one can be held against.

    Attributes:
        value: In the unit of the metric.
        sd: As published; None where none was.
        source: Paper and table in words, such as `CoGaze (2026), Table 3`.
    """

    value: float
    sd: float | None
    source: str


@dataclass(frozen=True)
class SeedValue:
    """The value of one run.

    Attributes:
        seed: Its seed.
        value: None where the metric is undefined.
        run_id: The record: a key of `Board.runs`.
    """

    seed: int
    value: float | None
    run_id: str


@dataclass(frozen=True)
class Cell:
    """One number of a table, with all that stands behind it.

    Attributes:
        value: Mean over seeds in the unit of the metric; None where there is none (see `failed`).
        sd: Sample standard deviation over seeds; None for one seed.
        n: Seeds that count; None where a paper does not tell.
        expected: Seeds that were run, failed ones included; above `n` when some are missing.
        seeds: The runs that succeeded, by seed; empty for floors and published values.
        failed_run_ids: The runs of these settings that failed.
        ci95: Bootstrap interval over patients of the first seed's test predictions.
        rank: Place in the column among ranked rows, from 1; equal means share a place.
        rivals: How many rows are ranked in the column; `best` and `second` need two.
        marks: Footnote marks, keys of `MARKS`, in their order.
        references: What was published for the same model, task, metric id and protocol; of a
            published value that value itself, with the table it is from.
        digits: Digits after the decimal point when it is shown; of a published value those that
            were printed, two at most.
        notes: What sets these runs apart in words, such as `clinical context used`.
    """

    value: float | None = None
    sd: float | None = None
    n: int | None = None
    expected: int | None = None
    seeds: tuple[SeedValue, ...] = ()
    failed_run_ids: tuple[str, ...] = ()
    ci95: tuple[float, float] | None = None
    rank: int | None = None
    rivals: int = 0
    marks: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    digits: int = 1
    notes: tuple[str, ...] = ()

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The records behind it, by seed, then those that failed; keys of `Board.runs`."""
        return (*(seed.run_id for seed in self.seeds), *self.failed_run_ids)

    @property
    def failed(self) -> bool:
        """Whether runs were tried and none succeeded."""
        return bool(self.failed_run_ids) and not self.seeds

    @property
    def best(self) -> bool:
        """Whether it is shown bold: first of at least two ranked values."""
        return self.rank == 1 and self.rivals > 1

    @property
    def second(self) -> bool:
        """Whether it is shown underlined: second of at least two ranked values."""
        return self.rank == 2 and self.rivals > 1


EMPTY = Cell()
"""Nothing was run or published here, or the task does not apply to the model."""


@dataclass(frozen=True)
class Column:
    """One task and one metric id, under the protocol and on the data of its table.

    Attributes:
        task: Task id; None for published values of tasks that cxrbench does not have.
        dataset: Short name of the data set; empty where unknown.
        group: Heading over neighbouring columns: the title of the data set, or a part of a paper's
            table.
        label: What tells the column from its neighbours within the group: `1 %`, or a metric.
        metric: Metric id, spelled out; None where a paper does not tell what it computed.
        printed_as: What the paper calls it; empty for columns of measured metrics.
        unit: `fraction` is shown in percent; every other unit as it is and named.
        higher_is_better: Direction.
        protocol: Protocol id; None where a paper does not tell.
        data: State of the data in words, with the sizes of its splits; empty where unknown.
        data_key: Equal for columns whose numbers stand on the same data; empty where unknown.
        main: Whether the metric is the main one of the task.
    """

    task: str | None
    metric: str | None
    protocol: str | None
    dataset: str = ""
    group: str = ""
    label: str = ""
    printed_as: str = ""
    unit: str = FRACTION
    higher_is_better: bool = True
    data: str = ""
    data_key: str = ""
    main: bool = False


@dataclass(frozen=True)
class Source:
    """Where a published row comes from.

    Attributes:
        paper: Short name and year, such as `CoGaze (2026)`.
        url: Of the paper.
        table: `Table 3`, `Figure 4`; with the page where it is known.
        origin: Who measured the row: in words, such as `reproduced by the authors`.
        venue: Where the method was published; empty where not told.
    """

    paper: str
    url: str
    table: str
    origin: str
    venue: str = ""


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        kind: `measured` rows stand above the rule, ranked ones with a rank; then the `floor`;
            `published` ones stand below the rule, in italics, and are never ranked.
        name: What the row is: the model, with what sets its weights or preprocessing apart.
        cells: One for each column; `EMPTY` where there is nothing.
        model: Model id; None for floors and for methods that cxrbench does not have.
        rank: Place by the mean of the ranks in all columns (a missing value counts as one place
            behind the last); None in tables that are not ranked. Ties share a place.
        notes: What sets the runs apart, in words.
        source: Of a published row.
        key: Equal for the same model with the same weights and settings in all tables of a board,
            so that a page can follow a row through tables; empty for floors and published rows.
    """

    kind: RowKind
    name: str
    cells: tuple[Cell, ...]
    model: str | None = None
    rank: int | None = None
    notes: tuple[str, ...] = ()
    source: Source | None = None
    key: str = ""


@dataclass(frozen=True)
class Table:
    """Rows that may be compared, column by column.

    Attributes:
        id: Unique on the board, usable as a file name or anchor.
        title: Heading; says protocol and metric where they are the same in all columns.
        protocol: Of every column; None where papers do not tell.
        ranked: Whether measured rows are ranked; without any, it holds published rows alone.
        columns: From left to right.
        rows: Measured rows, best first; the floor; published rows.
        notes: Sentences that stand below it.
    """

    id: str
    title: str
    protocol: str | None
    ranked: bool
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def measured(self) -> tuple[Row, ...]:
        """The rows of models that were run."""
        return tuple(row for row in self.rows if row.kind == "measured")

    @property
    def floors(self) -> tuple[Row, ...]:
        """The row of the best constant predictor, if any metric has one."""
        return tuple(row for row in self.rows if row.kind == "floor")

    @property
    def published(self) -> tuple[Row, ...]:
        """The rows from papers."""
        return tuple(row for row in self.rows if row.kind == "published")


@dataclass(frozen=True)
class Footer:
    """What ends every page.

    Attributes:
        records: Number of records.
        oldest: Date of the oldest, `YYYY-MM-DD`; empty without records.
        newest: Date of the newest.
        commits: The first twelve digits of the commits that measured, sorted.
        command: What makes the page again.
    """

    records: int
    oldest: str
    newest: str
    commits: tuple[str, ...]
    command: str


@dataclass(frozen=True)
class Family:
    """One page: the tasks of one kind, in the layout of the papers' tables.

    Attributes:
        id: File name of the page without its suffix.
        title: Heading.
        tables: Ranked ones first, then those of published rows alone, then unranked ones.
        details: For every task, protocol and state of the data, one table of all its metrics.
        records: Records that stand on the page, failed ones included.
        failed: Run ids of those that failed, sorted.
        datasets: Names of the data sets on which runs succeeded, sorted.
        footer: What ends the page.
    """

    id: str
    title: str
    tables: tuple[Table, ...]
    details: tuple[Table, ...] = ()
    records: int = 0
    failed: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    footer: Footer = Footer(0, "", "", (), "cxrbench leaderboard")


@dataclass(frozen=True)
class Best:
    """The first places of a ranked column of a main metric, for the front page.

    Attributes:
        family: Id of its page.
        table: Id of its table.
        column: The column.
        cells: Name of the row and its cell: all that share the first place.
        second: The next one, if there is one.
    """

    family: str
    table: str
    column: Column
    cells: tuple[tuple[str, Cell], ...]
    second: tuple[str, Cell] | None = None


@dataclass(frozen=True)
class Figure:
    """A figure that was drawn of records, and lies beside the pages.

    Attributes:
        path: Below the folder of the pages.
        title: What it is, in a line.
        caption: What is drawn and how it was computed.
        run_ids: The records it stands on.
    """

    path: str
    title: str
    caption: str
    run_ids: tuple[str, ...]


@dataclass(frozen=True)
class Board:
    """Everything that the pages show.

    Attributes:
        families: In the order of the layout; only those that have a table.
        runs: The records shown, by run id; failed ones included.
        failed: Run ids of failed runs, sorted.
        hidden: Records left out because they are not ranked and were not asked for.
        unranked: Whether records that are never ranked are included.
        best: The first places, by family, protocol and task.
        footer: What ends every page.
        figures: Those that stand on records of the board alone, by path.
    """

    families: tuple[Family, ...]
    runs: Mapping[str, Record] = field(default_factory=dict)
    failed: tuple[str, ...] = ()
    hidden: int = 0
    unranked: bool = False
    best: tuple[Best, ...] = ()
    footer: Footer = Footer(0, "", "", (), "cxrbench leaderboard")
    figures: tuple[Figure, ...] = ()
