"""RadGraph F1 of graphs by hand, and of reports through a procedural RadGraph."""

import numpy as np
import pytest
from radgraph_files import write_radgraph

from cxrbench.metrics import get_metric, score
from cxrbench.metrics.text.clinical.radgraph import rewards
from cxrbench.metrics.text.groups import expand
from cxrbench.metrics.text.inputs import TextInput
from cxrbench.readers import resident
from cxrbench.readers.graphs import Entity
from cxrbench.readers.radgraph import RadGraph

LEFT = Entity("left", "ANAT-DP", (("modify", 1),))
LUNG = Entity("lung", "ANAT-DP")
OPACITY = Entity("opacity", "OBS-DP", (("located_at", 1),))
DENIED = Entity("opacity", "OBS-DA", (("located_at", 1),))


def test_equal_graphs_have_1():
    graph = (LEFT, LUNG, OPACITY)
    assert rewards(graph, graph) == (1, 1, 1, 1)


def test_a_denied_finding_is_another_entity():
    """Two of three entities are shared, one of two relations; `lung` is alone in `complete`."""
    found = rewards((LEFT, LUNG, OPACITY), (LEFT, LUNG, DENIED))
    assert found == pytest.approx((2 / 3, 2 / 3, 2 / 3, (2 / 3 + 1 / 2) / 2))


def test_partial_sees_whether_there_is_a_relation_and_complete_which():
    alone = Entity("opacity", "OBS-DP")
    elsewhere = Entity("opacity", "OBS-DP", (("located_at", 0),))
    assert rewards((LUNG, alone), (LUNG, alone)) == (1, 1, 1, 0.5)  # no relation on either side
    found = rewards((LUNG, LUNG, OPACITY), (LUNG, LUNG, alone))
    assert found == pytest.approx((1, 0.5, 0.5, 0.5))
    found = rewards((LEFT, LUNG, OPACITY), (LEFT, LUNG, elsewhere))
    assert found == pytest.approx((1, 1, 2 / 3, (1 + 1 / 2) / 2))


def test_case_counts_but_for_words_of_relations():
    upper = (Entity("Left", "ANAT-DP", (("modify", 1),)), Entity("Lung", "ANAT-DP"))
    lower = (LEFT, LUNG)
    # In `complete`, the relation of "left" is shared and "lung", which has none, is not.
    assert rewards(lower, upper) == pytest.approx((0, 0, 1 / 2, 0))


def test_entities_are_sets():
    assert rewards((LUNG, LUNG), (LUNG,)) == (1, 1, 1, 0.5)


def test_without_entities_there_is_nothing_shared():
    assert rewards((), ()) == rewards((LUNG,), ()) == rewards((), (LUNG,)) == (0, 0, 0, 0)


PAIRS = (
    ("No acute pleural effusion.", "No acute pleural effusion."),
    ("The heart size is normal, lungs are clear.", "lungs are clear. heart size is normal"),
    ("mild cardiomegaly", "mild small effusion"),
    ("mild cardiomegaly", ""),
)


@pytest.fixture
def data(monkeypatch, tmp_path):
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXRBENCH_READERS", str(tmp_path / "readers"))
    monkeypatch.setattr(resident, "_last", {})
    write_radgraph(tmp_path / "readers")
    return TextInput.of(*zip(*PAIRS, strict=True))


def test_reports_are_read_and_averaged(data):
    graphs = [RadGraph.load().read(pair) for pair in PAIRS]
    expected = np.array([rewards(*pair) for pair in graphs])
    assert 0 < expected[1, 1] < 1
    for column, name in enumerate(("simple", "partial", "complete", "combined")):
        metric = get_metric(f"radgraph-f1-{name}")
        np.testing.assert_allclose(metric.per_sample(data), expected[:, column])
        weights = [[1, 1, 1, 1], [0, 3, 1, 0], [0, 0, 0, 0]]
        values = metric.per_class(data, weights)[:, 0]
        np.testing.assert_allclose(
            values, [expected[:, column].mean(), expected[[1, 1, 1, 2], column].mean(), np.nan]
        )
        some = data.take(np.array([2, 1]))
        np.testing.assert_allclose(metric.per_sample(some), expected[[2, 1], column])


def test_the_floor_is_the_most_frequent_reference(data):
    (one,) = score(data, ["radgraph-f1-simple"], replicates=20).values()
    constant = TextInput.of([pair[0] for pair in PAIRS], ["mild cardiomegaly"] * 4)
    metric = get_metric("radgraph-f1-simple")
    assert one.floor == pytest.approx(float(metric.per_class(constant)[0, 0]))
    assert one.ci95 is not None
    assert set(one.readers) == {"radgraph", "radgraph-config", "radgraph-vocabulary"}


def test_the_package_names_its_metrics():
    assert expand(["radgraph"], "raw", cut=None, unique=False) == [
        "radgraph-f1-simple",
        "radgraph-f1-partial",
        "radgraph-f1-complete",
    ]
    assert "bertscore-f1-distilbert-l5-rescaled" in expand(
        ["bert-score"], "raw", cut=None, unique=False
    )
