"""Split lists: where they come from and what is wrong with them."""

from __future__ import annotations

import pytest

from cxrbench.cards import TaskCard
from cxrbench.data import splits
from cxrbench.data.splits import check_disjoint, is_official, read_split
from cxrbench.errors import DataError
from cxrbench.hashing import sha256_ids
from cxrbench.registry import Registry


@pytest.fixture(scope="module")
def card() -> TaskCard:
    return Registry.discover().tasks.get("nih-1pct").card


@pytest.fixture
def root(tmp_path):
    (tmp_path / "splits").mkdir()
    return tmp_path


def write(root, text, name="test"):
    (root / "splits" / f"{name}.txt").write_text(text)


def test_a_list_beside_the_data_is_read_in_order_and_stripped(root, card):
    write(root, " b.png \r\n\n a.png\n")
    found = read_split(root, card, "test")
    assert found.ids == ("b.png", "a.png")
    assert found.source == root / "splits" / "test.txt"


def test_each_split_has_the_file_of_its_card(root, card):
    write(root, "x.png\n", "train_1")
    assert read_split(root, card, "train").ids == ("x.png",)


def test_a_repeated_id_is_named_with_its_first_line(root, card):
    write(root, "a\nb\n\nc\nb\nc\n")
    with pytest.raises(DataError, match="twice") as caught:
        read_split(root, card, "test")
    assert "line 2: b (2 such ids)" in caught.value.why


def test_a_repeated_id_with_blanks_around_it_still_has_its_line(root, card):
    write(root, "a\n b\nb \n")
    with pytest.raises(DataError, match="twice") as caught:
        read_split(root, card, "test")
    assert "line 2: b" in caught.value.why


def test_a_list_that_is_not_text_is_a_data_error(root, card):
    (root / "splits" / "test.txt").write_bytes(b"\xff\xfe\x81")
    with pytest.raises(DataError) as caught:
        read_split(root, card, "test")
    assert str(root / "splits" / "test.txt") in caught.value.why


def test_a_missing_list_is_fetched_once_and_kept(root, card, own_cache, monkeypatch):
    asked = []

    def fetch(url, target, *, sha256):
        asked.append(url)
        target.parent.mkdir(parents=True)
        target.write_text("".join(f"{i}.png\n" for i in range(card.splits["test"].n)))
        return target

    monkeypatch.setattr(splits, "download", fetch)
    for _ in range(2):
        assert read_split(root, card, "test").ids[:2] == ("0.png", "1.png")
    assert asked == [card.splits["test"].url]
    assert (own_cache / "splits" / "nih" / "test.txt").exists()


def test_a_missing_list_offline_says_where_to_place_it(root, card):
    with pytest.raises(DataError, match=r"test\.txt") as caught:
        read_split(root, card, "test")
    assert str(root / "splits") in caught.value.fix
    assert card.splits["test"].url in caught.value.why


def with_split(card, **facts):
    split = card.splits["val"].model_copy(update={"file": "x", **facts})
    return card.model_copy(update={"splits": {**card.splits, "val": split}})


def test_official_by_hash(card):
    known = with_split(card, n=9, patients=9, sha256=sha256_ids(["a", "b", "c"]))
    assert is_official(known, "val", ["c", "b", "a"], patients=1)
    assert not is_official(known, "val", ["a", "b", "d"], patients=9)


@pytest.mark.parametrize(
    ("ids", "patients", "official"),
    [("abc", 2, True), ("cab", 2, True), ("abd", 2, False), ("abc", 3, False), ("ab", 2, False)],
)
def test_official_without_hash_by_numbers_and_the_fetched_list(
    card, monkeypatch, ids, patients, official
):
    def fetched(url, target, *, sha256):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("a\nb\nc\n")
        return target

    monkeypatch.setattr("cxrbench.data.splits.download", fetched)
    known = with_split(card, n=3, patients=2)
    assert is_official(known, "val", list(ids), patients) == official


def test_a_list_that_cannot_be_compared_is_not_official(card):
    assert not is_official(with_split(card, n=3, patients=None), "val", list("abc"), patients=2)


def test_a_fetched_list_of_another_length_is_refused(root, card, monkeypatch, own_cache):
    def fetched(url, target, *, sha256):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("a\nb\n")
        return target

    monkeypatch.setattr("cxrbench.data.splits.download", fetched)
    (root / "splits" / "x.txt").unlink(missing_ok=True)
    with pytest.raises(DataError, match=r"x\.txt") as caught:
        read_split(root, with_split(card, n=3), "val")
    assert "holds 2 ids" in caught.value.why
    assert not list(own_cache.rglob("x.txt"))


@pytest.mark.parametrize("pair", [("train", "val"), ("train", "test"), ("val", "test")])
def test_a_shared_patient_is_named_with_an_image_of_each_side(card, pair):
    patients = {name: {f"{name}-{i}": f"{name}{i}" for i in range(3)} for name in card.splits}
    check_disjoint(card, patients)
    for name in pair:
        patients[name][f"{name}-9"] = "p7"
    with pytest.raises(DataError, match="share 1 patient") as caught:
        check_disjoint(card, patients)
    for word in ("p7", *(f"{name}-9 in {name}" for name in pair)):
        assert word in caught.value.why
