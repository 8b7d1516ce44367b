"""Which weights a run uses, found without reading them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cxrbench.errors import BadRequest, WeightsError
from cxrbench.weights.choice import is_side_file, resolve
from cxrbench.weights.locate import fetch, locate

MANUAL = {"name": "net", "source": "manual", "file": "net.pt", "repo": "https://example.org/net"}
SIDE = {"name": "words", "source": "manual", "file": "words.json"}
CONTENT = b"weights"
SHA = hashlib.sha256(CONTENT).hexdigest()


def place(path, content=CONTENT):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_random_weights_for_what_can_be_trained(make_card):
    for card in (make_card(), make_card(MANUAL)):
        weights = resolve(card, "random")
        assert (weights.source, weights.files, weights.trained) == ("random", (), False)
        assert weights.digest == {"source": "random"}
    assert resolve(make_card(), None).source == "random"


def test_random_weights_keep_the_side_files_that_are_here(make_card, own_cache, monkeypatch):
    monkeypatch.setattr("cxrbench.weights.choice.fetch_file", lambda _: pytest.fail("fetched"))
    assert resolve(make_card(MANUAL, SIDE), "random").files == ()
    place(own_cache / "weights" / "net" / "net.pt")
    place(own_cache / "weights" / "words" / "words.json", b"{}")
    weights = resolve(make_card(MANUAL, SIDE), "random")
    assert [file.entry.name for file in weights.files] == ["words"]
    assert not (weights.loads or weights.trained)
    assert weights.digest == {"source": "random", "words": hashlib.sha256(b"{}").hexdigest()}


def test_no_weights_for_what_cannot(make_card):
    card = make_card(capabilities=["image"])
    for request in (None, "random"):
        weights = resolve(card, request)
        assert (weights.source, weights.trained) == ("none", True)
        assert weights.digest == {"source": "none"}


def test_a_path_for_an_encoder_without_weights_is_refused(make_card, tmp_path):
    with pytest.raises(BadRequest, match="takes no weights"):
        resolve(make_card(), str(place(tmp_path / "x.pt")))


def test_a_file_stands_for_the_first_of_the_card(make_card, tmp_path, own_cache):
    place(own_cache / "weights" / "words" / "words.json", b"{}")
    weights = resolve(make_card(MANUAL, SIDE), str(place(tmp_path / "mine.pt")))
    assert weights.source == "path"
    assert weights.trained
    assert [file.path.name for file in weights.files] == ["mine.pt", "words.json"]
    assert weights.digest == {"net": SHA, "words": hashlib.sha256(b"{}").hexdigest()}
    assert [file.holds_tensors for file in weights.files] == [True, False]


@pytest.mark.parametrize("name", ["net.pt", "repo/net.pt"])
def test_a_folder_holds_the_files_by_name(make_card, tmp_path, name):
    card = make_card({**MANUAL, "repo": "repo"}, SIDE)
    place(tmp_path / "w" / name)
    place(tmp_path / "w" / "words.json")
    weights = resolve(card, str(tmp_path / "w"))
    assert [file.path.name for file in weights.files] == ["net.pt", "words.json"]


def test_a_folder_may_name_files_after_their_entry(make_card, tmp_path):
    card = make_card({**MANUAL, "file": "deep/model.pt"})
    path = place(tmp_path / "w" / "net.pt")
    assert resolve(card, str(tmp_path / "w")).files[0].path == path


def test_a_folder_that_lacks_a_file_names_it(make_card, tmp_path):
    place(tmp_path / "w" / "net.pt")
    with pytest.raises(WeightsError, match="not on this machine") as caught:
        resolve(make_card(MANUAL, SIDE), str(tmp_path / "w"))
    assert "words.json" in caught.value.why


def test_the_home_folder_is_expanded(make_card):
    place(Path.home() / "mine.pt")
    assert resolve(make_card(MANUAL), "~/mine.pt").files[0].path == Path.home() / "mine.pt"


def test_a_path_that_is_not_there_is_refused(make_card, tmp_path):
    with pytest.raises(WeightsError, match="does not exist") as caught:
        resolve(make_card(MANUAL), str(tmp_path / "gone.pt"))
    assert str(tmp_path / "gone.pt") in caught.value.what
    assert caught.value.exit_code == 2


def test_the_cards_own_file_is_found_in_the_cache(make_card, own_cache):
    path = place(own_cache / "weights" / "net" / "net.pt")
    weights = resolve(make_card(MANUAL), None)
    assert (weights.source, weights.files[0].path) == ("card", path)
    assert weights.digest == {"net": SHA}


def test_weights_that_are_not_here_say_how_to_get_them(make_card):
    with pytest.raises(WeightsError, match="not on this machine") as caught:
        resolve(make_card(MANUAL), None)
    assert "cxrbench weights fetch net" in caught.value.fix


def test_a_hash_that_differs_is_refused_unless_the_file_was_given(make_card, own_cache, tmp_path):
    path = place(own_cache / "weights" / "net" / "net.pt")
    assert resolve(make_card({**MANUAL, "sha256": SHA}), None).files[0].path == path
    wrong = make_card({**MANUAL, "sha256": "0" * 64})
    with pytest.raises(WeightsError, match="not the declared ones") as caught:
        resolve(wrong, None)
    assert str(path) in caught.value.why
    assert SHA[:12] in caught.value.why
    assert resolve(wrong, str(path)).source == "path"


def test_fetching_by_hand_says_where_to_place_the_file(make_card, own_cache):
    (entry,) = make_card(MANUAL).weights
    with pytest.raises(WeightsError, match="by hand") as caught:
        fetch(entry)
    target = own_cache / "weights" / "net" / "net.pt"
    assert str(target) in caught.value.fix
    assert entry.repo in caught.value.why
    place(target)
    assert fetch(entry) == locate(entry) == target


def test_fetching_from_an_address_offline_is_an_error(make_card, own_cache):
    (entry,) = make_card({**MANUAL, "source": "url", "repo": "https://example.org/net.pt"}).weights
    with pytest.raises(WeightsError) as caught:
        fetch(entry)
    assert "https://example.org/net.pt" in caught.value.why
    assert str(own_cache / "weights" / "net" / "net.pt") in caught.value.fix
    assert locate(entry) is None


def test_fetching_from_the_hub_offline_is_an_error(make_card):
    (entry,) = make_card({"name": "n", "source": "hf", "repo": "a/b", "file": "x.pt"}).weights
    assert locate(entry) is None
    with pytest.raises(WeightsError, match=r"x\.pt from a/b") as caught:
        fetch(entry)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("name", ["mine.torch", "mine", "mine.json", "epoch=3"])
def test_the_card_says_what_holds_tensors_not_the_name_of_the_given_file(make_card, tmp_path, name):
    weights = resolve(make_card(MANUAL), str(place(tmp_path / name)))
    assert weights.files[0].holds_tensors


def test_the_ending_torch_is_of_tensors(make_card):
    (entry,) = make_card({**MANUAL, "file": "net.torch"}).weights
    assert not is_side_file(entry)


def test_a_side_file_has_no_other_form(make_card, tmp_path, own_cache):
    place(own_cache / "weights" / "net" / "net.pt")
    place(own_cache / "weights" / "words" / "words.safetensors")
    with pytest.raises(WeightsError, match="not on this machine"):
        resolve(make_card(MANUAL, SIDE), None)


def test_a_converted_file_is_not_the_declared_one(make_card, own_cache):
    """Where the card knows the hash, its own file comes first, and another is refused."""
    card = make_card({**MANUAL, "sha256": SHA})
    place(own_cache / "weights" / "net" / "net.safetensors", b"converted")
    with pytest.raises(WeightsError, match="not the declared ones"):
        resolve(card, None)
    path = place(own_cache / "weights" / "net" / "net.pt")
    assert resolve(card, None).files[0].path == path
