"""What readers built on BERT share: files, the network when it is needed, and what is kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import BertConfig

from cxrbench.readers.batches import Precision, ready, run_by_length, usual_device
from cxrbench.readers.files import FoundReader, find_reader
from cxrbench.readers.kept import Kept
from cxrbench.readers.wordpiece import WordPieces
from cxrbench.weights.load import load

R = TypeVar("R", bound="BertReader")
N = TypeVar("N", bound=np.generic)

_resident: dict[str, tuple[tuple[str, str, str], BertReader]] = {}
"""The last one loaded of each id."""


class BertReader(ABC):
    """Reads texts; what it said of a text before is not computed again.

    Attributes:
        reader: Id of its card.
        found: Its files. The network is built and filled when the first new text comes.
    """

    reader: ClassVar[str]

    def __init__(
        self, found: FoundReader, device: torch.device, precision: Precision = "float32"
    ) -> None:
        """Take the files found.

        Args:
            found: Files of this reader.
            device: Where the network works.
            precision: Of the network. What is kept is kept by precision.
        """
        self.found = found
        self._device, self._precision = device, precision
        self._parts: tuple[Any, WordPieces] | None = None

    @classmethod
    def load(
        cls: type[R],
        found: FoundReader | None = None,
        *,
        device: torch.device | None = None,
        precision: Precision = "float32",
        fetch: bool = True,
    ) -> R:
        """Find it on this machine, or fetch it; the last one loaded stays in memory.

        Args:
            found: Files found already.
            device: None: a GPU where there is one.
            precision: See the class.
            fetch: Whether to download what is absent.

        Raises:
            ReaderUnavailable: When files are neither here nor to be had.
            WeightsError: When one is not the declared file.
        """
        found = found or find_reader(cls.reader, fetch=fetch)
        device = device or usual_device()
        key = (found.digest, str(device), precision)
        known, reader = _resident.get(cls.reader, (None, None))
        if known != key or not isinstance(reader, cls):
            reader = cls(found, device, precision)
            _resident[cls.reader] = key, reader
        return reader

    @abstractmethod
    def sizes(self) -> dict[str, Any]:
        """Settings of transformers' `BertConfig`.

        Raises:
            WeightsError: When a file that tells them cannot be read.
        """

    @abstractmethod
    def build(self, config: BertConfig) -> nn.Module:
        """The network, with the names of the checkpoint after the mapping of the card."""

    def read(
        self,
        texts: Sequence[str],
        what: str,
        last: Callable[[Any, Tensor, Tensor], Tensor],
        width: int,
        kind: type[N],
    ) -> npt.NDArray[N]:
        """What the network says of each text, from what is kept where it was read before.

        Args:
            texts: N texts, at least one, cleaned.
            what: Name of the rows, such as `labels`.
            last: The network, (B, L) ids and mask to (B, `width`) rows.
            width: Length of a row.
            kind: Type of its numbers.

        Returns:
            (N, `width`) rows.

        Raises:
            WeightsError: When the checkpoint does not fill the network completely.
        """

        def compute(rows: list[int]) -> npt.NDArray[N]:
            network, pieces = self._network()
            found = run_by_length(
                pieces([texts[row] for row in rows]),
                lambda ids, mask: last(network, ids, mask),
                pad=pieces.pad,
                device=self._device,
            )
            return found.numpy().astype(kind)

        store = "-".join((self.reader, what, self._precision))
        size = width * np.dtype(kind).itemsize
        title = f"{self.found.card.title} reads reports"
        return Kept(store, self.found.digest).read(texts, compute, row_bytes=size, title=title)

    def _network(self) -> tuple[Any, WordPieces]:
        if self._parts is None:
            sizes = self.sizes()
            config = BertConfig(**sizes)
            pieces = WordPieces(
                self.found[f"{self.reader}-vocabulary"],
                most=config.max_position_embeddings,
                size=config.vocab_size,
            )
            network = self.build(config)
            load(network, self.found.card, self.found.files)
            self._parts = ready(network, self._device, self._precision), pieces
        return self._parts


def one_line(text: str) -> str:
    """A text on one line with single blanks."""
    return " ".join(text.split())
