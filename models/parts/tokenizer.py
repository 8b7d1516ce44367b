"""Tokenizers of BERT and RoBERTa, from the files of a model's hub page or from none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from cxrbench.errors import WeightsError

from .tokens import Tokens

Kind = Literal["bert", "roberta"]

# (start, padding, end, unknown) with the ids they have in the vocabularies of BERT and RoBERTa.
_SPECIAL: Mapping[Kind, Mapping[str, int]] = {
    "bert": {"[CLS]": 101, "[PAD]": 0, "[SEP]": 102, "[UNK]": 100},
    "roberta": {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3},
}
_FIRST_FREE = {"bert": 1000, "roberta": 4}
_PRINTABLE = range(0x21, 0x7F)


class TextTokenizer:
    """Turns texts into `Tokens`: start token, pieces, end token.

    Args:
        kind: WordPiece of BERT, or byte-level BPE of RoBERTa.
        max_tokens: Longer texts are cut on the right, start and end included.
        lowercase: Of BERT.
        special_ids: Ids of the start, padding, end and unknown tokens where they are not those of
            the first BERT or RoBERTa.
        files: By role: `tokenizer` (`tokenizer.json`, or a `vocab.txt`), or `vocabulary` and
            `merges` of a RoBERTa. None: every character (BERT) or byte (RoBERTa) is a token, which
            is all that an encoder with random weights needs.

    Raises:
        WeightsError: When the files are not whole, or their special tokens are others.
    """

    def __init__(
        self,
        kind: Kind,
        max_tokens: int,
        *,
        lowercase: bool = False,
        special_ids: tuple[int, int, int, int] | None = None,
        files: Mapping[str, Path] | None = None,
    ) -> None:
        known = _SPECIAL[kind]
        special = dict(zip(known, special_ids or known.values(), strict=True))
        self.pad_id = special["[PAD]" if kind == "bert" else "<pad>"]
        tokenizer = (
            _from_files(kind, files, lowercase)
            if files
            else _by_character(kind, special, lowercase)
        )
        found = {token: tokenizer.token_to_id(token) for token in special}
        if found != special:
            raise WeightsError(
                "the tokenizer does not fit the encoder",
                why=f"{', '.join(map(str, (files or {}).values()))}: special tokens "
                f"{found}, expected {special}",
                fix="use the tokenizer files that the card names",
            )
        start, pad, end, _ = special
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{start} $A {end}",
            special_tokens=[(start, special[start]), (end, special[end])],
        )
        tokenizer.enable_truncation(max_tokens)
        tokenizer.enable_padding(pad_id=special[pad], pad_token=pad)
        self._tokenizer = tokenizer

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Tokenise texts and pad them to the longest."""
        encoded = self._tokenizer.encode_batch(list(texts))
        return Tokens(
            ids=torch.tensor([one.ids for one in encoded]),
            mask=torch.tensor([one.attention_mask for one in encoded], dtype=torch.bool),
        )


def _from_files(kind: Kind, files: Mapping[str, Path], lowercase: bool) -> Tokenizer:
    whole = files.get("tokenizer")
    try:
        if whole is not None and whole.suffix == ".json":
            return Tokenizer.from_file(str(whole))
        if kind == "bert" and whole is not None:
            vocabulary = models.WordPiece.read_file(str(whole))
            return _word_pieces(dict(vocabulary), lowercase)
        if kind == "roberta" and {"vocabulary", "merges"} <= set(files):
            found = models.BPE.read_file(str(files["vocabulary"]), str(files["merges"]))
            return _byte_pairs(*found)
    except Exception as error:  # the library raises nothing more specific
        raise WeightsError(
            "cannot read the tokenizer",
            why=f"{', '.join(map(str, files.values()))}: {error}",
            fix="fetch it again, complete",
        ) from error
    raise WeightsError(
        "the tokenizer is not whole",
        why=f"found {', '.join(sorted(files))}",
        fix="a RoBERTa needs `vocabulary` and `merges`, or a tokenizer.json",
    )


def _by_character(kind: Kind, special: Mapping[str, int], lowercase: bool) -> Tokenizer:
    """A vocabulary of single characters, or bytes, at ids that every encoder of the kind has."""
    vocabulary, first = dict(special), _FIRST_FREE[kind]
    if kind == "roberta":
        symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
        vocabulary |= {symbol: first + row for row, symbol in enumerate(symbols)}
        return _byte_pairs(vocabulary, [])
    for row, code in enumerate(_PRINTABLE):
        vocabulary |= {chr(code): first + 2 * row, f"##{chr(code)}": first + 2 * row + 1}
    return _word_pieces(vocabulary, lowercase)


def _word_pieces(vocabulary: dict[str, int], lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def _byte_pairs(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer
