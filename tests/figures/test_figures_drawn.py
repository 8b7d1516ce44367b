"""What is drawn is what the records and predictions say."""

import numpy as np
import pytest
from drawn import LONG, RETRIEVAL, Runs, add_classification, add_retrieval, draw, plan, truth

from cxrbench.metrics.calibration import METRICS


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path / "runs")


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def value(record, metric):
    return record.metrics[metric].value


def spread(records, metric):
    values = [100 * value(record, metric) for record in records]
    return np.mean(values), np.std(values, ddof=1)


def test_bars_are_means_with_sd_and_the_floor(runs):
    done = [add_classification(runs, "encoder-a", seed) for seed in range(3)]
    add_classification(runs, LONG, 0, 2.0)
    figure = draw(runs, "bars")
    axes = figure.axes[0]
    mean, sd = spread(done, "auroc-macro")
    assert axes.get_xlabel() == "auroc-macro (%)"
    assert axes.patches[0].get_width() == pytest.approx(mean)
    (whisker,) = [c for c in axes.collections if len(c.get_paths()) == 1]
    ends = whisker.get_segments()[0][:, 0]
    assert ends == pytest.approx([mean - sd, mean + sd])
    texts = [text.get_text() for text in axes.texts]
    assert texts[0] == f"{mean:.1f} ± {sd:.1f} (3)"
    assert texts[1].endswith(" (1)")
    assert "±" not in texts[1]
    floors = [line for line in axes.lines if line.get_gid() == "floor"]
    assert [line.get_xdata()[0] for line in floors] == [50.0]
    assert axes.get_xlim()[0] == 0
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert "".join(names[1].split("\n")) == LONG


def test_a_bar_for_each_task_of_a_data_set_and_a_dash_where_one_is_missing(runs):
    for task in ("nih-1pct", "nih-10pct"):
        add_classification(runs, "encoder-a", task=task)
    add_classification(runs, "encoder-b", task="nih-1pct")
    figure = draw(runs, "bars")
    assert legend(figure) == ["1 %", "10 %", "floor (best constant)"]
    assert [text.get_text() for text in figure.axes[0].texts].count("–") == 1
    assert len(figure.axes[0].patches) == 3


def test_retrieval_bars_are_precision_and_hits_by_k(runs):
    record = add_retrieval(runs, "encoder-a")
    figure = draw(runs, "retrieval")
    drawn = [patch.get_width() for axes in figure.axes for patch in axes.patches]
    assert drawn == pytest.approx([100 * value(record, name) for name in RETRIEVAL])
    assert legend(figure)[:3] == ["K = 1", "K = 5", "K = 10"]
    assert [axes.get_title() for axes in figure.axes] == ["image to text"] * 2 + [
        "text to image"
    ] * 2


def test_label_efficiency_stands_on_the_number_of_training_images(runs):
    done = {
        task: [add_classification(runs, "encoder-a", seed, task=task) for seed in range(2)]
        for task in ("nih-1pct", "nih-10pct", "nih-100pct")
    }
    add_classification(runs, "encoder-b", task="nih-1pct")
    add_classification(runs, "encoder-b", task="nih-100pct")
    axes = draw(runs, "efficiency").axes[0]
    lines = {line.get_gid(): line for line in axes.lines}
    line = lines["encoder-a"]
    assert list(line.get_xdata()) == [785, 7_847, 78_468]
    means = [spread(records, "auroc-macro")[0] for records in done.values()]
    assert list(line.get_ydata()) == pytest.approx(means)
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "785\n1 %", "7,847\n10 %", "78,468\n100 %"
    ]  # fmt: skip
    assert np.isnan(lines["encoder-b"].get_ydata()).tolist() == [False, True, False]
    assert list(lines["floor"].get_ydata()) == [50.0, 50.0]


@pytest.mark.parametrize(("kind", "metric"), [("roc", "auroc-macro"), ("pr", "auprc-macro")])
def test_curves_have_the_area_that_the_record_says(runs, kind, metric):
    done = [add_classification(runs, "encoder-a", seed) for seed in range(2)]
    figure = draw(runs, kind)
    titles = ["mean of labels", "Hernia, {} positive", "Mass, {} positive"]
    counts = [0, *truth().sum(axis=0).astype(int)]
    assert [axes.get_title() for axes in figure.axes] == [
        title.format(count) for title, count in zip(titles, counts, strict=True)
    ]
    mean, sd = spread(done, metric)
    classes = [np.mean([r.metrics[metric].per_class[name] for r in done])
               for name in ("Hernia", "Mass")]  # fmt: skip
    for axes, area in zip(figure.axes, [mean / 100, *classes], strict=True):
        (curve,) = [line for line in axes.lines if line.get_gid() == "curve"]
        assert np.trapezoid(curve.get_ydata(), curve.get_xdata()) == pytest.approx(area, abs=0.01)
        assert len(axes.collections) == 1  # the band
        low, high = axes.collections[0].get_datalim(axes.transData).intervaly
        assert low < np.min(curve.get_ydata()[1:-1]) + 0.2
        assert high >= np.max(curve.get_ydata()) - 1e-9
    assert legend(figure) == [f"encoder-a: {mean:.1f} ± {sd:.1f} (2)"]


def test_no_bands_without_replicates_and_none_of_many_models(runs):
    for letter in "abcde":
        add_classification(runs, f"encoder-{letter}")
    assert not any(axes.collections for axes in draw(runs, "roc").axes)
    one = draw(runs, "roc", replicates=0, models=("encoder-a",))
    assert not any(axes.collections for axes in one.axes)
    (sheet,) = plan(runs, "roc").sheets
    assert "No bands are drawn" in sheet.caption


