"""Heat of the phantom readings lies where the finding that is spoken of lies."""

from __future__ import annotations

import numpy as np
import pytest
from cxrbench_tasks.phantoms.egd import write
from cxrbench_tasks.phantoms.mimic_cxr_ids import dicom_id, report_of

from cxrbench.data.open import open_lists
from cxrbench.gaze.heatmap import DEGREE, fixation_maps, heatmaps
from cxrbench.gaze.metrics import GAZE_METRICS, gaze_scores, mean_score
from cxrbench.image_spec import ImageSpec
from cxrbench.phantom.world import PhantomWorld
from cxrbench.registry import Registry

PATIENTS, SEED, SIZE = 16, 10, 64
GRID = (SIZE, SIZE)
SPEC = ImageSpec(size=GRID, resize="short_side_crop", mean=(0, 0, 0), std=(1, 1, 1))


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """Mask of the finding, heat and fixations of its sentence, heat of the reading's others."""
    root = tmp_path_factory.mktemp("egd") / "egd"
    write(root, patients=PATIENTS, seed=SEED, size=SIZE)
    card = Registry.discover().datasets.get("egd").card
    lists = {name: name for name in ("train", "val", "test")}
    data = open_lists(card, {"egd": root}, lists, card.labels)
    samples = {s.id: s for split in data.splits.values() for s in split.samples}
    world = PhantomWorld(PATIENTS, SEED, SIZE, prevalences={"Fracture": 0.04})
    found = []
    for patient, study in world:
        sample = samples.get(dicom_id(study, study.view, SEED))
        if sample is None or not sample.gaze[0].utterances:
            continue
        report, drawn = report_of(patient, study, SEED), world.render(study.patient, study.number)
        finding_of = {s.text: s.finding for s in report.sentences}
        arguments = (sample.gaze[0], sample.shape, SPEC, GRID)
        heat = heatmaps(*arguments, DEGREE * SIZE)
        counts = fixation_maps(*arguments)
        for place, (text, row) in enumerate(heat[:-1]):
            if finding_of.get(text) is not None and row.sum() > 0:
                mask = drawn.findings_masks[finding_of[text]].ravel()
                others = np.sum([r for i, (_, r) in enumerate(heat[:-1]) if i != place], axis=0)
                found.append((mask, row, counts[place][1], others))
    return found


def shares(spoken, column):
    return np.array([
        one[column][one[0]].sum() / one[column].sum()
        for one in spoken if np.sum(one[column]) > 0
    ])  # fmt: skip


def test_heat_of_a_sentence_lies_in_the_mask_of_its_finding(spoken):
    assert len(spoken) > 30
    area = np.mean([mask.mean() for mask, *_ in spoken])
    own, others = shares(spoken, 1).mean(), shares(spoken, 3).mean()
    # Three fixations in four rest on the finding, within a degree, and findings are small.
    assert own > 0.3
    assert own > 4 * area
    assert own > 2 * others


def test_metrics_find_the_mask_a_better_guess_than_the_mask_of_another_reading(spoken):
    """The mask as a prediction of the gaze, by every metric, against the one before in the list."""
    masks = np.array([mask for mask, *_ in spoken], float) + 0.01
    heat, counts = (np.array([one[i] for one in spoken]) for i in (1, 2))
    right, wrong = (
        {name: mean_score(values) for name, values in gaze_scores(guess, heat, counts).items()}
        for guess in (masks, np.roll(masks, 1, 0))
    )
    for metric in GAZE_METRICS:
        sign = 1 if metric.higher_is_better else -1
        assert sign * (right[metric.id] - wrong[metric.id]) > 0, metric.id
    assert right["gaze-auc-judd"] > 0.6
