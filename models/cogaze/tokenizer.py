"""The tokenizer: byte-level BPE of DistilGPT2 with nine special tokens, and the templates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from cxrbench.errors import WeightsError

from ..parts.tokens import Tokens

PAD = "[PAD]"
SPECIAL_TOKENS = (
    "<|endoftext|>",
    PAD,
    "[SEP]",
    "[CLS]",
    "[INDICATION]",
    "[HISTORY]",
    "[Similar Cases]",
    "[FINDINGS]",
    "[TRANSCRIPT]",
)
"""In the order of their ids, which are the last of the vocabulary."""


def special_ids(vocab_size: int, special: Sequence[str] = SPECIAL_TOKENS) -> dict[str, int]:
    """The id of every special token in a vocabulary of that size."""
    first = vocab_size - len(special)
    return {token: first + offset for offset, token in enumerate(special)}


def report_text(findings: str) -> str:
    """The text of a report, as the alignment was trained on it."""
    return f"[CLS] [FINDINGS] {findings}"


def context_text(indication: str, history: str = "") -> str:
    """The clinical context of an image, as the encoder was trained on it."""
    parts = ("[CLS] [INDICATION]", indication, "[SEP] [HISTORY]", history)
    return " ".join(part for part in parts if part)


def transcript_text(words: str) -> str:
    """What a reader said, as the gaze term was trained on it."""
    return f"[CLS] [TRANSCRIPT] {words}"


class CoGazeTokenizer:
    """Turns texts into `Tokens`.

    Args:
        vocab_size: Size of the vocabulary, special tokens included.
        max_tokens: Longer texts are cut on the right.
        file: `tokenizer.json` of DistilGPT2. None: every byte is a token of its own, with GPT-2's
            id, which is all that an encoder with random weights needs.
        special: The special tokens, in the order of their ids.

    Raises:
        WeightsError: When the special tokens of the file do not get the ids of `special_ids`.
    """

    def __init__(
        self,
        vocab_size: int,
        max_tokens: int,
        file: Path | None = None,
        special: Sequence[str] = SPECIAL_TOKENS,
    ) -> None:
        ids = special_ids(vocab_size, special)
        self._tokenizer = _byte_tokenizer(ids) if file is None else Tokenizer.from_file(str(file))
        self._tokenizer.add_special_tokens(list(special))
        found = {token: self._tokenizer.token_to_id(token) for token in special}
        if found != ids:
            raise WeightsError(
                "the tokenizer does not fit the encoder",
                why=f"{file}: special tokens are numbered from {found[special[0]]} to "
                f"{found[special[-1]]}, expected {vocab_size - len(ids)} to "
                f"{vocab_size - 1}",
                fix="use tokenizer.json of distilbert/distilgpt2",
            )
        self._tokenizer.enable_truncation(max_tokens)
        self._tokenizer.enable_padding(pad_id=ids[PAD], pad_token=PAD)

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Tokenise texts, which may hold special tokens, and pad them to the longest."""
        encoded = self._tokenizer.encode_batch(list(texts))
        return Tokens(
            ids=torch.tensor([one.ids for one in encoded]),
            mask=torch.tensor([one.attention_mask for one in encoded], dtype=torch.bool),
        )

    def copy(self) -> Tokenizer:
        """The tokenizer by itself, which neither pads nor cuts."""
        found = Tokenizer.from_str(self._tokenizer.to_str())
        found.no_padding()
        found.no_truncation()
        return found


def _byte_tokenizer(special: dict[str, int]) -> Tokenizer:
    vocabulary = {symbol: index for index, symbol in enumerate(_byte_symbols())}
    tokenizer = Tokenizer(models.BPE(vocab={**vocabulary, **special}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _byte_symbols() -> list[str]:
    """The characters that stand for the 256 bytes, in the order of GPT-2's ids.

    The bytes that print stand for themselves and come first; the others follow in ascending
    order as the characters from U+0100 on.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = 256 - len(printable)
    return [chr(byte) for byte in printable] + [chr(0x100 + n) for n in range(others)]
