"""Records that are sent: a good one is taken, and every kind of tampering is found where it is."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from submitted import MODEL, fields_of, know, made, registry, valid

from cxrbench.leaderboard.collect import collect, once
from cxrbench.results.submission import check_file, check_files, check_record, shareable, to_text
from cxrbench.results.submission.validate import MOST_BYTES

AUROC = "metrics__auroc-macro__"


def findings_of(record, include=(), cards=None):
    kept = shareable(record)
    return check_record(kept, cards or know(kept), include)


def refused(record, **others):
    return {f.where: f.what for f in findings_of(record, **others) if f.refused}


@pytest.fixture
def sent(tmp_path):
    """Writes a text as the file of the good record; returns its path."""

    def write(text, name=None):
        path = tmp_path / "records" / (name or f"{valid().run_id}.json")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def told(path, include=()):
    return {f.where: f.what for f in check_file(path, know, include).findings if f.refused}


def test_a_good_record_is_taken_without_a_word(sent):
    record = valid()
    assert findings_of(record) == []
    path = sent(to_text(shareable(record)))
    checked = check_file(path, know)
    assert (checked.accepted, checked.findings, checked.run_id) == (True, [], record.run_id)
    assert collect(path.parents[1] / "runs", path.parents[1]) == [shareable(record)]


def test_a_run_and_what_is_shared_of_it_are_one_to_the_pages():
    record = valid()
    pair = ((Path("runs"), record), (Path("records"), shareable(record)))
    assert once(pair) == [record]


def test_another_layout_of_the_file_is_no_problem(sent):
    fields = json.loads(to_text(shareable(valid())))
    del fields["conditions"], fields["warnings"]
    assert told(sent(json.dumps(fields))) == {}


# What was changed, and the place that is named; the run id is made to fit the changed spec.
TAMPERED = [
    ({AUROC + "value": 1.2}, "metrics.auroc-macro"),
    ({AUROC + "value": float("nan")}, "metrics.auroc-macro"),
    ({AUROC + "value": float("inf")}, "metrics.auroc-macro"),
    ({"selection__value": float("inf")}, "selection.value"),
    ({AUROC + "value": 0.99}, "metrics.auroc-macro"),  # not the mean of its labels
    ({AUROC + "ci95": [0.1, 0.2]}, "metrics.auroc-macro.ci95"),
    ({AUROC + "ci95": [0.8, 0.7]}, "metrics.auroc-macro"),
    ({AUROC + "ci95": [0.7, 1.7]}, "metrics.auroc-macro"),
    ({AUROC + "per_class__Hernia": 2.0}, "metrics.auroc-macro"),
    ({AUROC + "per_class__Hernia": 0.95}, "metrics.auroc-macro"),
    ({AUROC + "n": 0}, "metrics.auroc-macro.n"),
    ({AUROC + "n": 22434}, "metrics.auroc-macro.n"),
    ({AUROC + "n_per_class__Hernia": 30000}, "metrics.auroc-macro.n"),
    ({AUROC + "higher_is_better": False}, "metrics.auroc-macro"),
    ({AUROC + "unit": "pixels"}, "metrics.auroc-macro"),
    ({"subgroups__sex F__auroc-macro__value": -0.1}, "subgroups.sex F.auroc-macro"),
    ({"conditions__without context__auroc-macro__n": 99999},
     "conditions.without context.auroc-macro.n"),
    ({"floors__auroc-macro": -0.5}, "metrics.auroc-macro"),
    ({"floors__auroc-micro": 0.5}, "metrics"),
    ({"timings__fit": -1.0}, "timings"),
    ({"main_metric": "auprc-macro"}, "main_metric"),
    ({"task_type": "segmentation"}, "task_type"),
    ({"dataset__splits__test__n": 100}, "dataset.splits.test.n"),
    ({"dataset__splits__test__patients": 6188}, "dataset.splits.test.patients"),
    ({"dataset__splits__test__patients": 0}, "dataset.splits.test"),
    ({"dataset__splits__test__positives": {"Hernia": 99999}}, "dataset.splits.test"),
    ({"dataset__splits__test__positives": {"Jane Doe": 1}}, "dataset.splits"),
    ({"dataset__splits__test__sha256": "0" * 64}, "dataset.splits"),
    ({"spec__data__test_ids": "0" * 64}, "dataset.splits"),
    ({"dataset__name": "siim"}, "dataset.name"),
    ({"dataset__title": "My chest X-rays"}, "dataset.title"),
    ({"dataset__release": "2018"}, "dataset.release"),
    ({"spec__task": "nih-2pct"}, "spec.task"),
    ({"spec__task_version": 99}, "spec.task_version"),
    ({"spec__protocol": "lucky@1"}, "spec.protocol"),
    ({"spec__recipe__c_grid": [0.5]}, "spec.recipe"),
    ({"spec__recipe__extra": 1}, "spec.recipe"),
    ({"spec__encoder": "0" * 16}, "spec.encoder"),
    ({"spec__weights": {"source": "card"}}, "weights"),
    ({"weights__source": "card"}, "weights.source"),
    ({"weights__phantom": True}, "spec"),
    ({"overlaps": ["nih"]}, "overlaps"),
    ({"spec__seed": -1}, "spec.seed"),
    ({"spec__limit": 9}, "spec"),
    ({"dataset__kind": "phantom"}, "dataset"),
    ({"dataset__splits__train__official": False}, "spec"),
    ({"provenance__git__dirty": True}, "provenance.git"),
    ({"provenance__git__dirty": "no"}, "provenance.git"),
    ({"provenance__created": "yesterday"}, "provenance.created"),
    ({"provenance__git": {}, "provenance__versions": {"torch": "2.6.0"}}, "provenance"),
    ({"provenance__plugin__distribution": "another-package"}, "provenance.plugin"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "where"), TAMPERED, ids=[str(c) for c, _ in TAMPERED])
def test_tampering_is_found_where_it_is(changes, where):
    assert where in refused(valid(**changes))


def test_a_spec_that_was_changed_does_not_fit_its_id():
    record = valid().model_copy(update={"spec": valid(spec__seed=1).spec})
    assert record.spec.run_id in refused(record)["run_id"]


@pytest.mark.parametrize(
    ("split", "where"), [("train", "dataset.splits"), ("test", "dataset.splits")]
)
def test_a_split_cannot_be_left_out(split, where):
    fields = fields_of()
    del fields["dataset"]["splits"][split], fields["spec"]["data"][f"{split}_ids"]
    assert where in refused(made(fields))


def test_a_metric_of_the_recipe_cannot_be_left_out():
    fields = fields_of()
    for part in ("metrics", "floors"):
        del fields[part]["brier-macro"]
    assert "brier-macro" in refused(made(fields))["metrics"]
    del fields["metrics"]["auroc-macro"], fields["floors"]["auroc-macro"]
    assert "metrics" in refused(made(fields))


def test_a_metric_nobody_knows_is_refused():
    fields = fields_of()
    fields["metrics"]["luck"] = fields["metrics"]["auroc-macro"]
    assert "no metric" in refused(made(fields))["metrics.luck"]


def test_a_value_outside_its_interval_is_taken_where_the_bootstrap_may_be_biased():
    """The calibration error grows with resampling; its value may lie below its interval."""
    fields = fields_of()
    facts = fields["metrics"]["ece-15"]
    value = facts["value"]
    facts["ci95"] = [value + 0.01, value + 0.05]
    assert refused(made(fields)) == {}
    facts["ci95"] = [value + 0.05, value + 0.06]
    assert "metrics.ece-15.ci95" in refused(made(fields))


def test_a_value_that_is_undefined_needs_no_samples():
    fields = fields_of()
    labels = fields["metrics"]["auroc-macro"]["per_class"]
    nothing = {"value": None, "n": 0, "ci95": None, "ci95_per_class": {},
               "per_class": dict.fromkeys(labels)}  # fmt: skip
    fields["metrics"]["auroc-macro"].update(nothing)
    assert refused(made(fields)) == {}


def test_small_subgroups_are_refused():
    fields = fields_of()
    for facts in fields["subgroups"]["sex F"].values():
        facts["n"] = 9
    assert "fewer than 10" in refused(made(fields))["subgroups.sex F"]


@pytest.mark.parametrize(
    ("word", "changes"),
    [
        ("unranked", {"dataset__kind": "phantom"}),
        ("dirty", {"provenance__git__dirty": True}),
        ("failed", {"status": "failed", "metrics": {}, "floors": {}, "subgroups": {},
                    "subgroup_floors": {}, "conditions": {},
                    "error": {"type": "DataError", "message": "it failed"}}),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_taken(word, changes):
    record = valid(**changes)
    assert refused(record)
    assert refused(record, include=(word,)) == {}
    others = {"unranked", "dirty", "failed"} - {word}
    assert refused(record, include=tuple(others)) == refused(record)


def test_the_weights_are_those_of_the_card():
    entry = {"name": "model", "source": "hf", "sha256": "1" * 64, "trained_on": ["nih"]}
    base = registry().model(MODEL).card
    card = base.model_validate(
        {**base.model_dump(), "weights": [entry], "pretraining_data": ["rsna"]}
    )
    own = {"source": "card", "sha256": {"model": "1" * 64}, "matched": 9, "total": 9}
    changes = {"weights": own, "spec__weights": own["sha256"], "overlaps": ["rsna"]}

    def against(**more):
        record = valid(**{**changes, **more})
        return refused(record, cards=replace(know(record), model=card))

    assert against() == {}
    others = {"model": "2" * 64}
    swapped = against(weights={**own, "sha256": others}, spec__weights=others)
    assert "1" * 64 in swapped["weights.sha256.model"]
    unknown = {"mine": "1" * 64}
    assert "weights.sha256.mine" in against(
        weights={**own, "sha256": unknown}, spec__weights=unknown
    )
    assert "weights.matched" in against(weights={**own, "matched": 8})
    assert "weights.matched" in against(weights={**own, "matched": 0, "total": 0})
    assert "rsna" in against(overlaps=[])["overlaps"]
    assert "weights.phantom" in against(weights={**own, "phantom": True})
    given = against(weights={**own, "source": "path", "sha256": others}, spec__weights=others)
    assert given == {}


def test_a_model_that_no_card_here_knows_is_a_note():
    record = valid(spec__model="my-encoder", provenance__plugin={"distribution": "my-package"})
    found = findings_of(record)
    assert [(f.where, f.refused) for f in found] == [("spec.model", False)]


def test_a_plugin_in_a_folder_and_weights_from_a_path_are_notes():
    digest = {"model": "3" * 64}
    record = valid(
        spec__model="my-encoder",
        spec__weights=digest,
        weights={"source": "path", "sha256": digest, "matched": 1, "total": 1},
        provenance__plugin={"distribution": "path:my-folder"},
    )
    found = findings_of(record)
    assert not any(f.refused for f in found)
    assert [f.where for f in found] == ["provenance.plugin", "weights", "spec.model"]


def test_an_earlier_version_of_a_task_is_told_and_its_recipe_is_not_compared():
    record = valid(spec__recipe__c_grid=[0.5])
    cards = know(record)
    newer = replace(cards, task=cards.task.model_copy(update={"version": 2}))
    assert "spec.recipe" in refused(record, cards=cards)
    found = findings_of(record, cards=newer)
    assert [(f.where, f.refused) for f in found] == [("spec.task_version", False)]


def test_text_of_a_card_may_be_in_a_record_and_other_text_may_not():
    sentence = "There is a small pleural effusion on the left."
    record = valid(spec__recipe__prompts=[sentence])
    cards = know(record)
    telling = replace(cards, recipe={**cards.recipe, "prompts": [sentence]})
    assert refused(record, cards=telling) == {}
    assert "free text" in refused(record, cards=cards)["spec.recipe.prompts[0]"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"warnings": ["image 00099001_005.png of p90000001 is dark"]}, "warnings"),
        ({"warnings": {}}, "warnings"),
        ({"provenance": {"argv": ["run", "--data-root", "nih=/data/jane"]}}, "provenance.argv"),
        ({"artifacts": {"predictions-test": {"path": "p", "sha256": "0", "restricted": True}}},
         "artifacts.predictions-test"),
        ({"note": "hello"}, "note"),
        ({"schema_version": 2}, "schema_version"),
        ({"context_used": "false"}, "context_used"),
        ({"timings": {"fit": "1.5"}}, "timings.fit"),
        ({"kind": "published"}, "kind"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_shared_is_refused_in_a_file(sent, change, where):
    fields = json.loads(to_text(shareable(valid())))
    for name, value in change.items():
        if isinstance(value, dict) and isinstance(fields.get(name), dict):
            value = {**fields[name], **value}
        fields[name] = value
    found = told(sent(json.dumps(fields)))
    assert where in found
    assert "p90000001" not in str(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("[" * 100_000, "JSON"),
        ('{"run_id": "secret", "run_id": "x"}', "twice"),
        ('{"timings": {"fit": NaN}}', "not finite"),
        ('{"timings": {"fit": 1e999}}', "not finite"),
        ('{"timings": {"fit": ' + "1" * 5000 + "}}", "JSON"),
        ('{"spec": ' + "[" * 50 + "]" * 50 + "}", "deep"),
        (" " * (MOST_BYTES + 1), "larger"),
    ],
    ids=["empty", "cut", "deep", "twice", "nan", "inf", "digits", "nested", "large"],
)
def test_what_cannot_be_read_is_refused(sent, text, words):
    assert words in told(sent(text))["file"]


@pytest.mark.parametrize("text", ["[]", "{}", "1", '"x"', "null"])
def test_what_is_no_record_is_refused(sent, text):
    assert told(sent(text))


def test_a_file_that_is_no_text_or_has_another_name_is_refused(sent, tmp_path):
    text = to_text(shareable(valid()))
    assert "name" in told(sent(text, "another.json"))["file"]
    assert ".json" in told(sent(text, "record.txt"))["file"]
    (tmp_path / "x.json").write_bytes(b"\xff\xfe{}")
    assert "JSON" in told(tmp_path / "x.json")["file"]
    assert "JSON" in told(tmp_path / "absent.json")["file"]
    (tmp_path / "link.json").symlink_to(sent(text))
    assert ".json" in told(tmp_path / "link.json")["file"]


@pytest.mark.parametrize("model", ["timm/absent", "timm/../x", "timm/*", "*", ":", "cxrbench:x"])
def test_a_model_of_an_odd_name_is_told(model):
    found = findings_of(valid(spec__model=model))
    assert "spec.model" in {f.where for f in found}


def test_of_two_files_of_one_run_the_second_is_refused(sent):
    text = to_text(shareable(valid()))
    first, second = sent(text), sent(text, "copy.json")
    one, other = check_files([first, second], know)
    assert one.accepted
    assert {"file", "run_id"} == {f.where for f in other.findings}
    assert [c.accepted for c in check_files([first, first], know)] == [True, False]
