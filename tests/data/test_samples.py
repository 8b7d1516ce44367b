"""Splits and what identifies them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cxrbench.data.regions import Box, MaskFile
from cxrbench.data.samples import LabelledImages, Sample, Split
from cxrbench.hashing import sha256_ids


def split_of(*ids, official=True, labels=None):
    samples = tuple(Sample(i, i[0], Path(f"{i}.png")) for i in ids)
    hot = np.eye(len(ids), 2, dtype=np.float32) if labels is None else np.array(labels, np.float32)
    return Split(samples, hot, official)


def test_a_split_counts_and_names_its_samples():
    split = split_of("a1", "a2", "b1")
    assert (len(split), split.patients, split.ids) == (3, 2, ["a1", "a2", "b1"])
    assert split.sha256 == sha256_ids(["b1", "a2", "a1"])


def test_a_head_keeps_order_and_labels():
    head = split_of("a1", "a2", "b1", labels=[[1, 0], [0, 1], [1, 1]]).head(2)
    assert head.ids == ["a1", "a2"]
    assert head.labels.tolist() == [[1, 0], [0, 1]]
    assert len(head.head(99)) == 2


def test_the_label_hash_goes_with_the_ids_and_not_with_the_order():
    one = split_of("a1", "b1", labels=[[1, 0], [0, 1]])
    same = split_of("b1", "a1", labels=[[0, 1], [1, 0]])
    swapped = split_of("a1", "b1", labels=[[0, 1], [1, 0]])
    assert one.labels_sha256 == same.labels_sha256 != swapped.labels_sha256
    unknown = split_of("a1", "b1", labels=[[1, 0], [0, np.nan]])
    assert unknown.labels_sha256 != one.labels_sha256
    assert unknown.labels_sha256 == split_of("a1", "b1", labels=unknown.labels).labels_sha256


def test_data_is_official_when_every_split_is(tmp_path):
    def data(*official):
        names = ("train", "val", "test")
        splits = {n: split_of("a1", official=o) for n, o in zip(names, official, strict=True)}
        return LabelledImages(tmp_path, "files", ("x", "y"), splits)

    assert data(True, True, True).official
    assert not data(True, True, False).official
    limited = data(True, True, True).limited(1)
    assert [len(split) for split in limited.splits.values()] == [1, 1, 1]


def test_the_kind_is_told_by_the_marker(tmp_path):
    data = LabelledImages(tmp_path, "files", (), {})
    assert data.kind == "real"
    (tmp_path / "PHANTOM.json").touch()
    assert data.kind == "phantom"


def test_the_stamp_follows_the_file(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(b"1")
    sample = Sample("x", "p", path)
    before = sample.stamp
    assert sample.stamp == before
    path.write_bytes(b"12")
    assert sample.stamp != before


def test_anatomy_is_no_region_and_is_part_of_what_is_told():
    box = Box(1, 1, 2, 2, "left lung")
    none, anatomy, region = (
        Sample("x", "p", Path("x.png"), shape=(4, 4), **told)
        for told in ({}, {"anatomy": (box,)}, {"regions": (box,)})
    )
    assert anatomy.mask is None
    assert region.mask is not None
    labels = np.zeros((1, 0), np.float32)
    assert len({Split((s,), labels, True).told_sha256 for s in (none, anatomy, region)}) == 3


def test_the_fingerprint_follows_mask_files(tmp_path):
    samples = []
    for number in range(40):
        files = [tmp_path / f"{number}.png", tmp_path / f"{number}-mask.png"]
        for path in files:
            path.write_bytes(b"1")
        # One image in ten has a mask, none of them among the images that are looked at.
        regions = (MaskFile(files[1]),) if number % 10 == 3 else ()
        samples.append(Sample(str(number), "p", files[0], regions=regions))
    split = Split(tuple(samples), np.zeros((40, 1), np.float32), True)
    data = lambda: LabelledImages(tmp_path, "files", ("x",), {"test": split})  # noqa: E731
    before = data().fingerprint
    assert data().fingerprint == before
    (tmp_path / "13-mask.png").write_bytes(b"12")
    after = data().fingerprint
    assert [name for name in after if after[name] != before[name]] == ["images"]
    # A mask that is not there is told when it is read.
    (tmp_path / "13-mask.png").unlink()
    assert data().fingerprint not in (before, after)
