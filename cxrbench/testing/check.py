"""A check: an id, what it verifies, and a function that says what it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cxrbench.errors import CxrbenchError
from cxrbench.testing.report import Result
from cxrbench.testing.subject import Subject

Verify = Callable[[Subject], str]


class CheckFailed(CxrbenchError):  # noqa: N818 - named after what it says
    """An encoder does not do what it promises."""


class NotApplicable(Exception):  # noqa: N818 - it is an answer, not an error
    """A check has nothing to look at; its message says why."""


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        id: Short name, shown in the table.
        verifies: What holds when it passes, a sentence.
        verify: Returns what it measured; raises `CheckFailed` or `NotApplicable`.
        needs: Ids of checks without whose success this one says nothing.
    """

    id: str
    verifies: str
    verify: Verify
    needs: tuple[str, ...] = ()

    def run(self, subject: Subject, failed: set[str]) -> Result:
        """The result for an encoder; whatever a plugin raises is a failure of this check.

        Args:
            subject: The encoder.
            failed: Ids of the checks that did not succeed so far.
        """
        blocking = [name for name in self.needs if name in failed]
        if blocking:
            return Result(
                self.id, self.verifies, "not applicable", f"needs {', '.join(blocking)} first"
            )
        try:
            return Result(self.id, self.verifies, "ok", self.verify(subject))
        except NotApplicable as reason:
            return Result(self.id, self.verifies, "not applicable", str(reason))
        except CxrbenchError as error:
            return Result(self.id, self.verifies, "failed", error.what, error.why, error.fix)
        except Exception as error:  # a plugin may raise anything
            lines = str(error).strip().splitlines() or ["no message"]
            return Result(
                self.id,
                self.verifies,
                "failed",
                "the encoder raised an error",
                f"{type(error).__name__}: {lines[0]}{_where(error)}",
                f"correct the encoder: {self.verifies}",
            )


def check(id: str, verifies: str, *, needs: tuple[str, ...] = ()) -> Callable[[Verify], Check]:
    """Make a function a check."""

    def decorate(verify: Verify) -> Check:
        return Check(id, verifies, verify, needs)

    return decorate


def require(condition: bool, what: str, *, why: str, fix: str) -> None:
    """Fail the check unless the condition holds."""
    if not condition:
        raise CheckFailed(what, why=why, fix=fix)


def _where(error: Exception) -> str:
    """The innermost line of the plugin, where the trace has one."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if not module.startswith(("cxrbench.", "torch", "transformers", "timm")):
            place = f" ({module}, line {trace.tb_lineno} in {code.co_name})"
        trace = trace.tb_next
    return place
