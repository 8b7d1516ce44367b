"""Runs of tokens that a text has already."""

from __future__ import annotations

from torch import Tensor


def repeating(texts: Tensor, length: int, vocab_size: int) -> Tensor:
    """Tokens that would write a run of tokens a second time.

    Args:
        texts: B×K×N int64, start token included; it counts as a token of the text.
        length: Of the runs, such as 3 for trigrams.
        vocab_size: V.

    Returns:
        B×K×V booleans.
    """
    size, count = texts.shape[:2], texts.shape[2]
    # One column more than there are tokens takes what must not be marked.
    marked = texts.new_zeros((*size, vocab_size + 1)).bool()
    if count >= length:
        runs = texts.unfold(2, length, 1)
        latest = texts[:, :, None, count - length + 1 :]
        same = (runs[..., :-1] == latest).all(-1)
        marked.scatter_(2, runs[..., -1].where(same, vocab_size), True)
    return marked[..., :vocab_size]
