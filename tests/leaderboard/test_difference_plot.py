"""The figure of differences: what is drawn is what was found."""

import pytest
from compared import comparison

from cxrbench.leaderboard.difference_plot import draw_differences, save_differences

FAMILY = [
    comparison(task="nih-1pct"),
    comparison(task="nih-10pct", difference=-0.02, ci95=(-0.03, -0.01)),
    comparison(task="nih-100pct", difference=0.001, ci95=(-0.004, 0.006), p_holm=0.7),
    comparison(task="nih-1pct", metric="brier-macro", difference=-0.004, ci95=(-0.006, -0.002),
               higher_is_better=False),
    comparison(task="rsna-seg", protocol="frozen@1", metric="hausdorff95-positives", unit="pixels",
               difference=-12.0, ci95=(-20.0, -5.0), higher_is_better=False),
    comparison(task="vindr-1pct", ci95=None,
               delong={"difference": 0.012, "se": 0.01, "ci95": (-0.008, 0.032), "p": 0.2}),
    comparison(task="siim-1pct", difference=None, reason="undefined"),
]  # fmt: skip


def points(axes):
    """Where the marks stand: x by task, and their fill."""
    marks = [line for line in axes.lines if line.get_marker() not in ("None", None, "")]
    return [(float(m.get_xdata()[0]), float(m.get_ydata()[0]), m) for m in marks]


def test_marks_and_whiskers_are_the_numbers_in_points():
    fractions, pixels = draw_differences(FAMILY).axes
    drawn = points(fractions)
    assert [x for x, _, _ in drawn] == pytest.approx([1.2, -2.0, 0.1, 0.4, 1.2])
    assert [y for _, y, _ in drawn] == [0, 1, 2, 3, 4]
    assert points(pixels)[0][0] == pytest.approx(12.0)  # turned round: low is good
    whiskers = [line for line in fractions.lines if len(line.get_xdata()) == 2][:-1]
    ends = [end for line in whiskers for end in sorted(line.get_xdata())]
    assert ends == pytest.approx([0.8, 1.6, -3.0, -1.0, -0.4, 0.6, 0.2, 0.6, -0.8, 3.2])
    assert [line.get_linestyle() for line in whiskers] == ["-"] * 4 + ["--"]


def test_colour_shape_and_filling_all_say_who_is_better():
    fractions, _ = draw_differences(FAMILY).axes
    styles = {
        (m.get_color(), m.get_marker(), m.get_markerfacecolor()) for _, _, m in points(fractions)
    }
    first, second, neither = ("#0072b2", "o"), ("#d55e00", "s"), ("#555555", "D")
    assert {style[:2] for style in styles} == {first, second, neither}
    assert {style[2] for style in styles} == {"#0072b2", "#d55e00", "white"}


def test_lines_are_named_by_what_differs():
    fractions, pixels = draw_differences(FAMILY).axes
    names = [label.get_text() for label in fractions.get_yticklabels()]
    assert names[0] == "nih-1pct\nauroc-macro, strict@1"
    assert names[3] == "nih-1pct\nbrier-macro ↓, strict@1"
    assert "turned round where low is good" in pixels.get_xlabel()
    texts = [text.get_text() for text in fractions.texts]
    assert texts.count("undefined") == 1
    assert "p = 0.003" in texts
    (alone,) = draw_differences(FAMILY[:1]).axes
    assert [label.get_text() for label in alone.get_yticklabels()] == ["nih-1pct"]
    assert "turned" not in alone.get_xlabel()


def test_the_title_says_what_it_is_and_what_is_not_ranked():
    title = draw_differences(FAMILY[:2]).get_suptitle()
    assert "A against B" in title
    assert "auroc-macro, strict@1" in title
    assert "Holm over 2 tests" in title
    assert "not ranked" not in title
    phantom = comparison(first={"unranked_because": ["phantom data"]})
    assert "not ranked: phantom data" in draw_differences([phantom]).get_suptitle()


def test_long_names_are_cut():
    long = "timm/vit_large_patch14_reg4_dinov2.lvd142m_and_more"
    figure = draw_differences([comparison(first={"name": long})])
    assert figure.axes[0].get_title(loc="right") == f"{long[:37]}… better →"


@pytest.mark.parametrize(
    ("kind", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")]
)
def test_the_same_comparison_gives_the_same_bytes(tmp_path, kind, start):
    files = [tmp_path / f"{name}.{kind}" for name in ("one", "other")]
    for file in files:
        save_differences(FAMILY, file)
    assert files[0].read_bytes().startswith(start)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"one.{kind}", f"other.{kind}"]
