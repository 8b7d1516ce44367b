"""Models that read reports: what a metric or a table of labels is computed with.

A reader is declared by a card (`cards/*.yaml`), found or fetched by revision and SHA-256
(`find_reader`), and what it says of a text is kept by the text's hash (`Kept`), so that each
distinct text is read once over all runs.
"""

from cxrbench.readers.card import ReaderCard, reader_card, reader_ids
from cxrbench.readers.files import FoundReader, ReaderUnavailable, find_reader
from cxrbench.readers.kept import Kept

__all__ = [
    "FoundReader", "Kept", "ReaderCard", "ReaderUnavailable", "find_reader", "reader_card",
    "reader_ids",
]  # fmt: skip
