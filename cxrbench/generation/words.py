"""Reports as words, the way R2Gen reads IU X-Ray."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from cxrbench.errors import WeightsError

UNKNOWN = "<unk>"
"""A word that is not in the vocabulary; as in R2Gen it stays in the texts that are compared."""
_DROPPED = str.maketrans("", "", "\"'/\\.,?;*!%^&_+():<=>@[]{}")
"""The hyphen is not among them, nor are # $ ~ |."""
_MOST_DOTS = re.compile(r"\.{2,}")
_ENUMERATED = "2345"


def words_of(text: str) -> list[str]:
    """Lower-case words without punctuation; a full stop after every sentence is a word.

    The recipe of R2Gen (arXiv 2010.16056) for IU X-Ray, with what it does not do: a sentence ends
    at a full stop and a space alone; numbers of a list are dropped up to 5, and so is a sentence's
    own "1. "; a sentence without words keeps its full stop; hyphens stay.
    """
    text = _MOST_DOTS.sub(".", text).replace("1. ", "")
    for before in (". ", " "):
        for number in _ENUMERATED:
            text = text.replace(f"{before}{number}. ", ". ")
    sentences = text.strip().lower().split(". ")
    return f"{' . '.join(one.translate(_DROPPED) for one in sentences)} .".split()


class WordTokenizer:
    """Words of `words_of` as ids from 1 on; id 0 begins texts, ends them, and fills up.

    Args:
        words: In the order of their ids, `UNKNOWN` among them.

    Attributes:
        start_id: 0.
        end_id: 0.
        pad_id: 0.
        vocab_size: Words and id 0.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = tuple(words)
        self._ids = {word: number for number, word in enumerate(words, start=1)}
        self._unknown = self._ids[UNKNOWN]
        self.start_id = self.end_id = self.pad_id = 0
        self.vocab_size = len(words) + 1

    @classmethod
    def learn(cls, texts: Iterable[str], least_count: int = 3) -> WordTokenizer:
        """The words of a corpus.

        Args:
            texts: Of the training split alone.
            least_count: A word that stands there less often is unknown.
        """
        counts = Counter(word for text in texts for word in words_of(text))
        known = {word for word, count in counts.items() if count >= least_count}
        return cls(sorted(known | {UNKNOWN}))

    @classmethod
    def from_file(cls, path: Path) -> WordTokenizer:
        """Read what `save` wrote.

        Raises:
            WeightsError: When it cannot be read.
        """
        try:
            words = json.loads(path.read_text(encoding="utf-8"))["words"]
            if UNKNOWN not in words or len(set(words)) < len(words):
                raise ValueError("its words are not those of a vocabulary")
            return cls([str(word) for word in words])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(
                "cannot read the vocabulary",
                why=f"{path}: {error}",
                fix="give the file that a training wrote",
            ) from error

    def save(self, path: Path) -> None:
        """Write a JSON file."""
        content = json.dumps({"words": self._words}, ensure_ascii=False, indent=0)
        path.write_text(content + "\n", encoding="utf-8")

    def encode(self, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
        """Ids with start and end token; a text that is too long is cut and has no end."""
        known = ([self._ids.get(word, self._unknown) for word in words_of(text)] for text in texts)
        return [[self.start_id, *ids, self.end_id][:max_tokens] for ids in known]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Words with a space between them; ids that are no word are left out."""
        known = ([i for i in row if 0 < i < self.vocab_size] for row in rows)
        return [" ".join(self._words[i - 1] for i in row) for row in known]
