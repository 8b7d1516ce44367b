"""What predictors that look at no image reach on published test splits.

The counts are those of the lists that BenchX and CoGaze test on; the percentages are the
fingerprints by which their tables can be read.
"""

import numpy as np
import pytest

from cxrbench.metrics import ClassificationInput, evaluate, get_metric

# Positives and images of the test split; accuracy of nothing and of all present; F1 of all present.
SPLITS = {
    "rsna": (902, 4003, 77.5, 22.5, 36.8),
    "siim": (290, 1372, 78.9, 21.1, 34.9),
    "shenzhen": (68, 134, 49.3, 50.7, 67.3),
}


def predictor(scores, positives, images):
    labels = np.zeros((images, 1))
    labels[:positives] = 1
    return ClassificationInput(np.broadcast_to(scores, labels.shape), labels, ["x"], np.zeros(1))


def percent(metric_id, data):
    return 100 * evaluate(get_metric(metric_id), data).value


@pytest.mark.parametrize("name", SPLITS)
def test_one_answer_for_all_images(name):
    positives, images, nothing, everything, f1 = SPLITS[name]
    absent, present = (predictor(s, positives, images) for s in (0.0, 1.0))
    assert percent("accuracy-top1", absent) == pytest.approx(nothing, abs=0.05)
    assert percent("accuracy-top1", present) == pytest.approx(everything, abs=0.05)
    assert percent("f1-binary@0.5", absent) == 0
    assert percent("f1-binary@0.5", present) == pytest.approx(f1, abs=0.05)
    for data in (absent, present):
        assert percent("auroc-macro", data) == 50
        assert percent("balanced-accuracy@0.5", data) == 50
        assert percent("auprc-macro", data) == pytest.approx(everything, abs=0.05)
        assert percent("f1-binary@best-on-test", data) == pytest.approx(f1, abs=0.05)
        assert percent("roc-sensitivity@specificity-0.90", data) == 0
        assert get_metric("accuracy-top1").floor(data) * 100 == pytest.approx(
            max(nothing, everything), abs=0.05
        )
    assert percent("sensitivity@0.5", present) == percent("specificity@0.5", absent) == 100
    assert percent("sensitivity@0.5", absent) == percent("specificity@0.5", present) == 0


def test_what_two_classes_in_a_micro_average_call_f1_is_the_accuracy():
    """With both classes pooled, a wrong image is a false positive of one, a miss of the other."""
    positives, images, nothing, *_ = SPLITS["rsna"]
    labels = np.zeros((images, 2))
    labels[:positives, 1] = labels[positives:, 0] = 1
    absent = np.tile([1.0, 0.0], (images, 1))
    both = ClassificationInput(absent, labels, ["absent", "present"])
    assert percent("f1-micro@0.5", both) == pytest.approx(nothing, abs=0.05)
    assert percent("f1-binary@0.5", predictor(0.0, positives, images)) == 0


@pytest.mark.parametrize("name", SPLITS)
def test_a_constant_between_the_classes_is_calibrated_at_the_prevalence_alone(name):
    positives, images, *_ = SPLITS[name]
    rate = positives / images
    at_rate = predictor(rate, positives, images)
    assert percent("ece-15", at_rate) == pytest.approx(0, abs=1e-9)
    assert percent("brier-macro", at_rate) == pytest.approx(100 * rate * (1 - rate))
    assert percent("ece-15", predictor(0.5, positives, images)) == pytest.approx(
        100 * abs(rate - 0.5)
    )
    assert percent("auroc-macro", at_rate) == 50


@pytest.mark.parametrize("name", SPLITS)
def test_random_scores(name):
    """Means over 60 draws lie within four standard errors of what theory says."""
    positives, images, *_ = SPLITS[name]
    rate = positives / images
    rng = np.random.default_rng(0)
    draws = [predictor(rng.random((images, 1)), positives, images) for _ in range(60)]
    expected = {
        "auroc-macro": 50.0,
        "balanced-accuracy@0.5": 50.0,
        "accuracy-top1": 50.0,
        "sensitivity@0.5": 50.0,
        "roc-sensitivity@specificity-0.90": 10.0,
        "f1-binary@0.5": 100 * rate / (rate + 0.5),
    }
    for metric_id, value in expected.items():
        found = np.array([percent(metric_id, data) for data in draws])
        error = found.std(ddof=1) / np.sqrt(len(found))
        # The cut lies below one in ten of few negatives, so that a little is lost there; F1 is a
        # ratio of random counts, so its mean is a little off that of the ratio of means.
        slack = 100 / (images - positives) + 0.3
        assert abs(found.mean() - value) < 4 * error + slack, metric_id
    # A threshold searched on the test labels makes of noise what calling all present has, or more.
    best = [percent("f1-binary@best-on-test", data) for data in draws]
    assert min(best) >= 100 * 2 * rate / (1 + rate) - 1e-9


def test_a_rare_finding_hides_in_the_macro_mean_but_not_by_label():
    labels = np.zeros((1000, 2))
    labels[:500, 0] = labels[:10, 1] = 1
    data = ClassificationInput(np.zeros((1000, 2)), labels, ["common", "rare"])
    found = evaluate(get_metric("balanced-accuracy@0.5"), data)
    assert found.per_class == {"common": 0.5, "rare": 0.5}
    assert evaluate(get_metric("accuracy-elementwise@0.5"), data).value == pytest.approx(0.745)
