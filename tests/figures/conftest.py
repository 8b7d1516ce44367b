"""Commands, as `tests/cli` runs them."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def answer(cli):
    """The JSON a command prints; nothing else may be on stdout."""

    def run(*arguments):
        done = cli(*arguments, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    return run


@pytest.fixture
def refused(cli):
    """Runs what has to be refused: exit code 2, nothing on stdout; what stderr says."""

    def run(*arguments):
        done = cli(*arguments)
        assert (done.code, done.out) == (2, "")
        return done.err

    return run
