"""The folder of the pictures, and what every picture says of its weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from cxrbench.cards import WeightsFile
from cxrbench.errors import BadRequest
from cxrbench.explain.folder import Folder, check_folder
from cxrbench.explain.notes import caption, weights_note
from cxrbench.weights.choice import ResolvedFile, Weights

REQUEST = {"model": "m", "seed": 0, "labels": ["a"]}


def filled(path, request=REQUEST, names=("tsne",)):
    folder = Folder(path, request)
    folder.begin({"not_applicable": {}})
    for name in names:
        folder.add(name, Figure(figsize=(2, 1)), {"images": 3})
    return json.loads((path / "explain.json").read_text())


def test_a_picture_and_what_it_is(tmp_path):
    index = filled(tmp_path / "new" / "out")
    assert index["pictures"] == {"tsne": {"file": "tsne.png", "images": 3}}
    assert Image.open(tmp_path / "new" / "out" / "tsne.png").size == (300, 150)
    assert sorted(p.name for p in (tmp_path / "new" / "out").iterdir()) == [
        "explain.json", "tsne.png",
    ]  # fmt: skip


def test_the_same_request_comes_back(tmp_path):
    filled(tmp_path, names=("tsne", "gaze"))
    assert set(filled(tmp_path, names=("context",))["pictures"]) == {"tsne", "gaze", "context"}
    (tmp_path / "tsne.png").unlink()
    assert set(filled(tmp_path, names=())["pictures"]) == {"gaze", "context"}


def test_another_request_is_refused(tmp_path):
    filled(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(BadRequest, match="another request"):
        Folder(tmp_path, {**REQUEST, "seed": 1})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_killed_beginning_can_be_continued(tmp_path):
    Folder(tmp_path, REQUEST).begin({})
    assert set(filled(tmp_path)["pictures"]) == {"tsne"}


@pytest.mark.parametrize("content", ["", "{}", "[]"])
def test_other_files_are_left_alone(tmp_path, content):
    (tmp_path / "explain.json").write_text(content)
    with pytest.raises(BadRequest, match="holds other files"):
        check_folder(tmp_path)
    (tmp_path / "explain.json").rename(tmp_path / "thesis.tex")
    with pytest.raises(BadRequest, match="holds other files"):
        Folder(tmp_path, REQUEST)
    assert (tmp_path / "thesis.tex").read_text() == content


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    for below in ("", "deeper"):
        with pytest.raises(BadRequest, match="cannot write pictures"):
            check_folder(tmp_path / "file" / below)


def resolved(path, source="path", **entry):
    entry = WeightsFile(**{"name": "w", "source": "manual", **entry})
    return Weights(source, (ResolvedFile(entry, Path(path), "0" * 64),))


def test_weights_trained_on_phantoms_are_told_by_the_record_beside_them(tmp_path):
    weights = resolved(tmp_path / "w.safetensors")
    assert weights_note(weights) == "weights from a file"
    record = {"weights": {"sha256": "0" * 64}, "data": {"kind": "phantom"}}
    (tmp_path / "record.json").write_text(json.dumps(record))
    assert weights_note(weights) == "weights trained on phantoms"
    for other in ({"weights": {"sha256": "1" * 64}}, {"data": {"kind": "real"}}, {"data": []}):
        (tmp_path / "record.json").write_text(json.dumps({**record, **other}))
        assert weights_note(weights) == "weights from a file"


def test_or_by_their_card_and_never_by_that_of_other_weights(tmp_path):
    entry = {"trained_on": ["phantom"]}
    known = weights_note(resolved(tmp_path / "w.pt", "card", **entry))
    assert known == "weights trained on phantoms"
    assert weights_note(resolved(tmp_path / "w.pt", "path", **entry)) == "weights from a file"
    assert weights_note(resolved(tmp_path / "w.pt", "card")) == ""
    assert weights_note(Weights("random")) == "random weights"
    assert weights_note(Weights("none")) == ""


def test_a_caption_says_what_must_be_known(subject):
    made = subject()
    assert caption(made) == "cogaze-tiny (random weights) on egd, test, phantom data"
    assert caption(made, context=True).endswith("phantom data, told the clinical context")
    assert caption(subject("pixel-stats"), context=True) == "pixel-stats on egd, test, phantom data"
