"""The most similar image of the training split, by the cosine of pooled features."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from cxrbench.atomic import atomic_path
from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import Sample, Split
from cxrbench.hashing import sha256_json
from cxrbench.paths import cache_dir
from cxrbench.progress import track

_AT_ONCE = 512

Rows = npt.NDArray[np.int64]


def nearest_images(store: RowStore, queries: Split, bank: Split, device: str) -> Rows:
    """For each image its nearest one of another study, found once and kept on disk.

    Args:
        store: Pooled features of all images.
        queries: N images.
        bank: M images to look among.
        device: Where it is computed.

    Returns:
        (N,) positions in the bank; of equally near ones the first, -1 where all are of the query's
        own study.
    """
    # All that features may depend on: where one changes, so may who is nearest.
    told = [
        [_study(s), s.id, s.stamp, s.view, s.context]
        for split in (queries, bank)
        for s in split.samples
    ]
    key = sha256_json([str(store.folder), len(queries), told])[:24]
    path = cache_dir() / "neighbours" / f"{key}.npy"
    if not path.exists():
        found = _nearest(store, queries, bank, device)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, found)
    rows: Rows = np.load(path)
    return rows


def _nearest(store: RowStore, queries: Split, bank: Split, device: str) -> Rows:
    kept = F.normalize(torch.from_numpy(store.stack(bank.ids)).float(), dim=1).to(device)
    studies = {name: number for number, name in enumerate(sorted(map(_study, bank.samples)))}
    of_bank = torch.tensor([studies[_study(sample)] for sample in bank.samples], device=device)
    found = []
    starts = range(0, len(queries), _AT_ONCE)
    for start in track(list(starts), "similar cases"):
        samples = queries.samples[start : start + _AT_ONCE]
        asked = torch.from_numpy(store.stack([sample.id for sample in samples])).float()
        likeness = F.normalize(asked, dim=1).to(device) @ kept.T
        own = torch.tensor([studies.get(_study(s), -1) for s in samples], device=device)
        likeness[own[:, None] == of_bank] = -torch.inf
        # argmax may return any of equal ones.
        best = likeness.max(dim=1, keepdim=True).values
        first = (likeness == best).int().argmax(dim=1)
        found.append(torch.where(best[:, 0].isinf(), -1, first).cpu())
    return torch.cat(found).numpy().astype(np.int64)


def _study(sample: Sample) -> str:
    """What must not be found for itself: the study, of which another image has the same report."""
    return sample.study or f"image {sample.id}"
