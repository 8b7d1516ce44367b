"""Sentences as medspaCy's PyRuSH divides a report, from another Python where it is installed.

RaTEScore is defined on these sentences. medspaCy 1.3.1 wants NumPy below 2 (through spaCy 3.7), so
that it lives in an environment of its own, of which `CXRBENCH_MEDSPACY_PYTHON` names the Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cxrbench.errors import WeightsError

VARIABLE = "CXRBENCH_MEDSPACY_PYTHON"
_PROGRAM = Path(__file__).parent / "split_sentences.py"
_SHORTEST = 3
"""Characters of a sentence; RaTEScore leaves out what is shorter."""


class SplitterUnavailable(WeightsError):  # noqa: N818  (as `ReaderUnavailable`)
    """There is no Python with medspaCy."""


def split_sentences(texts: Sequence[str]) -> list[list[str]]:
    """The sentences of each text, without blanks around them; those under 3 characters left out.

    Raises:
        SplitterUnavailable: When the other Python cannot be started, or medspaCy fails there.
    """
    python = os.environ.get(VARIABLE) or sys.executable
    # What this Python was told of its packages is no business of the other one.
    ours = {"PYTHONPATH", "PYTHONHOME"} if python != sys.executable else set()
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    try:
        done = subprocess.run(  # noqa: S603 - the user's own Python, no shell
            [python, str(_PROGRAM)],
            input=json.dumps(list(texts)),
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment,
            check=False,
        )
        found = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError) as error:
        raise _unavailable(python, str(error)) from error
    if not isinstance(found, list) or len(found) != len(texts):
        lines = done.stderr.strip().splitlines()
        raise _unavailable(python, lines[-1] if lines else f"it ended with {done.returncode}")
    return [
        [one.strip() for one in sentences if len(one.strip()) >= _SHORTEST] for sentences in found
    ]


def _unavailable(python: str, why: str) -> SplitterUnavailable:
    return SplitterUnavailable(
        "medspaCy, which divides reports into sentences, is not here",
        why=f"{python}: {why}",
        fix=f"`pip install medspacy` in an environment of its own (Python 3.11, NumPy below 2) and "
        f"let {VARIABLE} name its Python",
    )
