"""Prompts: the books that come with the tasks, and what is wrong with others."""

from __future__ import annotations

import re
import sys
from importlib import resources

import pytest
import yaml

from cxrbench.errors import PluginError
from cxrbench.registry import Registry, load_entry
from cxrbench.runners.zero_shot import ZeroShotRunner

BOOK = yaml.safe_load(resources.files("cxrbench_tasks.prompts").joinpath("chest.yaml").read_text())
LEAST = {"preprocessing": "native", "context": False, "metrics": ["auroc-macro"]}


@pytest.fixture(scope="module")
def registry():
    return Registry.discover()


def zero_shot_tasks(registry):
    return [e.card for e in registry.tasks.entries() if e.card.type == "zero-shot"]


def recipe(registry, task, protocol, model="any"):
    card = registry.tasks.get(task).card if isinstance(task, str) else task
    fields = registry.protocols.get(protocol).card.recipe(card, model)
    return ZeroShotRunner().recipe(fields)


def test_ten_prompts_describe_each_finding_and_no_text_is_used_twice():
    assert {len(texts) for texts in BOOK.values()} == {10}
    every = [text for texts in BOOK.values() for text in texts]
    assert len({text.lower() for text in every}) == len(every) == 10 * len(BOOK)
    for text in every:
        assert text == text.strip()
        assert text[0].isupper()
        assert text.endswith(".")


def test_no_prompt_of_one_finding_names_another():
    """Infiltrates of tuberculosis and opacities are signs; a second diagnosis would be a fault."""
    names = {
        "pneumonia": "pneumonia", "tuberculosis": "tubercul", "pneumothorax": "pneumothorax",
        "atelectasis": "atelecta", "cardiomegaly": "cardiomegaly", "edema": "edema",
        "pleural-effusion": "effusion", "emphysema": "emphysema", "hernia": "hernia",
        "mass": "lung mass", "pleural-thickening": "thickening",
    }  # fmt: skip
    for finding, texts in BOOK.items():
        for text in texts:
            others = {n for n, word in names.items() if word in text.lower() and n != finding}
            assert not others, text


def test_no_prompt_takes_an_earlier_radiograph_for_granted():
    words = {"new", "interval", "unchanged", "stable", "worsening", "improved", "again", "since"}
    for texts in BOOK.values():
        for text in texts:
            assert not words & set(re.findall(r"[a-z]+", text.lower())), text


def test_a_normal_chest_is_more_than_the_absence_of_acute_or_pulmonary_disease():
    """Of a large heart it is true that nothing is acute and that the lungs are healthy."""
    for text in BOOK["normal"]:
        assert "acute" not in text and "healthy lungs" not in text


def test_forms_of_tuberculosis_are_told_apart():
    texts = BOOK["tuberculosis"]
    for sign in ("cavit", "lymph nodes", "miliary", "pleur"):
        assert any(sign in text for text in texts), sign
    assert sum("upper lobe" in text or "apical" in text.lower() for text in texts) < 5


def test_every_task_describes_each_of_its_labels_under_each_protocol(registry):
    tasks = zero_shot_tasks(registry)
    assert {"rsna-zeroshot", "shenzhen-zeroshot", "siim-zeroshot", "nih-zeroshot"} <= {
        task.id for task in tasks
    }
    for task in tasks:
        assert task.uses == ["test"]
        for protocol in task.protocols:
            prompts = recipe(registry, task, protocol)["prompts"]
            assert list(prompts["findings"]) == task.labels
            count = 5 if protocol == "benchx@1" else 10
            assert {len(d["texts"]) for d in prompts["findings"].values()} == {count}
            assert ("negative" in prompts) == (protocol != "benchx@1")


def test_labels_are_described_by_the_finding_of_that_name(registry):
    prompts = recipe(registry, "nih-zeroshot", "strict@1")["prompts"]
    for label, described in prompts["findings"].items():
        assert label.lower().replace("_", "-") in described["name"]
        assert described["texts"] == BOOK[described["name"]]
    assert prompts["negative"]["texts"] == BOOK["normal"]


def test_the_recipe_is_read_again_as_it_was_written(registry):
    first = recipe(registry, "rsna-zeroshot", "strict@1")
    assert ZeroShotRunner().recipe(first) == first


def test_benchx_gives_all_models_one_input(registry):
    found = recipe(registry, "rsna-zeroshot", "benchx@1")
    assert found["preprocessing"]["mean"] == [0.485, 0.456, 0.406]
    assert found["pool"] == "max"
    assert found["standardise"]


@pytest.mark.parametrize(
    ("task", "lacks"),
    [("rsna-zeroshot", None), ("nih-zeroshot", None), ("siim-zeroshot", None),
     ("shenzhen-zeroshot", "does not have tuberculosis")],
)  # fmt: skip
@pytest.mark.parametrize("model", ["medklip", "medklip-benchx"])
def test_a_vocabulary_is_compared_with_the_findings_of_a_task(registry, model, task, lacks):
    card = registry.model(model).card
    found = ZeroShotRunner().not_applicable(card, recipe(registry, task, "strict@1"))
    assert (found is None) if lacks is None else (lacks in found)


def test_vocabularies_name_what_their_encoders_know(registry):
    told = [e.card for e in registry.models.entries() if e.card.vocabulary]
    assert told
    for card in told:
        assert set(card.vocabulary) <= set(BOOK), card.id
        assert set(card.vocabulary.values()) <= set(load_entry(card.entry).classes), card.id


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Writes a book into a package of its own and returns what names it."""
    name = f"books_{tmp_path.name}"
    (tmp_path / name).mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lambda text: (tmp_path / name / "b.yaml").write_text(text) and f"{name}:b.yaml"
    sys.modules.pop(name, None)


def read(where, **fields):
    prompts = {"book": where, "findings": {"A": "a"}, "negative": "n", **fields}
    return ZeroShotRunner().recipe({**LEAST, "prompts": prompts})["prompts"]


def test_a_book_of_ones_own(book):
    found = read(book("a: [x, y]\nn: [z, w]"), count=1)
    assert found == {
        "findings": {"A": {"name": "a", "texts": ["x"]}},
        "negative": {"name": "n", "texts": ["z"]},
    }


@pytest.mark.parametrize(
    ("text", "fields", "why"),
    [
        ("n: [z]", {}, "no prompts for a"),
        ("a: [x]\nn: [z, w]", {}, "different numbers"),
        ("a: [x, x]\nn: [z, w]", {}, "there twice"),
        ("a: [x, ' ']\nn: [z, w]", {}, "no list of texts"),
        ("a: x\nn: [z]", {}, "no list of texts"),
        ("a: []\nn: []", {}, "at least 1"),
        ("- a", {}, "no mapping"),
        ("a: [x", {}, "cannot read"),
        ("a: [x]\nn: [z]", {"number": 3}, "unknown: number"),
    ],
)
def test_what_is_wrong_with_a_book_is_said(book, text, fields, why):
    with pytest.raises(PluginError) as caught:
        read(book(text), **fields)
    assert why in caught.value.why


def test_a_book_that_is_not_there():
    for where in ("nowhere_to_be_found:b.yaml", "cxrbench_tasks.prompts:nothing.yaml"):
        with pytest.raises(PluginError) as caught:
            read(where)
        assert "cannot read the prompts" in caught.value.why
