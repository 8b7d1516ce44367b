"""What a metric is, what it is computed from, and what it returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from cxrbench.errors import CxrbenchError
from cxrbench.metrics.ranking import FloatArray, IntArray, ratio

M = TypeVar("M", bound="MetricInput")
D = TypeVar("D", bound="MetricInput")


class MetricUnavailable(CxrbenchError):  # noqa: N818  (it names what it is)
    """A metric cannot be computed on this machine: a program or weights are absent.

    `per_class` and `floor` raise it; scoring answers with no value and the reason.
    """

    @property
    def reason(self) -> str:
        """What, why and what to do in one line."""
        return f"{self.what}: {self.why}; {self.fix}"


class MetricInput(Protocol):
    """What metrics of one kind are computed from: N samples, and C names of what is averaged over.

    Attributes:
        names: The C names.
    """

    @property
    def names(self) -> Sequence[str]: ...  # noqa: D102 - described in the class docstring
    @property
    def n(self) -> int:
        """Samples that count, for metrics that leave none of them out."""
        ...

    @property
    def n_by_name(self) -> dict[str, int]:
        """Those of them that count for each name."""
        ...

    def __len__(self) -> int:
        """All N samples, which weights are given for."""
        ...

    def take(self: M, rows: IntArray) -> M:
        """Some of the samples, in that order."""
        ...


@dataclass(frozen=True)
class MetricValue:
    """One value of one metric on one split.

    Attributes:
        value: The value; NaN where the metric is undefined on these labels.
        n: Samples that count.
        per_class: Value of each name, NaN where undefined; None for pooled (micro) metrics.
        higher_is_better: Direction of the metric.
    """

    value: float
    n: int
    per_class: dict[str, float] | None
    higher_is_better: bool


class Counted(NamedTuple):
    """Samples that a metric does not leave out.

    Attributes:
        n: How many.
        by_name: Those that count for each name.
    """

    n: int
    by_name: dict[str, int]


@runtime_checkable
class Metric(Protocol):
    """A metric, evaluated under many sample weightings at once.

    Attributes:
        id: Spelled-out name, unique.
        summary: One sentence.
        formula: How it is computed, in plain text.
        range: Lowest and highest possible value.
        unit: What the number counts.
        higher_is_better: Direction.
        source: Paper or reference implementation that the definition follows.
        averaging: `macro`: mean over names, which are labels or classes; `micro`: all pooled.
        input_type: The kind of input it is computed from.
    """

    @property
    def id(self) -> str: ...  # noqa: D102 - described in the class docstring, as are the others
    @property
    def summary(self) -> str: ...  # noqa: D102
    @property
    def formula(self) -> str: ...  # noqa: D102
    @property
    def range(self) -> tuple[float, float]: ...  # noqa: D102
    @property
    def unit(self) -> str: ...  # noqa: D102
    @property
    def higher_is_better(self) -> bool: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def averaging(self) -> Literal["macro", "micro"]: ...  # noqa: D102
    @property
    def input_type(self) -> type[Any]: ...  # noqa: D102

    def per_class(self, data: Any, weights: npt.ArrayLike | None = None) -> FloatArray:
        """(R, C) values, or (R, 1) for micro metrics; NaN where undefined.

        Args:
            data: N samples, C names, of the metric's `input_type`.
            weights: (R, N) non-negative sample weights; None: one replicate of ones.
        """
        ...

    def aggregate(self, per_class: FloatArray) -> FloatArray:
        """(R, C) values by name to the (R,) values of the metric."""
        ...

    def floor(self, data: Any) -> float:
        """Value of the best predictor that looks at no image."""
        ...

    def per_sample(self, data: Any) -> FloatArray | None:
        """(N,) value of each sample, NaN where undefined; None where there is no such thing."""
        ...

    def counted(self, data: Any) -> Counted:
        """The samples that the value is made of."""
        ...

    def exchangeable(self, data: Any) -> Any:
        """Input of the same value, on a scale that all models share (`metrics.exchange`)."""
        ...


@dataclass(frozen=True, kw_only=True)
class BaseMetric(ABC, Generic[D]):
    """The facts of a metric and its mean over names; the attributes are those of `Metric`.

    Attributes:
        class_names: What a macro metric averages over where the data do not tell it, such as the
            findings that are read out of a report.
        readers: Ids of the models that read the texts (`cxrbench.readers`), whose files are told
            beside the value.
    """

    id: str
    summary: str
    formula: str
    source: str
    range: tuple[float, float] = (0.0, 1.0)
    unit: str = "fraction"
    higher_is_better: bool = True
    averaging: Literal["macro", "micro"] = "macro"
    class_names: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()

    @property
    @abstractmethod
    def input_type(self) -> type[D]:
        """See `Metric.input_type`."""

    @abstractmethod
    def per_class(self, data: D, weights: npt.ArrayLike | None = None) -> FloatArray:
        """See `Metric.per_class`."""

    @abstractmethod
    def floor(self, data: D) -> float:
        """See `Metric.floor`."""

    def per_sample(self, data: D) -> FloatArray | None:
        """See `Metric.per_sample`; most metrics of labels have none."""
        return None

    def counted(self, data: D) -> Counted:
        """See `Metric.counted`: samples with a value of their own, or all where none has one."""
        values = self.per_sample(data)
        return among(data, None if values is None else ~np.isnan(values))

    def exchangeable(self, data: D) -> D:
        """See `Metric.exchangeable`; what a metric reads as it stands needs no other scale."""
        return data

    def aggregate(self, per_class: FloatArray) -> FloatArray:
        """Unweighted mean over the names that are defined; NaN where none is."""
        defined = ~np.isnan(per_class)
        return ratio(np.where(defined, per_class, 0.0).sum(axis=1), defined.sum(axis=1))


def among(data: MetricInput, chosen: npt.NDArray[np.bool_] | None) -> Counted:
    """Count some of the samples, (N,); None: all."""
    if chosen is None or chosen.all():
        return Counted(data.n, data.n_by_name)
    if not chosen.any():
        return Counted(0, dict.fromkeys(data.names, 0))
    taken = data.take(np.flatnonzero(chosen))
    return Counted(taken.n, taken.n_by_name)


def names_of(metric: Metric, data: MetricInput) -> Sequence[str]:
    """What a macro metric averages over: names of its own, else those of the data."""
    own: tuple[str, ...] = getattr(metric, "class_names", ())
    return own or data.names


def evaluate(metric: Metric, data: MetricInput) -> MetricValue:
    """The value of a metric without an interval; cheap enough for every validation epoch."""
    values = metric.per_class(data)
    per_class: dict[str, float] | None = None
    if metric.averaging == "macro":
        per_class = dict(zip(names_of(metric, data), values[0].tolist(), strict=True))
    return MetricValue(
        value=float(metric.aggregate(values)[0]),
        n=metric.counted(data).n,
        per_class=per_class,
        higher_is_better=metric.higher_is_better,
    )
