"""The Object-CXR adapter against the phantom's world, and against damage."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from cxrbench_tasks.phantoms.object_cxr import write
from PIL import Image

from cxrbench.data.open import open_lists
from cxrbench.data.regions import Box, Ellipse, Polygon
from cxrbench.errors import DataError
from cxrbench.phantom.world import PhantomWorld
from cxrbench.registry import Registry
from cxrbench.runners.segmentation import SegmentationRunner
from cxrbench.runners.segmentation.recipe import SegmentationRecipe

PATIENTS, SEED, SIZE = 30, 4, 64
LISTS = {"train": "train", "val": "val", "test": "test"}
FOLDERS = {"train": "train", "val": "dev", "test": "test"}


@pytest.fixture(scope="module")
def card():
    return Registry.discover().datasets.get("object-cxr").card


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("object-cxr")
    write(root, patients=PATIENTS, seed=SEED, size=SIZE)
    return root


@pytest.fixture
def copy(root, tmp_path):
    return Path(shutil.copytree(root, tmp_path / "object-cxr"))


def opened(card, root, train="train"):
    return open_lists(card, {"object-cxr": root}, {**LISTS, "train": train}, card.labels)


def samples(data):
    return {
        s.id: (s, label)
        for split in data.splits.values()
        for s, (label,) in zip(split.samples, split.labels.tolist(), strict=True)
    }


def rows(root, folder):
    with (root / f"{folder}.csv").open(newline="") as file:
        return list(csv.reader(file))


def rewrite(root, folder, table):
    with (root / f"{folder}.csv").open("w", newline="") as file:
        csv.writer(file).writerows(table)


def annotate(root, text, folder="train", row=3):
    """Change one annotation; the id of its image."""
    table = rows(root, folder)
    table[row][1] = text
    rewrite(root, folder, table)
    return Path(table[row][0]).stem


def test_the_download_has_its_quirks(root):
    assert [rows(root, f)[0][0] for f in ("train", "dev", "test")] == [
        "image_name", "image_name", "image_path",
    ]  # fmt: skip
    assert all(row[0].startswith("test/") for row in rows(root, "test")[1:])
    kinds = {item[0] for row in rows(root, "train")[1:] for item in row[1].split(";") if item}
    assert kinds == {"0", "1", "2"}
    assert all(path.read_bytes()[:2] == b"\xff\xd8" for path in root.glob("*/*.jpg"))


def test_shapes_and_labels_are_what_the_tables_say(card, root):
    """The tables read anew, by another way."""
    found = samples(opened(card, root))
    count = 0
    for folder in FOLDERS.values():
        for name, text in rows(root, folder)[1:]:
            sample, label = found[Path(name).stem]
            count += 1
            assert sample.image == root / folder / Path(name).name
            assert sample.shape == (SIZE, SIZE)
            assert label == (1.0 if text else 0.0)
            expected = []
            for item in text.split(";") if text else []:
                kind, *n = (int(part) for part in item.split(" "))
                if kind == 0:
                    expected.append(Box(n[0], n[1], n[2] - n[0], n[3] - n[1], "Foreign object"))
                elif kind == 1:
                    expected.append(Ellipse(*n, "Foreign object"))
                else:
                    points = tuple(zip(n[0::2], n[1::2], strict=True))
                    expected.append(Polygon(points, "Foreign object"))
            assert list(sample.regions) == expected
            assert sample.mask.any() == bool(text)
    assert count == len(found) == PATIENTS


def test_objects_brighten_the_images_of_the_world_where_they_are_marked(card, root):
    world = PhantomWorld(PATIENTS, SEED, SIZE)
    plain = {p.index: world.render(p.index, 0).image.astype(int) for p in world.people}
    marked = 0
    for sample, label in samples(opened(card, root)).values():
        image = np.asarray(Image.open(sample.image)).astype(int)
        gaps = {index: np.abs(image - before).mean() for index, before in plain.items()}
        patient = min(gaps, key=gaps.__getitem__)
        assert label == float(patient % 2)
        change = image - plain[patient]
        assert np.abs(change[~sample.mask]).mean() < 5
        if label:
            assert change[sample.mask].mean() > np.abs(change[~sample.mask]).mean() + 10
            marked += 1
    assert marked == PATIENTS // 2


def test_the_lists_are_the_folders_and_the_subsets_files(card, root):
    for split, folder in FOLDERS.items():
        ids = opened(card, root).splits[split].ids
        assert sorted(ids) == sorted(path.stem for path in (root / folder).iterdir())
    for name in ("train_1", "train_10"):
        listed = (root / f"splits/{name}.txt").read_text().split()
        assert opened(card, root, name).splits["train"].ids == listed


def test_true_shapes_are_kept_and_corners_may_come_in_any_order(card, copy):
    key = annotate(copy, "0 30 40 10 20;1 50 60 40 10; 2 1 1 9 1 9 9 ;")
    sample, label = samples(opened(card, copy))[key]
    box, ellipse, polygon = sample.regions
    assert box == Box(10, 20, 20, 20, "Foreign object")
    assert ellipse == Ellipse(40, 10, 50, 60, "Foreign object")
    assert polygon.points == ((1, 1), (9, 1), (9, 9))
    assert label == 1
    mask = sample.mask
    assert mask[35, 45]
    assert not mask[12, 41], "a corner of the ellipse's box: a filled rectangle would mark it"
    assert mask[2, 8]
    assert not mask[8, 2]


def test_blanks_and_bare_separators_are_no_objects(card, copy):
    key = annotate(copy, " ; ")
    sample, label = samples(opened(card, copy))[key]
    assert (sample.regions, label) == ((), 0.0)


def test_a_shape_may_touch_or_just_pass_the_border(card, copy):
    key = annotate(copy, f"0 0 0 {SIZE} {SIZE};1 -1 3 {SIZE + 1} 9")
    sample, _ = samples(opened(card, copy))[key]
    assert sample.mask.all()


def test_shapes_are_checked_against_the_size_of_their_own_image(card, copy):
    key = annotate(copy, "0 70 3 90 9")
    path = copy / "train" / f"{key}.jpg"
    Image.new("L", (100, 50)).save(path)
    sample, _ = samples(opened(card, copy))[key]
    assert sample.shape == (50, 100)
    assert sample.mask[5, 80]
    annotate(copy, "0 3 70 9 90")
    with pytest.raises(DataError, match="a row that cannot be used"):
        opened(card, copy)


def test_headers_are_read_once(card, copy, monkeypatch):
    before = opened(card, copy).fingerprint
    monkeypatch.setattr("cxrbench.data.headers.Image.open", None)
    assert opened(card, copy).fingerprint == before


@pytest.mark.parametrize("text", [f"0 {SIZE - 2} 3 {SIZE + 1} 9", "1 -1 3 2 9", "0 4 4 5 5"])
def test_a_shape_with_any_part_in_the_image_marks_something(card, copy, text):
    sample, label = samples(opened(card, copy))[annotate(copy, text)]
    assert label == 1.0
    assert sample.mask.any()


def test_the_folder_may_hold_the_unpacked_archive(card, root, tmp_path):
    inner = tmp_path / "object-CXR"
    shutil.copytree(root, inner)
    shutil.move(inner / "splits", tmp_path)
    found, plain = samples(opened(card, tmp_path)), samples(opened(card, root))
    assert {k: (s.regions, y) for k, (s, y) in found.items()} == {
        k: (s.regions, y) for k, (s, y) in plain.items()
    }


def bad(text):
    """Damage: an annotation in row 4 of the train table."""

    def damage(root):
        annotate(root, text)
        return str(root / "train.csv"), "row 4"

    return damage


def no_table(root):
    (root / "dev.csv").unlink()
    return (str(root / "dev.csv"),)


def no_column(root):
    table = rows(root, "dev")
    table[0][1] = "boxes"
    rewrite(root, "dev", table)
    return str(root / "dev.csv"), "annotation"


def empty_table(root):
    rewrite(root, "test", rows(root, "test")[:1])
    return (str(root / "test.csv"),)


def not_text(root):
    (root / "test.csv").write_bytes(b"image_path,annotation\n\xff\xfe,\n")
    return (str(root / "test.csv"),)


def no_folder(root):
    shutil.rmtree(root / "dev")
    return (str(root / "dev"),)


def no_image(root):
    path = next((root / "test").iterdir())
    path.unlink()
    return (str(path),)


def no_jpeg(root):
    path = next((root / "test").iterdir())
    path.write_bytes(b"not an image")
    return (str(path),)


def repeated_row(root):
    table = rows(root, "train")
    table.insert(5, table[1])
    rewrite(root, "train", table)
    return str(root / "train.csv"), "row 6"


def in_two_tables(root):
    table = rows(root, "train")
    rewrite(root, "dev", [*rows(root, "dev"), table[1]])
    return "dev.csv", "train.csv", table[1][0]


def no_name(root):
    table = rows(root, "dev")
    table[1][0] = ""
    rewrite(root, "dev", table)
    return str(root / "dev.csv"), "row 2"


DAMAGE = {
    "no table": no_table,
    "no column": no_column,
    "empty table": empty_table,
    "not text": not_text,
    "no folder": no_folder,
    "no image": no_image,
    "no jpeg": no_jpeg,
    "repeated row": repeated_row,
    "in two tables": in_two_tables,
    "no name": no_name,
    "a rectangle without width": bad("0 5 5 5 9"),
    "a rectangle without height": bad("0 1 1 3 3;0 5 9 8 9"),
    "an ellipse without width": bad("1 5 5 5 9"),
    "a rectangle beyond the border": bad("0 -1 5 0 9"),
    "an ellipse below the border": bad(f"1 5 {SIZE} 9 {SIZE + 1}"),
    "unknown kind": bad("3 1 1 5 5"),
    "negative kind": bad("-1 1 1 5 5"),
    "kind alone": bad("0"),
    "three numbers": bad("0 1 1 5"),
    "six numbers for a box": bad("0 1 1 5 5 9 9"),
    "six numbers for an ellipse": bad("1 1 1 5 5 9 9"),
    "two points": bad("2 1 1 5 5"),
    "odd polygon": bad("2 1 1 5 5 9 9 3"),
    "fraction": bad("0 1.5 1 5 5"),
    "text": bad("0 a b c d"),
    "second item": bad("0 1 1 5 5;9 1 1 5 5"),
    "outside right": bad("0 60 1 70 9"),
    "outside below": bad("1 1 60 9 70"),
    "outside left": bad("2 -5 1 9 1 9 9"),
    "outside above": bad("2 5 -9 9 1 9 9"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_one_error_that_names_the_place(card, root, copy, damage):
    named = damage(copy)
    with pytest.raises(DataError) as caught:
        opened(card, copy)
    for name in named:
        assert name in caught.value.why
    shutil.rmtree(copy)
    shutil.copytree(root, copy)
    assert opened(card, copy).fingerprint == opened(card, root).fingerprint


def test_the_phantom_tells_what_it_holds(card, root):
    told = json.loads((root / "PHANTOM.json").read_text())["splits"]
    for name in ("train", "train_1", "train_10"):
        data = opened(card, root, name)
        for split, list_ in (("train", name), ("val", "val"), ("test", "test")):
            assert told[list_]["n"] == told[list_]["patients"] == len(data.splits[split])
            positives = told[list_]["positives"].get("Foreign object", 0)
            assert positives == data.splits[split].counts[0]


def test_ellipses_are_filled_as_rectangles_under_benchx_alone():
    registry = Registry.discover()
    card = registry.tasks.get("object-cxr-seg").card
    assert {"strict@1", "benchx@1"} <= set(card.protocols)
    for protocol in card.protocols:
        fields = registry.protocols.get(protocol).card.recipe(card, "cogaze")
        recipe = SegmentationRecipe.model_validate(SegmentationRunner().recipe(fields))
        assert recipe.ellipses == ("as-boxes" if protocol == "benchx@1" else "as-drawn")
        assert recipe.boxes == "as-drawn"
