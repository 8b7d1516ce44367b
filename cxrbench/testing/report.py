"""What a conformance suite found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Status = Literal["ok", "failed", "not applicable"]


@dataclass(frozen=True)
class Result:
    """The result of one check.

    Attributes:
        check: Id of the check.
        verifies: What it verifies, a sentence.
        status: `ok`, `failed`, or `not applicable`.
        detail: What was measured, what failed, or why the check does not apply.
        why: Cause of a failure.
        fix: What to do about it.
    """

    check: str
    verifies: str
    status: Status
    detail: str = ""
    why: str = ""
    fix: str = ""

    @property
    def text(self) -> str:
        """The detail; of a failure also why, and what to do, a line each."""
        if self.status != "failed":
            return self.detail
        return f"{self.detail}\nwhy: {self.why}\ndo:  {self.fix}"


@dataclass(frozen=True)
class Report:
    """The results of all checks of one encoder.

    Attributes:
        model: Id of the model.
        weights: What it was filled with: `card`, `path`, `random` or `none`.
        device: Where it ran.
        results: In the order of the suite.
        parameters: Number of parameters; None for an encoder that is no torch module.
        trainable: Number of those that are trained.
        shapes: Of the features of one image, by name; empty when it could not be encoded.
        ms_per_image: Milliseconds an image takes to encode, None when it could not be encoded.
        seconds: Time the suite took.
    """

    model: str
    weights: str
    device: str
    results: tuple[Result, ...]
    parameters: int | None = None
    trainable: int | None = None
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    ms_per_image: float | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> list[Result]:
        """The checks that failed."""
        return [result for result in self.results if result.status == "failed"]

    @property
    def summary(self) -> str:
        """One line: counts, speed, size."""
        statuses = [result.status for result in self.results]
        parts = [
            f"{self.model}: {statuses.count('ok')} ok, {statuses.count('failed')} failed, "
            f"{statuses.count('not applicable')} not applicable"
        ]
        if self.ms_per_image is not None:
            parts.append(f"{self.ms_per_image:.1f} ms an image on {self.device}")
        if self.parameters is not None:
            parts.append(f"{millions(self.parameters)} parameters")
            parts[-1] += f" ({millions(self.trainable or 0)} trained)"
        parts.append({"none": "no weights"}.get(self.weights, f"{self.weights} weights"))
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON."""
        return {"ok": self.ok, **asdict(self)}


def millions(count: int) -> str:
    """A number of parameters for people."""
    return f"{count / 1e6:.2f}M" if count >= 10_000 else f"{count:,}"
