"""What the record beside given weights says of how they must be used."""

from __future__ import annotations

import json

import pytest

from cxrbench.weights.choice import resolve
from cxrbench.weights.origin import contradictions, saw_phantoms

NET = {"name": "net", "source": "manual", "file": "net.pt"}
WORDS = {"name": "words", "source": "manual", "file": "words.json"}


@pytest.fixture
def trained(tmp_path, make_card, own_cache):
    """A card, and weights beside a record of their training."""

    def make(config=None, *, of=None, wants=None, words=None, card=None, kind="real"):
        (tmp_path / "net.pt").write_bytes(b"weights")
        side = own_cache / "weights" / "words" / "words.json"
        side.parent.mkdir(parents=True, exist_ok=True)
        side.write_text("{}")
        fields = {"capabilities": ["image", "trainable", "context"], **(card or {})}
        used = make_card(NET, WORDS, **fields)
        weights = resolve(used, str(tmp_path / "net.pt"))
        own = weights.digest
        record = {
            "weights": {"sha256": of or own["net"]},
            "recipe": {"config": config or {}},
            "data": {"kind": kind},
            "start": {"sha256": {"words": own["words"]} if words is None else words},
            **({} if wants is None else {"wants": wants}),
        }
        (tmp_path / "record.json").write_text(json.dumps(record))
        return used, weights

    return make


def test_nothing_is_said_where_card_and_training_agree(trained):
    card = {"config": {"pool": {"kind": "legacy"}, "width": 3}}
    found = trained({"pool": {"kind": "legacy"}}, card=card, wants={"context": True})
    assert contradictions(*found) == []


def test_another_architecture_setting_is_told(trained):
    found = trained({"pool": {"kind": "legacy"}, "mask": False}, card={"config": {"mask": True}})
    lines = contradictions(*found)
    assert len(lines) == 2
    assert "config pool.kind: legacy" in lines[0]
    assert "config mask: False, the card of net says True" in lines[1]


@pytest.mark.parametrize(
    "capabilities", [["image", "trainable"], ["image", "trainable", "context"]]
)
def test_context_that_was_never_trained_is_told(trained, capabilities):
    card = {"capabilities": capabilities}
    lines = contradictions(*trained(wants={"context": False}, card=card))
    assert bool(lines) == ("context" in capabilities)
    assert all("without clinical context" in line for line in lines)


@pytest.mark.parametrize(("words", "said"), [({}, "no words"), ({"words": "0"}, "another words")])
def test_another_tokenizer_is_told(trained, words, said):
    (line,) = contradictions(*trained(words=words))
    assert f"trained with {said}" in line


def test_a_record_of_other_weights_says_nothing(trained):
    found = trained({"mask": False}, of="0" * 64, kind="phantom")
    assert contradictions(*found) == []
    assert not saw_phantoms(found[1])


def test_phantoms_are_told_from_the_record(trained):
    assert saw_phantoms(trained(kind="phantom")[1])


@pytest.mark.parametrize("text", ["", "[]", '{"weights": 3}'])
def test_another_file_of_that_name_says_nothing(trained, tmp_path, text):
    found = trained({"mask": False})
    (tmp_path / "record.json").write_text(text)
    assert contradictions(*found) == []
