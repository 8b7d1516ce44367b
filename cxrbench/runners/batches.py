"""Batches of training in parts that fit a device."""

from __future__ import annotations

from cxrbench.errors import BadRequest


def micro_batch(batch_size: int, accumulate: int, asked: int | None) -> int | None:
    """Samples at once, where that is asked for and is not the recipe's own number.

    Raises:
        BadRequest: When the images of an optimiser step cannot be made of such parts.
    """
    if asked is None or asked == batch_size:
        return None
    effective = batch_size * accumulate
    if effective % asked:
        raise BadRequest(
            f"--batch-size {asked} does not divide the recipe's batch",
            why=f"the protocol trains with {effective} images an optimiser step",
            fix=f"choose a divisor of {effective}; the rest is accumulated",
        )
    return asked
