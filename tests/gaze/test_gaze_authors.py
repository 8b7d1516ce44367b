"""Heat maps that come as pictures: reference numbers, made pictures, and damaged folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxrbench.errors import DataError
from cxrbench.gaze.authors import (
    RenderedReading,
    read_picture,
    rendered_heatmaps,
    rendered_readings,
    without_background,
)
from cxrbench.image_spec import ImageSpec

GOLDEN = Path(__file__).parents[1] / "golden" / "cogaze" / "full_f_metrics.npz"
SPEC = ImageSpec(size=(64, 64), resize="short_side_crop", mean=(0, 0, 0), std=(1, 1, 1))
GRID = (8, 8)


@pytest.fixture
def folder(tmp_path, draw_spot) -> Path:
    draw_spot(tmp_path / "a1_heatmap.jpg", 12, 52)
    draw_spot(tmp_path / "b_heatmap.jpg", 52, 12)
    draw_spot(tmp_path / "report_heatmap.jpg", 36, 36)
    lookup = {"a1": "Left base.", "full_text": "Left base. Right apex.", "b": "Right apex."}
    (tmp_path / "sentence-heatmap-lookup.json").write_text(json.dumps(lookup))
    return tmp_path


def test_the_background_is_removed_as_the_reference_does():
    with np.load(GOLDEN) as file:
        before, after = file["gazebg_in"], file["gazebg_out"]
    assert len(before) >= 4
    for one, expected in zip(before, after, strict=True):
        assert np.array_equal(without_background(one).ravel(), expected)


def test_the_background_is_what_the_border_has_most_of_and_not_what_is_most_frequent():
    heat = np.full((20, 20), 3.0, np.float32)
    heat[2:18, 2:18] = 7  # a plateau, and more of it than of the background
    heat[8:12, 8:12] = 9
    heat[6, 6] = 2
    found = without_background(heat)
    assert set(np.unique(found)) == {0, 7, 9}
    assert not found[6, 6]
    border_of_many = heat.copy()
    border_of_many[0] = np.arange(20)  # none of which is frequent
    assert without_background(border_of_many)[10, 10] == 9


def test_a_reading_gives_its_sentences_and_then_the_whole(folder):
    heat = rendered_heatmaps(RenderedReading("i", folder, ".", "All."), SPEC, GRID)
    assert [text for text, _ in heat] == ["Left base.", "Right apex.", "All."]
    for (_, row), (line, column) in zip(heat, [(6, 1), (1, 6), (4, 4)], strict=True):
        assert row.dtype == np.float32
        assert np.unravel_index(row.argmax(), GRID) == (line, column)
        # JPEG noise that is brighter than the background stays, far below the spot.
        assert (row == 0).mean() > 0.4
        assert np.median(row) < 0.1 * row.max()


def test_a_picture_is_cropped_as_its_radiograph(tmp_path, draw_spot):
    draw_spot(tmp_path / "wide.jpg", 96, 32, shape=(64, 192))
    assert read_picture(tmp_path / "wide.jpg", SPEC, GRID).reshape(GRID)[4, 4] > 0
    draw_spot(tmp_path / "beyond.jpg", 10, 32, shape=(64, 192))
    assert not (read_picture(tmp_path / "beyond.jpg", SPEC, GRID) > 20).any()


def test_grey_is_the_luma_of_the_colours(tmp_path):
    colours = np.zeros((64, 64, 3), np.uint8)
    colours[24:40, 24:40] = (200, 100, 50)
    Image.fromarray(colours).save(tmp_path / "x.png")
    found = read_picture(tmp_path / "x.png", SPEC, GRID).reshape(GRID)
    assert found[3, 3] == pytest.approx(0.299 * 200 + 0.587 * 100 + 0.114 * 50, rel=1e-5)


def test_an_annotation_tells_of_the_readings_of_each_image(tmp_path):
    one = {"image_dir": "egd/1", "transcript_full_text": "First."}
    two = {"image_dir": "reflacx/2", "transcript_full_text": "Second."}
    items = [
        {"id": "x", "sentence_gaze_heatmap": one},
        {"id": "y", "sentence_gaze_heatmap": None},
        {"id": "x", "sentence_gaze_heatmap": two},
    ]
    path = tmp_path / "annotation.json"
    path.write_text(json.dumps({"train": items, "test": [items[0]]}))
    found = rendered_readings(path, tmp_path, "gaze")
    assert [(r.image, r.place, r.folder, r.text) for r in found] == [
        ("x", "gaze/egd/1", tmp_path / "gaze/egd/1", "First."),
        ("x", "gaze/reflacx/2", tmp_path / "gaze/reflacx/2", "Second."),
    ]


@pytest.mark.parametrize("place", ["../elsewhere", "/etc"])
def test_an_annotation_that_leaves_the_folder_is_refused(tmp_path, place):
    gaze = {"image_dir": place, "transcript_full_text": ""}
    path = tmp_path / "annotation.json"
    path.write_text(json.dumps({"train": [{"id": "x", "sentence_gaze_heatmap": gaze}]}))
    with pytest.raises(DataError, match="cannot be used"):
        rendered_readings(path, tmp_path)


@pytest.mark.parametrize("content", ["{", "[1]", '{"train": [{"sentence_gaze_heatmap": {}}]}'])
def test_an_annotation_of_something_else_is_refused(tmp_path, content):
    path = tmp_path / "annotation.json"
    path.write_text(content)
    if content == '{"train": [{"sentence_gaze_heatmap": {}}]}':
        assert rendered_readings(path, tmp_path) == []  # nobody was recorded
    else:
        with pytest.raises(DataError, match="cannot be used"):
            rendered_readings(path, tmp_path)


def test_what_is_missing_damaged_or_elsewhere_is_named(folder, tmp_path_factory, draw_spot):
    reading = RenderedReading("i", folder, ".", "All.")
    (folder / "b_heatmap.jpg").write_bytes(b"\xff\xd8 no picture")
    with pytest.raises(DataError, match=r"b_heatmap\.jpg"):
        rendered_heatmaps(reading, SPEC, GRID)
    (folder / "b_heatmap.jpg").unlink()
    with pytest.raises(DataError, match=r"b_heatmap\.jpg"):
        reading.pictures()
    outside = tmp_path_factory.mktemp("other")
    draw_spot(outside / "c_heatmap.jpg", 5, 5)
    lookup = {f"../{outside.name}/c": "Out."}
    (folder / "sentence-heatmap-lookup.json").write_text(json.dumps(lookup))
    with pytest.raises(DataError, match=r"c_heatmap\.jpg"):
        reading.pictures()
    (folder / "sentence-heatmap-lookup.json").unlink()
    with pytest.raises(DataError, match="lookup"):
        reading.pictures()
