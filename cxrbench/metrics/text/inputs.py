"""What metrics of reports are computed from: references and generated texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np

from cxrbench.errors import BadRequest, DataError
from cxrbench.metrics.ranking import FloatArray, IntArray
from cxrbench.metrics.text.ids import Cut
from cxrbench.metrics.text.prepare import prepare

T = TypeVar("T")


class Tokenizer(Protocol):
    """What cuts references by tokens; `tokenizers.Tokenizer` is one."""

    def encode(self, sequence: str, *, add_special_tokens: bool) -> Any:
        """An object whose `offsets` are the first and last character of each token."""
        ...


@dataclass(frozen=True, eq=False)
class Corpus:
    """N pairs of texts, and what was counted in them; nothing is counted twice.

    Attributes:
        references: N reference reports.
        generated: N generated reports.
        tokenizer: What `-refNtokens` metrics cut references with.
        cuts: References that were cut before, by the cut.
    """

    references: tuple[str, ...]
    generated: tuple[str, ...]
    tokenizer: Tokenizer | None = None
    cuts: Mapping[Cut, Sequence[str]] = field(default_factory=dict)
    _known: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The result of `compute`, which is kept under the key."""
        if key not in self._known:
            self._known[key] = compute()
        found: T = self._known[key]
        return found

    def prepared(self, preset: str, cut: Cut | None) -> tuple[list[str], list[str]]:
        """References and generated texts under a preset; cutting comes first.

        Raises:
            MetricUnavailable: When the preset needs Java and there is none.
            BadRequest: When a cut by tokens has no tokenizer.
        """
        references = self.once(
            ("reference", preset, cut), lambda: prepare(self.cut_references(cut), preset)
        )
        generated = self.once(("generated", preset), lambda: prepare(self.generated, preset))
        return references, generated

    def cut_references(self, cut: Cut | None) -> Sequence[str]:
        """References up to the end of their last kept word or token.

        Raises:
            BadRequest: When tokens are asked for and there is no tokenizer.
        """
        if cut is None:
            return self.references
        if cut in self.cuts:
            return self.cuts[cut]
        if cut.unit == "words":
            return [_first_words(text, cut.length) for text in self.references]
        if self.tokenizer is None:
            raise BadRequest(
                f"references cannot be cut to {cut.length} tokens",
                why="no tokenizer was given",
                fix="give one (--tokenizer FILE), or cut by words",
            )
        return [_first_tokens(text, cut.length, self.tokenizer) for text in self.references]

    @cached_property
    def first_of_reference(self) -> IntArray:
        """Position of the first pair of each distinct reference, ascending."""
        first: dict[str, int] = {}
        for position, text in enumerate(self.references):
            first.setdefault(text, position)
        return np.array(list(first.values()), dtype=np.intp)


@dataclass(frozen=True, eq=False)
class TextInput:
    """Some of the pairs of a corpus.

    Counts are those of the corpus: what CIDEr calls rare is told by all its references, also where
    a part of the pairs is scored or resampled.

    Attributes:
        corpus: All pairs.
        rows: (N,) the pairs that are scored, in order.
    """

    corpus: Corpus
    rows: IntArray

    @classmethod
    def of(
        cls: type[I],
        references: Sequence[str],
        generated: Sequence[str],
        tokenizer: Tokenizer | None = None,
        cuts: Mapping[Cut, Sequence[str]] | None = None,
    ) -> I:
        """All pairs of references and generated texts; see `Corpus`.

        Raises:
            DataError: When there is none, or their numbers differ.
        """
        if len(references) != len(generated) or not len(references):
            raise DataError(
                "generated reports do not fit the references",
                why=f"{len(generated)} generated reports, {len(references)} references",
                fix="give one generated report a reference, and at least one",
            )
        corpus = Corpus(tuple(references), tuple(generated), tokenizer, cuts or {})
        return cls(corpus, np.arange(len(references), dtype=np.intp))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def n(self) -> int:
        """Pairs."""
        return len(self.rows)

    @property
    def names(self) -> Sequence[str]:
        """Nothing is averaged over."""
        return ()

    @property
    def n_by_name(self) -> dict[str, int]:
        """See `names`."""
        return {}

    def take(self: I, rows: IntArray) -> I:
        """Some of the pairs, in that order."""
        return type(self)(self.corpus, self.rows[rows])

    def once(self, key: Hashable, compute: Callable[[Corpus], FloatArray]) -> FloatArray:
        """(N, ...) values of the pairs that are scored, of what is computed once of the corpus."""
        return self.corpus.once(key, lambda: compute(self.corpus))[self.rows]

    @cached_property
    def share(self) -> FloatArray:
        """(N,) one over the number of pairs that have the same reference."""
        references = [self.corpus.references[row] for row in self.rows]
        times = Counter(references)
        return np.array([1.0 / times[text] for text in references])

    @cached_property
    def constant(self: I) -> I:
        """The same pairs with the most frequent reference in place of every generated text.

        Of equally frequent ones it is the first in alphabetical order.
        """
        times = Counter(self.corpus.references[row] for row in self.rows)
        text = min(times, key=lambda reference: (-times[reference], reference))
        corpus = self.corpus.once(
            ("constant", text),
            lambda: Corpus(
                self.corpus.references,
                (text,) * len(self.corpus.references),
                self.corpus.tokenizer,
                self.corpus.cuts,
            ),
        )
        return type(self)(corpus, self.rows)


I = TypeVar("I", bound=TextInput)  # noqa: E741 - as `D` and `M` of the metrics


def _first_words(text: str, length: int) -> str:
    words = text.split(maxsplit=length)
    if len(words) <= length:
        return text
    return text[: len(text) - len(words[-1])].rstrip()


def _first_tokens(text: str, length: int, tokenizer: Tokenizer) -> str:
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    return text if len(offsets) <= length else text[: offsets[length - 1][1]]
