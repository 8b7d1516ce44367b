"""Texts to the word pieces of a BERT."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import BertWordPieceTokenizer
from tokenizers.models import WordPiece

from cxrbench.errors import WeightsError

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


class WordPieces:
    """The tokenizer of an uncased BERT, as transformers' `BertTokenizer` builds it of a vocabulary.

    Attributes:
        pad: Id of the token that fills up a batch.
    """

    def __init__(self, vocabulary: Path, *, most: int, size: int) -> None:
        """Read a vocabulary.

        Args:
            vocabulary: `vocab.txt`, a piece a line.
            most: Longest sequence, with the tokens before and after the text; the rest is cut off.
            size: Pieces that the network knows at most.

        Raises:
            WeightsError: When it cannot be read, lacks special tokens of BERT, or has more
                pieces than the network.
        """
        try:
            words = WordPiece.read_file(str(vocabulary))
        except Exception as error:  # the library raises bare exceptions
            raise _unreadable(vocabulary, str(error)) from error
        missing = [word for word in _SPECIAL if word not in words]
        if missing:
            raise _unreadable(vocabulary, f"it has no {' and no '.join(missing)}")
        if len(words) > size:
            raise _unreadable(vocabulary, f"it has {len(words)} pieces, the network knows {size}")
        self.pad: int = words["[PAD]"]
        self._tokenizer = BertWordPieceTokenizer(words, lowercase=True)
        self._tokenizer.enable_truncation(most)

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, `[CLS]` before and `[SEP]` behind it."""
        return [found.ids for found in self._tokenizer.encode_batch(list(texts))]

    def of_words(self, words: Sequence[str]) -> list[list[int]]:
        """Ids of the pieces of each word alone, none for a word without any."""
        found = self._tokenizer.encode_batch(list(words), add_special_tokens=False)
        return [one.ids for one in found]


def _unreadable(path: Path, why: str) -> WeightsError:
    return WeightsError(
        f"cannot read the vocabulary {path.name}", why=why, fix="fetch it again, complete"
    )
