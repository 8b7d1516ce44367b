"""Which transcript belongs to which image, as the released code pairs them."""

from __future__ import annotations

import torch
from torch import Tensor


def match_rows(ids: Tensor, owners: Tensor) -> tuple[Tensor, Tensor]:
    """Transcripts told by an image's id to rows of the batch.

    An image that stands in the batch twice takes the transcripts of both, each time.

    Args:
        ids: B int64, numbers of the images.
        owners: S int64, the number of the image each transcript belongs to.

    Returns:
        Positions of transcripts and the row in the batch of each, both of length S' ≥ S where
        every owner is in the batch.
    """
    row, transcript = torch.nonzero(ids[:, None] == owners[None, :], as_tuple=True)
    return transcript, row
