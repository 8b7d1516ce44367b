"""Runs the encoders that read on a phantom, and the same in the plainest way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from bench import Bench
from reading_plugin.reading import Reader, vector

from cxrbench.building import build
from cxrbench.data.images import read_grey
from cxrbench.data.transforms import apply_geometry, normalise
from cxrbench.encoder import ImageBatch
from cxrbench.registry import Registry
from cxrbench.results.predictions import read_predictions
from cxrbench.results.store import Store

PLUGIN = Path(__file__).parent / "reading_plugin"


class ReadingBench(Bench):
    """A bench whose plugin holds the encoders that read."""

    def __init__(self, root: Path, runs: Path) -> None:
        self.root = root
        self.store = Store(runs)
        self.registry = Registry.discover([PLUGIN])

    def predictions(self, record, name="test"):
        artifact = record.artifacts[f"predictions-{name}"]
        return read_predictions(self.store.run_folder(record.run_id) / artifact.path)


def pooled(planned, context):
    """The encoder, and the pooled vector of each test image, one at a time."""
    encoder, _ = build(planned.model, planned.weights, planned.spec.seed)
    found = []
    for sample in planned.data.splits["test"].samples:
        image = apply_geometry(read_grey(sample.image), encoder.image_spec)
        batch = ImageBatch(
            normalise(torch.from_numpy(image.copy())[None], encoder.image_spec),
            [sample.view],
            [sample.context] if context else None,
        )
        with torch.inference_mode():
            found.append(encoder.encode_image(batch).pooled[0].double().numpy())
    return encoder, np.stack(found)


def read(encoder: Reader, text):
    """The vector of a text before it is projected."""
    with torch.inference_mode():
        return encoder.read(vector(text)[None])[0].double().numpy()


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