def test_calibration_points_give_the_error_of_the_record(runs):
    record = add_classification(runs, "encoder-a", 3)
    add_classification(runs, "encoder-a", 4)
    figure = draw(runs, "calibration")
    error = record.metrics[METRICS[0].id]
    for axes, counted, name in zip(figure.axes[:2], figure.axes[2:], ("Hernia", "Mass"),
                                   strict=True):  # fmt: skip
        (bins,) = [line for line in axes.lines if line.get_gid() == "bins"]
        (counts,) = [line.get_ydata() for line in counted.lines]
        gaps = np.abs(bins.get_ydata() - bins.get_xdata())
        assert (counts * gaps).sum() / counts.sum() == pytest.approx(error.per_class[name])
    assert legend(figure) == [f"encoder-a: {100 * error.value:.1f} (seed 3)"]


def test_places_over_tasks_are_those_of_the_means(runs):
    gaps = {"encoder-a": (2.0, 0.1), "encoder-b": (0.1, 2.0), "encoder-c": (2.0, None)}
    for model, own in gaps.items():
        for task, gap in zip(("nih-1pct", "rsna-1pct"), own, strict=True):
            if gap is not None:
                add_classification(runs, model, gap=gap, task=task)
    figure = draw(runs, "ranks")
    lines = {line.get_gid(): line.get_ydata() for line in figure.axes[0].lines}
    assert lines["encoder-a"].tolist() == [1, 2]  # shared with encoder-c
    assert lines["encoder-b"].tolist() == [3, 1]
    assert lines["encoder-c"][0] == 1
    assert np.isnan(lines["encoder-c"][1])
    assert legend(figure) == ["encoder-c: 1.00", "encoder-a: 1.50", "encoder-b: 2.00"]
    offsets = [line.get_xdata()[0] for line in figure.axes[0].lines]
    assert len(set(offsets)) == 3  # equal places are seen side by side


def test_dots_and_radar_show_the_main_metrics(runs):
    tasks = ("nih-1pct", "rsna-1pct", "siim-1pct")
    done = [add_classification(runs, "encoder-a", gap=n, task=t) for n, t in enumerate(tasks)]
    expected = [100 * value(record, "auroc-macro") for record in done]
    axes = draw(runs, "dots").axes[0]
    marks = [line.get_xdata()[0] for line in axes.lines
             if line.get_marker() == "o" and line.get_gid() != "floor"]  # fmt: skip
    assert marks == pytest.approx(expected)
    (line,) = [x for x in draw(runs, "radar").axes[0].lines if x.get_gid() == "encoder-a"]
    assert list(line.get_ydata()) == pytest.approx([*expected, expected[0]])


def test_what_is_not_ranked_is_apart_said_and_has_no_place(runs):
    phantom = {"dataset": {"kind": "phantom"}, "weights": {"source": "random"},
               "data": {"test_ids": "phantom"}}  # fmt: skip
    for task in ("nih-1pct", "rsna-1pct"):
        for model in ("encoder-a", "encoder-b"):
            add_classification(runs, model, task=task, **phantom)
        add_classification(runs, "encoder-a", task=task)
    hidden = plan(runs)
    assert hidden.hidden == 4
    assert not any(sheet.unranked_because for sheet in hidden.sheets)
    every = plan(runs, unranked=True)
    kinds = [sheet.kind for sheet in every.sheets]
    assert "ranks" not in kinds
    told = [sheet.title for sheet in every.sheets if sheet.unranked_because]
    assert len(told) == len(every.sheets) - len(hidden.sheets)
    for title in told:
        assert "not ranked: phantom data, random weights" in title
        assert any("phantom data" in line for line in title[1:])
    with pytest.raises(Exception, match="nothing to draw"):
        plan(runs, models=("encoder-b",))


def test_other_data_and_protocols_are_other_figures(runs):
    add_classification(runs, "encoder-a")
    add_classification(runs, "encoder-b", protocol="cogaze@1")
    add_classification(runs, "encoder-c", data={"test_ids": "others"})
    sheets = plan(runs, "roc").sheets
    assert [len(sheet.groups) for sheet in sheets] == [1, 1, 1]


def test_models_of_one_name_are_told_apart_and_overlaps_marked(runs):
    add_classification(runs, "encoder-a", record={"overlaps": ["nih"]})
    add_classification(runs, "encoder-a", precision="bf16")
    names = legend(draw(runs, "calibration"))
    assert [name.partition(":")[0] for name in names] == [
        "encoder-a [precision bf16]", "encoder-a †"
    ]  # fmt: skip
    (sheet,) = plan(runs, "calibration").sheets
    assert sheet.title[-1].startswith("† the model was pretrained")


def test_a_cut_that_no_record_has_leaves_no_gap_and_keeps_colours(runs):
    record = add_retrieval(runs, "encoder-a")
    missing = {k: v for k, v in record.metrics.items() if not k.endswith("hit@1")}
    runs.store.write(record.model_copy(update={"metrics": missing}))
    precision, hit, *_ = draw(runs, "retrieval").axes
    assert (len(precision.patches), len(hit.patches)) == (3, 2)
    assert [text.get_text() for text in hit.texts].count("–") == 0
    colours = [patch.get_facecolor() for patch in precision.patches]
    assert [patch.get_facecolor() for patch in hit.patches] == colours[1:]
