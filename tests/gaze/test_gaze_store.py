"""Heat on disk: what is kept, what is computed again, and what is refused."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrbench.data.records import Gaze, Report, Utterance
from cxrbench.data.samples import Sample
from cxrbench.errors import DataError
from cxrbench.gaze.authors import RenderedReading
from cxrbench.gaze.heatmap import heatmaps
from cxrbench.gaze.store import GazeStore, HeatSettings, Recorded, Rendered, gaze_store, recorded
from cxrbench.image_spec import ImageSpec

SPEC = ImageSpec(size=(32, 32), resize="short_side_crop", mean=(0, 0, 0), std=(1, 1, 1))
SETTINGS = HeatSettings(SPEC, (4, 4), sigma=0.05)


def gaze(key, seed, sentences=2):
    rng = np.random.default_rng(seed)
    start = np.sort(rng.uniform(0, 9, 12))
    fixations = np.stack([*rng.uniform(0, 60, (2, 12)), start, start + 0.5], axis=1)
    said = (Utterance(f"{key} {i}.", 4 * i, 4 * i + 3.0) for i in range(sentences))
    return Gaze(key, fixations, tuple(said))


def sample(key, *readings, **more):
    return Sample(id=key, patient="p", image=Path("x.png"), shape=(60, 64), gaze=readings, **more)


@pytest.fixture
def samples():
    return [
        sample("a", gaze("r1", 1), gaze("r2", 2, sentences=3)),
        sample("b"),
        sample("c", gaze("r3", 3, sentences=0), report=Report(findings="Clear.")),
    ]


@pytest.fixture
def counted(monkeypatch):
    """The readings whose heat was computed."""
    done, compute = [], Recorded.heat

    def heat(self, settings):
        done.append(self.key)
        return compute(self, settings)

    monkeypatch.setattr(Recorded, "heat", heat)
    return done


def test_every_segment_of_every_reading_is_kept(samples, tmp_path):
    store, readings = GazeStore(tmp_path, SETTINGS), recorded(samples)
    assert [(r.image, r.key) for r in readings] == [("a", "a/r1"), ("a", "a/r2"), ("c", "c/r3")]
    assert store.fill(readings, title=None) == 3 + 4 + 1
    again = GazeStore(tmp_path, SETTINGS)
    for reading, source in zip(readings, [samples[0]] * 2 + [samples[2]], strict=True):
        found = again[reading]
        own = next(g for g in source.gaze if reading.key.endswith(g.id))
        text = source.report.findings if source.report else ""
        expected = heatmaps(own, (60, 64), SPEC, (4, 4), 3.0, text=text)
        assert [t for t, _ in found] == [t for t, _ in expected]
        np.testing.assert_array_equal([h for _, h in found], [h for _, h in expected])
        assert found[-1][1].sum() > 0
    assert again[readings[2]][0][0] == "Clear."


def test_what_is_kept_is_not_computed_again_and_what_changed_is(samples, tmp_path, counted):
    readings = recorded(samples)
    GazeStore(tmp_path, SETTINGS).fill(readings, title=None)
    assert sorted(counted) == ["a/r1", "a/r2", "c/r3"]
    assert GazeStore(tmp_path, SETTINGS).fill(readings, title=None) == 0
    counted.clear()
    moved = replace(samples[0], gaze=(gaze("r1", 9), samples[0].gaze[1]))
    changed = recorded([moved, *samples[1:]])
    store = GazeStore(tmp_path, SETTINGS)
    assert store.fill(changed, title=None) == 3
    assert counted == ["a/r1"]
    found, before = store[changed[0]], readings[0].heat(SETTINGS)
    assert any((new != old).any() for (_, new), (_, old) in zip(found, before, strict=True))


@pytest.mark.parametrize(
    "change", [{"sigma": 0.1}, {"lead": 0.1}, {"grid": (2, 2)},
               {"spec": SPEC.model_copy(update={"resize": "squash"})}], ids=str,
)  # fmt: skip
def test_other_settings_have_rows_of_their_own(samples, tmp_path, change):
    readings, other = recorded(samples), replace(SETTINGS, **change)
    GazeStore(tmp_path, SETTINGS).fill(readings, title=None)
    store = GazeStore(tmp_path, other)
    assert store.fill(readings, title=None) == 8
    np.testing.assert_array_equal(store[readings[0]][0][1], readings[0].heat(other)[0][1])


def test_work_that_was_cut_off_goes_on_where_it_was(tmp_path, counted, monkeypatch):
    monkeypatch.setattr("cxrbench.data.rowstore._MOST_ROWS", 3)
    readings = recorded([sample(str(i), gaze("r", i)) for i in range(4)])
    broken = [*readings[:2], Broken(readings[2]), readings[3]]
    with pytest.raises(RuntimeError, match="killed"):
        GazeStore(tmp_path, SETTINGS).fill(broken, title=None)
    assert counted == ["0/r", "1/r"]
    counted.clear()
    assert GazeStore(tmp_path, SETTINGS).fill(readings, title=None) == 6
    assert counted == ["2/r", "3/r"]


class Broken:
    """A reading like another one, whose heat cannot be had."""

    def __init__(self, other):
        self.key, self.image, self.stamp, self.texts = (
            other.key, other.image, other.stamp, other.texts,
        )  # fmt: skip

    def heat(self, settings):
        raise RuntimeError("killed")


def test_pictures_are_kept_too(tmp_path, draw_spot):
    folder = tmp_path / "7"
    folder.mkdir()
    draw_spot(folder / "report_heatmap.jpg", 10, 50)
    (folder / "sentence-heatmap-lookup.json").write_text("{}")
    reading = Rendered(RenderedReading("i", tmp_path, "7", "All."))
    store = GazeStore(tmp_path, SETTINGS)
    assert store.fill([reading], title=None) == 1
    ((text, row),) = store[reading]
    assert text == "All."
    assert row.argmax() == 12
    assert store.fill([reading], title=None) == 0
    draw_spot(folder / "report_heatmap.jpg", 50, 10)
    assert store.fill([reading], title=None) == 1
    assert store[reading][0][1].argmax() == 3


@pytest.fixture
def pictures(tmp_path, draw_spot):
    """Makes a download with one reading of two sentences."""

    def make(name):
        folder = tmp_path / name / "gaze" / "7"
        folder.mkdir(parents=True)
        for key, place in (("a", 10), ("b", 30), ("report", 50)):
            draw_spot(folder / f"{key}_heatmap.jpg", place, 20)
        (folder / "sentence-heatmap-lookup.json").write_text('{"a": "One.", "b": "Two."}')
        return Rendered(RenderedReading("i", tmp_path / name, "gaze/7", "All."))

    return make


def test_the_files_of_a_reading_are_looked_at_once_and_not_for_every_image(
    pictures, tmp_path, monkeypatch
):
    reading, store = pictures("here"), GazeStore(tmp_path / "store", SETTINGS)
    store.fill([reading], title=None)
    looked = []
    list_pictures = RenderedReading.pictures
    monkeypatch.setattr(
        RenderedReading, "pictures", lambda self: looked.append(1) or list_pictures(self)
    )
    found = [store[reading] for _ in range(5)]
    assert [text for text, _ in found[4]] == ["One.", "Two.", "All."]
    assert not looked
    again = GazeStore(tmp_path / "store", SETTINGS)
    assert [text for text, _ in again[reading]] == [text for text, _ in again[reading]]
    assert len(looked) == 1, "of a store that somebody else has filled"


def test_readings_are_the_same_wherever_their_pictures_lie_and_whenever_they_were_copied(
    pictures, draw_spot
):
    here, there = pictures("here"), pictures("there")
    for path in there.source.folder.iterdir():
        os.utime(path, (1, 1))
    assert (here.key, here.identity) == (there.key, there.identity)
    assert here.stamp != there.stamp, "the heat is computed again where a file may have changed"
    draw_spot(there.source.folder / "b_heatmap.jpg", 2, 3)
    assert here.identity != there.identity
    other = Rendered(replace(here.source, place="gaze/8"))
    assert other.key != here.key


def test_a_store_of_a_download_lies_in_the_cache(tmp_path, monkeypatch, samples):
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    gaze_store("mine", tmp_path, SETTINGS).fill(recorded(samples), title=None)
    assert list((tmp_path / "cache" / "gaze").glob("mine-*/*/*.safetensors"))


def test_gaze_on_an_image_of_unknown_size_is_refused(samples):
    with pytest.raises(DataError, match="cannot be laid"):
        recorded([replace(samples[0], shape=None)])
    assert recorded([replace(samples[1], shape=None)]) == []
