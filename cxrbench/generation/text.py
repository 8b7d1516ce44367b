"""What is done to a text that a decoder wrote."""

from __future__ import annotations


def cleaned(text: str) -> str:
    """The text without characters that cannot be printed, and without space around it.

    Line breaks stay, as structured reports need them; a decoder that was cut within a character
    leaves a replacement character, which goes.
    """
    kept = (c for c in text if (c.isprintable() or c == "\n") and c != "\N{REPLACEMENT CHARACTER}")
    return "".join(kept).strip()
