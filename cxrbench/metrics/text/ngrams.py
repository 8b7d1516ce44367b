"""N-grams of many texts at once, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
ORDERS = 4


@dataclass(frozen=True)
class Counts:
    """How often each n-gram of one length stands in each text; pairs that occur, sorted.

    Attributes:
        text: (P,) index of the text.
        gram: (P,) number of the n-gram, the same in both sides of a comparison.
        count: (P,) how often, from 1.
    """

    text: Ints
    gram: Ints
    count: Ints


@dataclass(frozen=True)
class NGrams:
    """N-grams of N references and N generated texts, up to four words long.

    Attributes:
        references: Counts for each length, from one word.
        generated: The same of the generated texts.
        reference_words: (N,) words.
        generated_words: (N,) words.
        kinds: Distinct n-grams of each length.
    """

    references: tuple[Counts, ...]
    generated: tuple[Counts, ...]
    reference_words: Ints
    generated_words: Ints
    kinds: tuple[int, ...]

    def shared(self, order: int) -> tuple[Ints, Ints]:
        """Pairs of text and n-gram that both sides have: positions in either side's counts."""
        kinds = max(1, self.kinds[order])
        ours, theirs = self.references[order], self.generated[order]
        _, left, right = np.intersect1d(
            ours.text * kinds + ours.gram,
            theirs.text * kinds + theirs.gram,
            assume_unique=True,
            return_indices=True,
        )
        return left, right


def count_ngrams(references: Sequence[str], generated: Sequence[str]) -> NGrams:
    """Count n-grams; words are what white space divides.

    Args:
        references: N texts.
        generated: N texts.
    """
    number: dict[str, int] = {}
    words: list[int] = []
    lengths = np.zeros(len(references) + len(generated), dtype=np.int64)
    for position, text in enumerate((*references, *generated)):
        tokens = text.split()
        lengths[position] = len(tokens)
        words += [number.setdefault(token, len(number)) for token in tokens]
    gram = word = np.asarray(words, dtype=np.int64)
    # How many words are left in the text from each word on, itself included.
    left = np.repeat(lengths.cumsum(), lengths) - np.arange(len(word))
    text_of = np.repeat(np.arange(len(lengths)), lengths)
    sides: tuple[list[Counts], list[Counts]] = ([], [])
    kinds = []
    for order in range(ORDERS):
        if order:  # the n-gram one shorter that begins here, and the word behind it
            following = np.concatenate([word[order:], np.zeros(order, dtype=np.int64)])
            gram = np.where(left > order, gram * len(number) + following[: len(gram)], -1)
        starts = left > order
        _, dense = np.unique(gram[starts], return_inverse=True)
        kinds.append(int(dense.max()) + 1 if dense.size else 0)
        gram = np.zeros_like(word)
        gram[starts] = dense
        pair, count = np.unique(text_of[starts] * max(1, kinds[-1]) + dense, return_counts=True)
        owner, kind = np.divmod(pair, max(1, kinds[-1]))
        split = int(np.searchsorted(owner, len(references)))
        sides[0].append(Counts(owner[:split], kind[:split], count[:split]))
        sides[1].append(Counts(owner[split:] - len(references), kind[split:], count[split:]))
    return NGrams(
        references=tuple(sides[0]),
        generated=tuple(sides[1]),
        reference_words=lengths[: len(references)],
        generated_words=lengths[len(references) :],
        kinds=tuple(kinds),
    )
