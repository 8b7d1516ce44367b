"""Cards: strict, immutable, and readable from YAML."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cxrbench.cards import ModelCard, ProtocolCard, TaskCard, WeightsFile, merge, read_yaml
from cxrbench.errors import PluginError

MODEL = {
    "id": "m", "family": "f", "title": "t", "entry": "a:b", "status": "declared",
    "capabilities": ["image"],
}  # fmt: skip
TASK = {
    "id": "t", "type": "classification", "title": "t", "entry": "a:b", "labels": ["x"],
    "dataset": {"name": "d", "title": "d", "release": "1", "url": "u", "licence": "l",
                "access": "open", "layout": ["one file"]},
    "splits": {name: {"file": name, "n": 1} for name in ("train", "val", "test")},
    "protocols": {"p@1": {}}, "main_metric": "auroc-macro",
}  # fmt: skip
PROTOCOL = {"id": "p@1", "title": "t", "summary": "s", "recipes": {}}


@pytest.mark.parametrize(
    ("kind", "fields"), [(ModelCard, MODEL), (TaskCard, TASK), (ProtocolCard, PROTOCOL)]
)
def test_an_unknown_field_is_refused_and_each_field_given_is_kept(kind, fields):
    card = kind.model_validate(fields)
    assert card.id == fields["id"]
    with pytest.raises(ValidationError, match="licences"):
        kind.model_validate({**fields, "licences": "MIT"})
    for name in fields:
        with pytest.raises(ValidationError, match=name):
            kind.model_validate({k: v for k, v in fields.items() if k != name})


def test_an_unknown_field_inside_a_card_is_refused():
    with pytest.raises(ValidationError, match="wheights"):
        ModelCard.model_validate({**MODEL, "dims": {"pooled": 3, "wheights": 1}})
    with pytest.raises(ValidationError, match="sha"):
        WeightsFile.model_validate({"name": "x", "source": "hf", "sha": "1"})


def test_a_card_cannot_be_changed():
    card = ModelCard.model_validate(MODEL)
    with pytest.raises(ValidationError, match="frozen"):
        card.id = "other"


@pytest.mark.parametrize(
    "change",
    [{"status": "fine"}, {"capabilities": ["sight"]}, {"min_match": 0}, {"min_match": 1.1}],
)
def test_a_value_outside_its_range_is_refused(change):
    with pytest.raises(ValidationError, match=next(iter(change))):
        ModelCard.model_validate({**MODEL, **change})


@pytest.mark.parametrize("name", ["p", "p@", "P@1", "p@1.0", "p 1@1", "@1"])
def test_a_protocol_id_needs_a_version(name):
    with pytest.raises(ValidationError, match="id"):
        ProtocolCard.model_validate({**PROTOCOL, "id": name})


@pytest.mark.parametrize(("access", "shareable"), [("open", True), ("credentialed", False)])
def test_ids_of_credentialed_data_are_not_shareable(access, shareable):
    fields = {**TASK, "dataset": {**TASK["dataset"], "access": access}}
    assert TaskCard.model_validate(fields).shareable is shareable


def test_a_split_of_another_name_is_refused():
    with pytest.raises(ValidationError, match="splits"):
        TaskCard.model_validate({**TASK, "splits": {"dev": {"file": "dev", "n": 1}}})


def test_merge_goes_into_mappings_and_replaces_the_rest():
    base = {"a": {"x": 1, "y": [1, 2]}, "b": 1, "c": {"d": 1}}
    over = {"a": {"y": [3]}, "b": {"z": 1}, "c": None}
    assert merge(base, over) == {"a": {"x": 1, "y": [3]}, "b": {"z": 1}, "c": None}
    assert base == {"a": {"x": 1, "y": [1, 2]}, "b": 1, "c": {"d": 1}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [("a: [1", "not valid YAML"), ("- a\n- b\n", "found list"), ("", "found NoneType"),
     ("a: !!python/object/apply:os.getcwd []", "not valid YAML")],
)  # fmt: skip
def test_a_file_that_is_no_mapping_is_refused_by_name(tmp_path, content, reason):
    path = tmp_path / "card.yaml"
    path.write_text(content)
    with pytest.raises(PluginError) as caught:
        read_yaml(path)
    assert str(path) in caught.value.why
    assert reason in caught.value.why


def test_a_file_that_is_not_text_is_refused_by_name(tmp_path):
    path = tmp_path / "card.yaml"
    path.write_bytes(b"\xff\xfe\x80")
    with pytest.raises(PluginError) as caught:
        read_yaml(path)
    assert str(path) in caught.value.why
