"""Cards of readers, where their files are looked for, and what is said where they are not."""

import pytest

from cxrbench.errors import UnknownNameError, WeightsError
from cxrbench.hashing import sha256_file
from cxrbench.readers import ReaderUnavailable, files, find_reader, reader_card, reader_ids
from cxrbench.weights import locate

ID = "chexbert"


@pytest.fixture(autouse=True)
def forgotten(monkeypatch, tmp_path):
    """No file is here, and none was tried to fetch."""
    monkeypatch.setattr(files, "_failed", {})
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def card():
    known = reader_card(ID)
    entries = [file.model_copy(update={"sha256": None}) for file in known.files]
    return known.model_copy(update={"files": entries})


def place(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(f"{folder} {name}")
    return folder


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub that has every file; the list tells what was asked of it."""
    asked = []

    def download(repo, file, revision):
        asked.append((repo, file, revision))
        return str(place(tmp_path / "hub" / repo, file) / file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setattr(locate, "_check_reachable", lambda endpoint, entry: None)
    return asked


@pytest.mark.parametrize("reader", reader_ids())
def test_every_card_is_valid_and_names_its_files_once(reader):
    found = reader_card(reader)
    assert found.id == reader
    assert len({file.name for file in found.files}) == len(found.files)
    for file in found.files:
        assert file.file


def test_an_unknown_reader_gets_a_suggestion():
    with pytest.raises(UnknownNameError, match="chexbertt") as caught:
        find_reader("chexbertt")
    assert "chexbert" in caught.value.fix


def test_a_folder_of_the_users_comes_before_the_cache_and_the_cache_before_the_hub(
    card, hub, monkeypatch, tmp_path
):
    asked = hub
    found = find_reader(card)
    assert asked == [(file.repo, file.file, file.revision) for file in card.files]
    assert {path.parents[2].name for path in found.values()} == {"hub"}
    place(tmp_path / "cache" / "readers" / ID, "chexbert.pth", "vocab.txt")
    assert find_reader(card)[ID].parent == tmp_path / "cache" / "readers" / ID
    own = place(tmp_path / "own" / ID, "chexbert.pth")
    monkeypatch.setenv("CXRBENCH_READERS", str(tmp_path / "own"))
    found = find_reader(card)
    assert list(found) == [ID, f"{ID}-vocabulary"]
    assert found[ID] == own / "chexbert.pth"
    assert found[f"{ID}-vocabulary"].parent == tmp_path / "cache" / "readers" / ID
    assert len(asked) == 2
    place(own, "chexbert.safetensors")  # a converted file is preferred
    assert find_reader(card)[ID] == own / "chexbert.safetensors"


def test_the_digest_is_of_the_files_and_of_the_version(card, tmp_path):
    place(tmp_path / "cache" / "readers" / ID, "chexbert.pth", "vocab.txt")
    found = find_reader(card)
    assert found.sha256 == {name: sha256_file(path) for name, path in found.items()}
    newer = find_reader(card.model_copy(update={"version": 2}))
    assert newer.sha256 == found.sha256
    assert newer.digest != found.digest
    found[ID].write_text("other weights")
    assert find_reader(card).digest not in (found.digest, newer.digest)


def test_all_that_is_missing_is_named_and_how_to_get_it(card):
    with pytest.raises(ReaderUnavailable) as caught:
        find_reader(card, fetch=False)
    error = caught.value
    assert error.fetchable
    for word in ("chexbert.pth", "vocab.txt", "StanfordAIMI/RRG_scorers"):
        assert word in error.why
    assert "cxrbench weights fetch chexbert" in error.fix
    assert "$CXRBENCH_READERS/chexbert" in error.fix
    assert len(str(error).splitlines()) == 3


def test_a_network_that_is_not_there_is_tried_once(card, monkeypatch):
    tried = []
    real = files.fetch_file
    monkeypatch.setattr(files, "fetch_file", lambda entry: tried.append(entry.name) or real(entry))
    for _ in range(3):
        with pytest.raises(ReaderUnavailable, match="is not on this machine") as caught:
            find_reader(card)
        assert "fetching failed" in caught.value.why
        assert not caught.value.fetchable
    assert tried == [ID, f"{ID}-vocabulary"]


def test_what_has_to_be_got_by_hand_is_not_fetched(card, hub):
    entries = [file.model_copy(update={"access": "gated"}) for file in card.files]
    with pytest.raises(ReaderUnavailable) as caught:
        find_reader(card.model_copy(update={"files": entries}))
    assert "access to it is gated" in caught.value.why
    assert "weights fetch" not in caught.value.fix
    assert hub == []


def test_another_file_than_the_declared_one_is_refused(hub):
    with pytest.raises(WeightsError, match=r"vocab.txt is not the declared file") as caught:
        find_reader(ID)
    assert "07eced375cec" in caught.value.why
