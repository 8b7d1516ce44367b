"""What lexical report metrics cost beside pycocoevalcap, and how far the values are apart.

    python benchmarks/report_metrics.py [--pairs 3852] [--without-java]

Both score the same made-up reports in this process; METEOR of both includes the start of its Java
program. Prints seconds, their ratio, and the largest difference of any report and of the corpus.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge

from cxrbench.metrics import get_metric, score
from cxrbench.metrics.text.inputs import TextInput
from cxrbench.metrics.text.prepare import prepare

PAIRS, REPLICATES = 3852, 1000
"""As many as the test split of MIMIC-CXR has images."""
SIDES = ("left", "right", "bilateral", "bibasilar")
SIZES = ("small", "moderate", "large", "tiny", "subtle", "new", "unchanged", "persistent")
FINDINGS = (
    "pleural effusion", "atelectasis", "opacity", "consolidation", "pneumothorax", "nodule",
    "interstitial edema", "airspace disease", "scarring", "pleural thickening",
)  # fmt: skip
FORMS = (
    "There is a {size} {side} {finding}.", "No {finding} or {other} is seen.",
    "{size} {side} {finding}, likely {other}.", "The heart is {size} in size.",
    "{side} {finding} has improved compared to the prior study.",
    "Cardiomediastinal silhouette is stable.", "Lungs are clear without {finding}.",
    "Endotracheal tube terminates {number} cm above the carina.",
    "Degenerative changes of the thoracic spine, {size}.", "Sternotomy wires are intact.",
)  # fmt: skip


def reports(count: int, seed: int) -> tuple[list[str], list[str]]:
    """References, and texts that keep about half of their sentences."""
    draw = random.Random(seed)

    def sentence() -> str:
        words = {
            "size": draw.choice(SIZES),
            "side": draw.choice(SIDES),
            "finding": draw.choice(FINDINGS),
            "other": draw.choice(FINDINGS),
            "number": f"{draw.uniform(2, 7):.1f}",
        }
        text = draw.choice(FORMS).format(**words)
        return text[0].upper() + text[1:]

    references, generated = [], []
    for _ in range(count):
        told = [sentence() for _ in range(draw.randint(4, 11))]
        references.append(" ".join(told))
        kept = [one for one in told if draw.random() < 0.5]
        generated.append(" ".join([*kept, *(sentence() for _ in range(draw.randint(1, 5)))]))
    return references, generated


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=PAIRS)
    options.add_argument("--without-java", action="store_true")
    asked = options.parse_args()
    references, generated = reports(asked.pairs, 0)
    gts = {i: [t] for i, t in enumerate(prepare(references, "coco-dotspace"))}
    res = {i: [t] for i, t in enumerate(prepare(generated, "coco-dotspace"))}
    words = sum(len(text.split()) for text in references) / len(references)
    print(f"{asked.pairs} pairs, {words:.0f} words a reference")
    theirs: dict[str, Callable[[], Any]] = {
        "bleu4": lambda: Bleu(4).compute_score(gts, res, verbose=0),
        "rouge-l": lambda: Rouge().compute_score(gts, res),
        "cider": lambda: Cider().compute_score(gts, res),
        "meteor": lambda: Meteor().compute_score(gts, res),
    }
    if asked.without_java:
        del theirs["meteor"]
    for name, compute in theirs.items():
        slow, (value, each) = timed(compute)
        if name == "bleu4":
            value, each = value[3], each[3]
        metric = get_metric(f"{name}-coco-dotspace")
        data = TextInput.of(references, generated)  # nothing counted yet
        fast, ours = timed(lambda m=metric, d=data: float(m.per_class(d)[0, 0]))  # type: ignore[misc]
        own = metric.per_sample(data)
        if own is None:
            print(f"{name}: no value on this machine")
            continue
        apart = float(np.abs(own - np.asarray(each)).max())
        print(
            f"{name:8} pycocoevalcap {slow:6.2f} s, cxrbench {fast:6.2f} s, ratio "
            f"{slow / fast:5.1f}x; reports apart {apart:.1e}, corpus {abs(ours - value):.1e}"
        )
    ids = [f"{name}-coco-dotspace" for name in ("bleu1", "bleu2", "bleu3", *theirs)]
    data = TextInput.of(references, generated)
    spent, _ = timed(lambda: score(data, ids, replicates=REPLICATES))
    print(f"all {len(ids)} with floors and {REPLICATES} bootstrap replicates: {spent:.2f} s")


def timed(compute: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and the result."""
    start = time.perf_counter()
    result = compute()
    return time.perf_counter() - start, result


if __name__ == "__main__":
    main()
