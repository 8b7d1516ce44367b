"""What `data verify` compares."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from cxrbench.data import verify as verifying
from cxrbench.data.open import find_download, open_lists
from cxrbench.data.verify import look_at_images, verify
from cxrbench.errors import DataError
from cxrbench.registry import Registry

LISTS = {name: name for name in ("train", "train_1", "train_10", "val", "test")}
CARD = Registry.discover().datasets.get("nih").card


def opened(root, card=CARD):
    return open_lists(card, {"nih": root}, LISTS, card.labels, disjoint=False)


def path_of(root, name, number=0):
    key = (root / "splits" / f"{name}.txt").read_text().split()[number]
    return key, next(root.glob(f"images_0*/images/{key}"))


def found_of(report, what, split="all"):
    (line,) = [x for x in report.lines if (x.split, x.what) == (split, what)]
    return line


def test_a_phantom_is_compared_with_its_mark_and_all_is_well(nih_root):
    report = verify(CARD, opened(nih_root), LISTS)
    assert report.ok
    assert report.problems == []
    mark = json.loads((nih_root / "PHANTOM.json").read_text())
    for name in LISTS:
        assert found_of(report, "images", name).expected == f"{mark['splits'][name]['n']:,}"
        assert found_of(report, "positives", name).expected != "–"
    assert found_of(report, "rows").expected == f"{mark['rows']:,}"


def test_what_differs_from_the_mark_is_told(nih_copy):
    mark = json.loads((nih_copy / "PHANTOM.json").read_text())
    mark["rows"] += 1
    mark["splits"]["val"]["patients"] += 1
    mark["splits"]["test"]["positives"]["Mass"] += 2
    (nih_copy / "PHANTOM.json").write_text(json.dumps(mark))
    report = verify(CARD, opened(nih_copy), LISTS)
    wrong = [(x.split, x.what) for x in report.lines if not x.ok]
    assert wrong == [("all", "rows"), ("val", "patients"), ("test", "positives")]
    assert len(report.problems) == 1
    assert "Mass" in report.problems[0]


def test_equal_totals_of_unequal_labels_are_noticed(nih_copy):
    mark = json.loads((nih_copy / "PHANTOM.json").read_text())
    mark["splits"]["test"]["positives"]["Mass"] += 1
    mark["splits"]["test"]["positives"]["Edema"] -= 1
    (nih_copy / "PHANTOM.json").write_text(json.dumps(mark))
    report = verify(CARD, opened(nih_copy), LISTS)
    assert not report.ok
    assert len(report.problems) == 2


@pytest.mark.parametrize("content", ["{", "[]", '{"splits": {"val": {"n": "x"}}}', "\udcff"])
def test_a_damaged_mark_is_an_error(nih_copy, content):
    (nih_copy / "PHANTOM.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match="mark of this phantom"):
        verify(CARD, opened(nih_copy), LISTS, images=False)


def test_the_same_pixels_in_two_files_are_found_whatever_the_format(nih_copy):
    (one, source), (two, target) = path_of(nih_copy, "train"), path_of(nih_copy, "test")
    with Image.open(source) as image:
        image.convert("RGB").save(target)  # another file of the same radiograph
    (three, inside) = path_of(nih_copy, "train", 1)
    inside.write_bytes(source.read_bytes())
    report = verify(CARD, opened(nih_copy), LISTS)
    assert found_of(report, "same content in two splits").found == "1"
    (told,) = [p for p in report.problems if "same pixels" in p]
    assert f"{one} in train" in told
    assert f"{two} in test" in told
    assert f"{three} in train" in told


def test_twins_within_a_split_are_told_and_no_fault(nih_copy):
    (one, source), (_, target) = path_of(nih_copy, "train"), path_of(nih_copy, "train", 1)
    target.write_bytes(source.read_bytes())
    report = verify(CARD, opened(nih_copy), LISTS)
    assert report.ok
    assert found_of(report, "same content in one split").found == "1"
    assert one in look_at_images(opened(nih_copy)).within[0]


def test_images_are_read_once_and_again_when_they_change(nih_copy, monkeypatch):
    read = []
    real = verifying.read_grey
    monkeypatch.setattr(verifying, "read_grey", lambda path: read.append(path.name) or real(path))
    total = len(opened(nih_copy).splits["train"]) + sum(
        len(opened(nih_copy).splits[n]) for n in ("val", "test")
    )
    look_at_images(opened(nih_copy))
    assert len(read) == total, "subsets of train are not read twice"
    look_at_images(opened(nih_copy))
    assert len(read) == total
    name, path = path_of(nih_copy, "val")
    Image.fromarray(np.zeros((50, 50), np.uint8)).save(path)
    look_at_images(opened(nih_copy))
    assert read[total:] == [name]


def test_an_image_that_went_away_after_opening_is_broken(nih_copy):
    data = opened(nih_copy)
    name, path = path_of(nih_copy, "val")
    path.unlink()
    (told,) = look_at_images(data).broken
    assert name in told
    assert "missing" in told


def test_a_real_download_is_compared_with_the_card(nih_copy):
    (nih_copy / "PHANTOM.json").unlink()
    report = verify(CARD, opened(nih_copy), LISTS, images=False)
    assert not report.ok
    assert found_of(report, "images", "test").expected == "22,433"
    assert found_of(report, "rows").expected == "112,120"
    assert found_of(report, "sha256 of ids", "test").state == "", "nothing is known of it"
    assert not [x for x in report.lines if "decode" in x.what]


def test_needed_data_sets_are_looked_for_inside_first(tmp_path):
    card = CARD.model_copy(update={"name": "d", "needs": ["other"]})
    (tmp_path / "d").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(DataError, match="needs files of other") as caught:
        find_download(card, {"d": tmp_path / "d"})
    assert "--data-root other=DIR" in caught.value.fix
    roots = {"d": tmp_path / "d", "other": elsewhere}
    assert find_download(card, roots).needs == {"other": elsewhere}
    (tmp_path / "d" / "other").mkdir()
    assert find_download(card, roots).needs == {"other": elsewhere}, "what is said counts"
    assert find_download(card, {"d": tmp_path / "d"}).needs == {"other": tmp_path / "d" / "other"}


def test_a_data_set_lies_in_the_folder_of_its_home(tmp_path):
    card = CARD.model_copy(update={"name": "d", "home": "house"})
    own = tmp_path / "own"
    own.mkdir()
    assert find_download(card, {"house": tmp_path}).root == tmp_path
    assert find_download(card, {"house": tmp_path, "d": own}).root == own
    with pytest.raises(DataError, match="not on this machine") as caught:
        find_download(card, {})
    assert "--data-root house=DIR" in caught.value.fix


def test_a_list_of_another_hash_is_told(nih_copy):
    """Two images change places between the lists: every number stays, the hash does not."""
    (nih_copy / "PHANTOM.json").unlink()
    data = opened(nih_copy)
    splits = {
        name: card.model_copy(
            update={
                "n": len(data.splits[name]),
                "patients": None,
                "sha256": data.splits[name].sha256,
            }
        )
        for name, card in CARD.splits.items()
    }
    card = CARD.model_copy(update={"splits": splits, "rows": {"": data.rows}})
    assert verify(card, opened(nih_copy, card), LISTS, images=False).ok
    lists = {name: nih_copy / "splits" / f"{name}.txt" for name in ("val", "test")}
    ids = {name: path.read_text().split() for name, path in lists.items()}
    ids["val"][0], ids["test"][0] = ids["test"][0], ids["val"][0]
    for name, path in lists.items():
        path.write_text("\n".join(ids[name]) + "\n")
    report = verify(card, opened(nih_copy, card), LISTS, images=False)
    wrong = [(x.split, x.what) for x in report.lines if not x.ok]
    for name in lists:
        assert (name, "sha256 of ids") in wrong
        assert (name, "official list") in wrong


def test_what_failed_to_decode_is_tried_again(nih_copy, monkeypatch):
    _, path = path_of(nih_copy, "val")
    real = verifying.read_grey

    def without_decoder(asked):
        if asked == path:
            raise DataError("it does not decode", why="no decoder", fix="install one")
        return real(asked)

    with monkeypatch.context() as patch:
        patch.setattr(verifying, "read_grey", without_decoder)
        assert len(look_at_images(opened(nih_copy)).broken) == 1
    assert look_at_images(opened(nih_copy)).broken == []


def test_a_few_label_list_with_a_test_image_is_told(nih_copy):
    name = (nih_copy / "splits" / "test.txt").read_text().split()[0]
    with (nih_copy / "splits" / "train_10.txt").open("a") as file:
        file.write(f"{name}\n")
    report = verify(CARD, opened(nih_copy), LISTS, images=False)
    assert found_of(report, "splits that share patients").found == "yes"
    assert found_of(report, "ids that are not in train", "train_10").found == "1"
    assert any(name in problem for problem in report.problems)


def test_a_label_without_positives_is_compared_too(nih_copy):
    mark = json.loads((nih_copy / "PHANTOM.json").read_text())
    mark["splits"]["train_1"]["positives"] = {}
    (nih_copy / "PHANTOM.json").write_text(json.dumps(mark))
    assert not found_of(
        verify(CARD, opened(nih_copy), LISTS, images=False), "positives", "train_1"
    ).ok
