"""Running retrieval: every image of the test split before every report."""

from __future__ import annotations

import numpy as np

from cxrbench.data.samples import Sample, Split
from cxrbench.errors import DataError
from cxrbench.predictions import Predictions, Similarities
from cxrbench.runners.base import Job, Outcome
from cxrbench.runners.comparison import Comparison
from cxrbench.runners.retrieval.recipe import RetrievalRecipe
from cxrbench.timing import Timer


def run_retrieval(job: Job, recipe: RetrievalRecipe, timer: Timer) -> Outcome:
    """Compare all images with all reports, with every context asked for."""
    texts = report_texts(job.data.splits["test"], recipe)
    found = Comparison.make(job, recipe, timer)
    context = recipe.context and found.told
    wanted = {"test": context}
    if recipe.both_contexts and found.told:
        wanted[f"test-{'without' if context else 'with'}-context"] = not context
    split = found.split
    with timer.phase("predict"):
        predictions: dict[str, Predictions] = {
            name: Similarities(
                split.samples,
                job.data.labels,
                split.labels,
                found.similarities(texts, told).astype(np.float32),
            )
            for name, told in wanted.items()
        }
    return Outcome(predictions, None, found.report, context, found.report.warnings)


def report_texts(split: Split, recipe: RetrievalRecipe) -> list[str]:
    """The text of every sample.

    Raises:
        DataError: When a sample has none.
    """
    texts = [_text(sample, recipe) for sample in split.samples]
    blank = texts.count("")
    if blank:
        raise DataError(
            f"{blank:,} of {len(texts):,} images have no text to retrieve",
            why=f"their reports have no {' and no '.join(recipe.text)}",
            fix="complete the reports, or choose a protocol that reads other sections",
        )
    return texts


def _text(sample: Sample, recipe: RetrievalRecipe) -> str:
    if sample.report is None:
        return ""
    sections = (getattr(sample.report, name).strip() for name in recipe.text)
    return " ".join(dict.fromkeys(filter(None, sections)))
