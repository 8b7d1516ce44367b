"""Images of a test split compared with texts, by a frozen encoder.

What an encoder says of an image or of a text is kept on disk: a second protocol, another wording or
another seed of the same weights costs what is new. Texts are encoded one at a time, so that no text
depends on the others; equal texts have one vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cxrbench.building import build
from cxrbench.data.prepared import prepare, prepared_store
from cxrbench.data.rowstore import RowStore
from cxrbench.data.samples import Split
from cxrbench.encoder import ImageBatch
from cxrbench.errors import RunError
from cxrbench.hashing import sha256_json, sha256_text
from cxrbench.image_spec import ImageSpec
from cxrbench.progress import track
from cxrbench.runners.base import Job
from cxrbench.runners.batches import encoded_at_once
from cxrbench.runners.comparing import way_to_compare
from cxrbench.runners.keys import feature_store
from cxrbench.runners.recipe import Recipe
from cxrbench.runners.trial import try_encoder
from cxrbench.timing import Timer
from cxrbench.training.features import Compute, Extractor, autocast
from cxrbench.weights.report import LoadReport

Array = npt.NDArray[np.float64]

_BATCH_SIZE = 32
_IMAGES_A_PART = 16
"""Images whose scores with all texts are kept at once, where each pair is a pass of its own."""


@dataclass(frozen=True)
class Comparison:
    """The encoder of a job before the images of its test split.

    Attributes:
        job: The run.
        encoder: Built, filled, and tried.
        report: How the weights matched.
        images: Store of the test images at the encoder's geometry; filled.
        spec: Preprocessing of the encoder's input.
        recipe: What the recipes of all such tasks say.
    """

    job: Job
    encoder: Any
    report: LoadReport
    images: RowStore
    spec: ImageSpec
    recipe: Recipe
    _kept: dict[tuple[str, bool], Array] = field(default_factory=dict, repr=False)

    @classmethod
    def make(cls, job: Job, recipe: Recipe, timer: Timer) -> Comparison:
        """Build the encoder, try it on an image and a text, and prepare the images.

        Raises:
            RunError: When the encoder does not do what its card says.
        """
        with timer.phase("build"):
            encoder, report = build(job.model, job.weights, job.spec.seed)
        spec = recipe.image_spec(encoder.image_spec)
        try_encoder(encoder, spec, job.machine.device, job.spec.precision)
        images = prepared_store(job.task.dataset, job.data, spec)
        found = cls(job, encoder, report, images, spec, recipe)
        found._try()
        with timer.phase("images"):
            prepare(images, found.split.samples, spec)
        return found

    @property
    def split(self) -> Split:
        """The test split."""
        return self.job.data.splits["test"]

    @property
    def told(self) -> bool:
        """Whether the encoder takes a clinical context and the data tells any."""
        told = any(sample.context for sample in self.split.samples)
        return told and "context" in self.job.model.capabilities

    def image_vectors(self, context: bool) -> Array:
        """N×D unit vectors of the images in the joint space."""

        def compute(batch: ImageBatch) -> Tensor:
            vectors: Tensor = self.encoder.project_image(self.encoder.encode_image(batch))
            return vectors

        return _unit(self._of_images("joint", compute, context, "encoding images"))

    def text_vectors(self, texts: Sequence[str]) -> Array:
        """M×D unit vectors of texts in the joint space."""
        unique = list(dict.fromkeys(texts))
        keys = [sha256_text(text) for text in unique]
        native = self.encoder.image_spec
        store = feature_store(self.job, self.report, None, native, "text", context=False)
        first = self._text(unique[0])

        def rows(positions: list[int]) -> npt.NDArray[np.float32]:
            return np.stack([self._text(unique[position]) for position in positions])

        store.fill(keys, [""] * len(keys), rows, row_bytes=first.nbytes, title="encoding texts")
        return _unit(store.stack([sha256_text(text) for text in texts]))

    def similarities(self, texts: Sequence[str], context: bool) -> Array:
        """N×M: cosines, or scores of pairs, which are on no fixed scale.

        Scores of pairs are kept for all texts of a call together: ask for all at once.
        """
        unique = list(dict.fromkeys(texts))
        where = {text: column for column, text in enumerate(unique)}
        if way_to_compare(self.job.model) == "joint":
            found = self.image_vectors(context) @ self.text_vectors(unique).T
        else:
            found = self._pairs(unique, context)
        columns: Array = found[:, [where[text] for text in texts]]
        return columns

    def class_probabilities(self, context: bool) -> Array:
        """N×C probabilities of the findings that a closed vocabulary knows."""

        def compute(batch: ImageBatch) -> Tensor:
            scores: Tensor = self.encoder.score_classes(self.encoder.encode_image(batch))
            return scores

        return self._of_images("classes", compute, context, "scoring findings")

    def _pairs(self, texts: list[str], context: bool) -> Array:
        """N×M scores, kept a few images at a time: each stands for as many passes as texts."""

        def compute(batch: ImageBatch) -> Tensor:
            scores: Tensor = self.encoder.score_pairs(self.encoder.encode_image(batch), texts)
            return scores

        kind = f"pairs-{sha256_json(texts)[:24]}"
        store = self._store(kind, context)
        samples, labels = self.split.samples, self.split.labels
        parts = [
            Split(samples[at : at + _IMAGES_A_PART], labels[at : at + _IMAGES_A_PART], True)
            for at in range(0, len(samples), _IMAGES_A_PART)
        ]
        row_bytes = np.dtype(np.float32).itemsize * len(texts)
        extractor = self._extractor(context, _IMAGES_A_PART)
        for part in track(
            parts, f"scoring images with {len(texts):,} texts", total=len(samples), weigh=len
        ):
            extractor.fill(store, part, compute, None, row_bytes)
        return np.asarray(store.stack(self.split.ids), dtype=np.float64)

    def _of_images(self, kind: str, compute: Compute, context: bool, title: str) -> Array:
        if (kind, context) not in self._kept:
            store = self._store(kind, context)
            self._extractor(context, _BATCH_SIZE).fill(store, self.split, compute, title)
            rows = store.stack(self.split.ids)
            self._kept[kind, context] = np.asarray(rows, dtype=np.float64)
        return self._kept[kind, context]

    def _store(self, kind: str, context: bool) -> RowStore:
        return feature_store(
            self.job, self.report, self.images, self.spec, kind, context, self.recipe.one_at_a_time
        )

    def _extractor(self, context: bool, batch_size: int) -> Extractor:
        machine = self.job.machine
        return Extractor(
            self.images, self.spec, machine.device, self.job.spec.precision,
            encoded_at_once(self.recipe, machine.batch_size, batch_size), context,
        )  # fmt: skip

    def _text(self, text: str) -> npt.NDArray[np.float32]:
        machine, precision = self.job.machine, self.job.spec.precision
        with torch.inference_mode(), autocast(machine.device, precision):
            vector: Tensor = self.encoder.project_text(self.encoder.encode_text([text]))
        found: npt.NDArray[np.float32] = vector[0].float().cpu().numpy()
        return found

    def _try(self) -> None:
        """Compare one black image with one text."""
        height, width = self.spec.size
        device, precision = self.job.machine.device, self.job.spec.precision
        way = way_to_compare(self.job.model)
        try:
            with torch.inference_mode(), autocast(device, precision):
                black = torch.zeros(1, 3, height, width, device=device)
                seen = self.encoder.encode_image(ImageBatch(pixels=black, view=[None]))
                if way == "joint":
                    image = self.encoder.project_image(seen)[0].float().cpu().numpy()
                    np.dot(image, self._text("clear lungs"))
                elif way == "pairs":
                    self.encoder.score_pairs(seen, ["clear lungs"])
                else:
                    self.encoder.score_classes(seen)
        except (RuntimeError, ValueError, AssertionError) as error:
            lines = str(error).strip().splitlines()
            raise RunError(
                "the encoder cannot compare an image with a text",
                why=f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}",
                fix="correct the plugin; `cxrbench check` finds this",
            ) from error


def _unit(vectors: npt.NDArray[Any]) -> Array:
    """Rows of norm 1 to the last digit, whatever precision they were computed in."""
    exact = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(exact, axis=1, keepdims=True)
    return exact / np.where(norms > 0, norms, 1.0)
