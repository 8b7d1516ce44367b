"""One decoding step of all beams of R2Gen at once."""

from __future__ import annotations

from functools import partial
from typing import cast

from torch import Tensor

from cxrbench.generation.cache import TextCache
from cxrbench.generation.relational.transformer import RelationalTransformer


class RelationalSteps:
    """Steps of R2Gen over a batch of images; every beam has a relational memory of its own.

    Args:
        network: In eval mode.
        visual: B×T×C visual tokens, as the encoder takes them.
        beams: K of each image.
    """

    def __init__(self, network: RelationalTransformer, visual: Tensor, beams: int) -> None:
        self._network, self._layers = network, network.decoder_layers
        memory = network.encode(visual)
        self._image = [layer.image.read(memory) for layer in self._layers]
        self._past = TextCache(len(visual), beams, visual.device)
        self._slots = network.memory.start(memory)[:, None]

    def begin(self, start: Tensor) -> Tensor:
        """The first token of every image, B int64, to B×1×V logits of the next."""
        self._past.begin()
        return self._forward(start[:, None])

    def next(self, parents: Tensor, tokens: Tensor) -> Tensor:
        """Another token, B×K int64, for the beams that continue `parents`, to B×K×V logits."""
        self._past.branch(parents)
        width = self._slots.shape[2]
        self._slots = self._slots.gather(1, parents[..., None].expand(-1, -1, width))
        return self._forward(tokens)

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the images, int64 row numbers, alone."""
        self._image = [(keys[rows], values[rows]) for keys, values in self._image]
        self._slots = self._slots[rows]
        self._past.keep(rows)

    def _forward(self, tokens: Tensor) -> Tensor:
        network = self._network
        size, beams = tokens.shape
        # All beams are at the same position; side by side they would be at those of one text.
        words = network.embed(tokens.reshape(-1, 1), self._past.position - 1)[:, 0]
        slots = network.memory.step(self._slots.flatten(0, 1), words)
        self._slots, hidden = slots.reshape(size, beams, -1), words.reshape(size, beams, -1)
        for number, layer in enumerate(self._layers):
            remember = partial(self._past.extend, number)
            hidden = layer(hidden, self._slots, self._image[number], self._past.seen, remember)
        return cast(Tensor, network.output(network.decoder_norm(hidden)))
