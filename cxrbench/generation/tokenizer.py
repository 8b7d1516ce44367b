"""Reports as token ids of a decoder, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from cxrbench.errors import BadRequest, WeightsError
from cxrbench.generation.text import cleaned

START = END = "<|endoftext|>"
PAD = "[PAD]"


class Tokens(Protocol):
    """What turns texts into the ids of a decoder, and back.

    Attributes:
        start_id: What every text begins with.
        end_id: What ends a text.
        pad_id: What fills up; it may be the same as the two.
        vocab_size: Of the decoder, special tokens included.
    """

    start_id: int
    end_id: int
    pad_id: int
    vocab_size: int

    def save(self, path: Path) -> None:
        """Write a file."""
        ...

    def encode(self, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
        """Ids with start and end token; a text that is too long is cut and has no end."""
        ...

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Texts without special tokens."""
        ...


class ReportTokenizer:
    """Byte-level tokens between a start and an end token.

    Args:
        tokenizer: Of the `tokenizers` library.
        start: Token that every text begins with; in GPT-2 it is that which ends a text, too.
        end: Token that ends a text.
        pad: Token that fills up.

    Attributes:
        start_id: Id of `start`.
        end_id: Id of `end`.
        pad_id: Id of `pad`.
        vocab_size: Of the decoder: the highest id and one more.

    Raises:
        BadRequest: When the tokenizer lacks one of them.
    """

    def __init__(
        self, tokenizer: Tokenizer, *, start: str = START, end: str = END, pad: str = PAD
    ) -> None:
        self._tokenizer = tokenizer
        self.start_id, self.end_id, self.pad_id = map(self.id_of, (start, end, pad))
        self.vocab_size: int = max(tokenizer.get_vocab().values()) + 1

    @classmethod
    def from_file(cls, path: Path, special: Sequence[str] = (START, PAD)) -> ReportTokenizer:
        """Read a `tokenizer.json`.

        Args:
            path: The file.
            special: Tokens to add, in the order of their ids, where the file lacks them.

        Raises:
            WeightsError: When it cannot be read.
        """
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing more specific
            raise WeightsError(
                "cannot read the tokenizer", why=f"{path}: {error}", fix="give a tokenizer.json"
            ) from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.add_special_tokens(list(special))
        return cls(tokenizer)

    @classmethod
    def learn(cls, texts: Iterable[str], vocab_size: int) -> ReportTokenizer:
        """Learn the pairs of bytes of a corpus, for a decoder that is trained from nothing.

        Args:
            texts: Of the training split alone.
            vocab_size: Largest number of tokens, special ones included; at least 258.
        """
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=[START, PAD],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer)

    def save(self, path: Path) -> None:
        """Write a `tokenizer.json`."""
        self._tokenizer.save(str(path))

    def encode(self, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
        """Ids with start and end token; a text that is too long is cut and has no end."""
        found = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [[self.start_id, *one.ids, self.end_id][:max_tokens] for one in found]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Texts without special tokens and without what cannot be printed."""
        return [cleaned(text) for text in self._tokenizer.decode_batch([list(r) for r in rows])]

    def id_of(self, token: str) -> int:
        """The id of a token.

        Raises:
            BadRequest: When there is no such token.
        """
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            raise BadRequest(
                "the tokenizer does not fit a report decoder",
                why=f"it has no token {token}",
                fix="add it as a special token, or name the one it has",
            )
        return found
