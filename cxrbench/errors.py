"""Errors that a user can act on: what happened, why, and what to do, in one line each."""

from __future__ import annotations


class CxrbenchError(Exception):
    """Base of every error cxrbench raises on purpose.

    Attributes:
        what: One line: what went wrong.
        why: One line: the cause, with file, row or name.
        fix: One line: what the user can do about it.
        exit_code: The exit code of the command that meets it (1: a run failed, 2: a bad request).
    """

    exit_code = 1

    def __init__(self, what: str, *, why: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what}\n  why: {self.why}\n  do:  {self.fix}"


class BadRequest(CxrbenchError):  # noqa: N818  (it names what it is)
    """The request cannot be carried out as asked; known before any work starts."""

    exit_code = 2


class UnknownNameError(BadRequest):
    """A model, task or protocol of that name is not registered."""


class PluginError(BadRequest):
    """A plugin is broken, or two plugins claim one name."""


class DataError(BadRequest):
    """The data on disk is missing or is not what its card declares."""


class WeightsError(BadRequest):
    """A checkpoint is missing, unsafe, or does not match the encoder completely."""


class MissingDataError(DataError):
    """A data set is not on this machine.

    Attributes:
        name: The data set.
    """

    def __init__(self, what: str, *, why: str, fix: str, name: str) -> None:
        super().__init__(what, why=why, fix=fix)
        self.name = name


class MissingWeightsError(WeightsError):
    """A file of weights is not on this machine.

    Attributes:
        name: The model.
        fetchable: Whether it is open, and was not asked for.
    """

    def __init__(
        self, what: str, *, why: str, fix: str, name: str, fetchable: bool = False
    ) -> None:
        super().__init__(what, why=why, fix=fix)
        self.name = name
        self.fetchable = fetchable


class MixedError(BadRequest):
    """Numbers that were made in different ways would stand in one column."""


class RunError(CxrbenchError):
    """A run failed while it was working."""


class RunBusyError(RunError):
    """Another process is working on the run."""
