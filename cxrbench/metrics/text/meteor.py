"""METEOR 1.5 (Denkowski and Lavie 2014) through its Java program, kept open between calls.

The program aligns two texts and answers 23 counts. Counts of reports are added up and turned into
a value by the formula of the program with its parameters for English, so that the value of any
resampled set of reports costs no further alignment.
"""

from __future__ import annotations

import atexit
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import chain

import numpy as np
import numpy.typing as npt

from cxrbench.metrics.base import MetricUnavailable
from cxrbench.metrics.ranking import FloatArray
from cxrbench.metrics.text import java
from cxrbench.progress import track

COUNTS = 23
_CHUNKS = 20
_ALPHA, _BETA, _GAMMA, _DELTA = 0.85, 0.2, 0.6, 0.75
_STAGES = np.array([1.0, 0.6, 0.8, 0.6])
"""Weights of words that match exactly, by stem, as synonyms and as paraphrases."""
_AT_ONCE = 64
"""Pairs sent before answers are read: the answers, 150 bytes each, fit into a pipe of 64 KiB,
so that neither side waits for the other with a full pipe."""
_LINE_ENDS = re.compile("[\n\r]")


def meteor_counts(references: Sequence[str], generated: Sequence[str]) -> FloatArray:
    """Counts of each pair, (N, 23) in the order of the program; equal pairs are aligned once.

    Where every word of both texts matches in one piece, the pieces are 0 and not 1, since the
    program takes nothing off there and does not add the piece to those of a corpus.

    Raises:
        MetricUnavailable: When Java is absent or fails.
    """
    pairs = list(zip(references, generated, strict=True))
    distinct = {pair: position for position, pair in enumerate(dict.fromkeys(pairs))}
    program = _program(os.getpid())
    found = np.array(list(program.align(list(distinct)))).reshape(-1, COUNTS)
    stages = found[:, 4:20].reshape(-1, 4, 2, 2)
    whole = (stages.sum(axis=(1, 2)) == found[:, 0:2]).all(axis=1)
    found[whole & (found[:, _CHUNKS] == 1), _CHUNKS] = 0.0
    return found[[distinct[pair] for pair in pairs]]


def meteor(counts: npt.ArrayLike) -> FloatArray:
    """METEOR of each row of counts, summed over reports or of one report each.

    Args:
        counts: (R, 23).

    Returns:
        (R,) values in 0..1; 0 where no word matches.
    """
    rows = np.asarray(counts, dtype=np.float64)
    lengths, function = rows[:, 0:2], rows[:, 2:4]
    # Four numbers a stage: content words of either text, then function words of either.
    stages = rows[:, 4:20].reshape(-1, 4, 4)
    content, functional = stages[:, :, 0:2], stages[:, :, 2:4]
    weight = _STAGES[:, None]
    matched = (content * weight * _DELTA).sum(axis=1)
    matched += (functional * weight * (1 - _DELTA)).sum(axis=1)
    weighted = _DELTA * (lengths - function) + (1 - _DELTA) * function
    chunks, words = rows[:, _CHUNKS], rows[:, 21:23]
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = (matched / weighted).T
        mean = 1.0 / ((1.0 - _ALPHA) / precision + _ALPHA / recall)
        fragments = chunks / (words.sum(axis=1) / 2.0)
        value = mean * (1.0 - _GAMMA * fragments**_BETA)
    return np.where(np.isnan(value), 0.0, np.maximum(value, 0.0))


class MeteorProgram:
    """The Java program, listening on its standard input."""

    def __init__(self) -> None:
        command = [java.java(), *java.FLAGS, "-jar", str(java.jar(java.METEOR))]
        command += ["-", "-", "-stdio", "-l", "en", "-norm"]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the program
        self._lock = threading.Lock()
        self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
        )

    def align(self, pairs: Sequence[tuple[str, str]]) -> Iterator[list[float]]:
        """The counts of each pair of reference and generated text, in order.

        Raises:
            MetricUnavailable: When the program ends or answers something else.
        """
        parts = [pairs[start : start + _AT_ONCE] for start in range(0, len(pairs), _AT_ONCE)]
        with self._lock:
            try:
                answers = [self._ask(p) for p in track(parts, "METEOR", total=len(parts))]
            except BaseException:
                # Half a conversation is left in the pipes; the next call needs a new program.
                self.close()
                raise
        yield from chain.from_iterable(answers)

    def _ask(self, pairs: Sequence[tuple[str, str]]) -> list[list[float]]:
        lines = "".join(f"SCORE ||| {_clean(r)} ||| {_clean(g)}\n" for r, g in pairs)
        stdin, stdout = self._process.stdin, self._process.stdout
        answers: list[list[float]] = []
        try:
            if stdin and stdout:
                stdin.write(lines.encode("utf-8", "replace"))
                stdin.flush()
                answers = [[float(v) for v in stdout.readline().split()] for _ in pairs]
        except (OSError, ValueError):
            answers = []
        if len(answers) != len(pairs) or any(len(answer) != COUNTS for answer in answers):
            raise MetricUnavailable(
                "METEOR failed",
                why=f"its Java program ended or answered something else: {self._complaint()}",
                fix="check `java -version`, and that 2 GB of memory are free",
            )
        return answers

    def _complaint(self) -> str:
        """The first line that the program wrote as an error."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5)
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return said[0] if said else "no message"

    def close(self) -> None:
        """End the program; a later call starts another."""
        _program.cache_clear()
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(OSError):
                    stream.close()


@lru_cache(maxsize=1)
def _program(process: int) -> MeteorProgram:
    """The program of this process; a forked child must not share its parent's."""
    program = MeteorProgram()
    atexit.register(program.close)
    return program


def _clean(text: str) -> str:
    """A text as one field of one line; bars would divide it, as pycocoevalcap knows."""
    return _LINE_ENDS.sub(" ", text).replace("|||", "").replace("  ", " ")
