"""Running zero-shot classification: every choice of context and prompts that is asked for."""

from __future__ import annotations

from cxrbench.errors import PluginError
from cxrbench.predictions import LabelScores, Predictions
from cxrbench.runners.base import Job, Outcome
from cxrbench.runners.comparing import way_to_compare
from cxrbench.runners.comparison import Comparison
from cxrbench.runners.zero_shot.evidence import Evidence
from cxrbench.runners.zero_shot.recipe import ZeroShotRecipe
from cxrbench.timing import Timer


def run_zero_shot(job: Job, recipe: ZeroShotRecipe, timer: Timer) -> Outcome:
    """Score the labels of the test images."""
    _require_labels(job, recipe)
    found = Comparison.make(job, recipe, timer)
    context = recipe.context and found.told
    every = list(range(recipe.prompts.count))
    wanted = {"test": (context, every)}
    if recipe.both_contexts and found.told:
        wanted[f"test-{'without' if context else 'with'}-context"] = (not context, every)
    if recipe.each_prompt and way_to_compare(job.model) is not None:
        wanted.update({f"test-prompt-{k + 1}": (context, [k]) for k in every})
    evidence, split = Evidence(found, recipe), found.split
    with timer.phase("predict"):
        predictions: dict[str, Predictions] = {
            name: LabelScores.of(split, job.data.labels, evidence.scores(told, chosen))
            for name, (told, chosen) in wanted.items()
        }
    return Outcome(predictions, None, found.report, context, found.report.warnings)


def _require_labels(job: Job, recipe: ZeroShotRecipe) -> None:
    described, labels = sorted(recipe.prompts.findings), sorted(job.data.labels)
    if described != labels:
        raise PluginError(
            f"the prompts of {job.task.id} do not fit its labels",
            why=f"prompts for {', '.join(described)}; labels {', '.join(labels)}",
            fix="give each label of the task its finding",
        )
