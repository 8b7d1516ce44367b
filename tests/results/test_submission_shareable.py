"""What is shared of a record: what pages need, and nothing that tells of a patient or a person."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from submitted import ONE_LABEL, fields_of, know, made, valid

from cxrbench.results import record as schema
from cxrbench.results.record import Record
from cxrbench.results.submission import check_file, shareable, to_text
from cxrbench.results.submission.shareable import KEPT

# Ids as data sets have them (made up), and what else must not leave a machine.
SECRETS = (
    "00099001_005.png",
    "p90000001",
    "90000001",
    "0a4fbc9ade84a7abd1680eb8ba031a9d",
    "02aa804e-bde0afdd-112c0b34-7bc16630-4e384014",
    "1.2.276.0.7230010.3.1.4.8323329",
    "/data/secret/nih",
    "C:\\Users\\jane\\nih",
    "jane.doe@hospital.org",
    "There is a small pleural effusion on the left, with adjacent atelectasis.",
)
STAYS = {
    schema.Record: {"artifacts", "warnings"},
    schema.DatasetFacts: {"layout"},
    schema.MetricFacts: {"reason", "readers"},
    schema.Provenance: {"argv"},
}
MADE_ANEW = {
    schema.Record: {"dataset", "weights", "selection", "metrics", "subgroups", "conditions",
                    "provenance", "error"},
    schema.DatasetFacts: {"splits"},
    schema.Selection: {"hyperparameters"},
    schema.Provenance: {"versions", "git", "plugin", "platform", "gpu"},
}  # fmt: skip


def test_of_every_field_it_is_decided_whether_it_is_shared():
    for kind, kept in KEPT.items():
        rest = STAYS.get(kind, set()) | MADE_ANEW.get(kind, set())
        assert set(kept) | rest == set(kind.model_fields), kind.__name__
        assert not set(kept) & rest


def test_a_record_is_reduced_once_and_for_all():
    record = valid()
    kept = shareable(record)
    assert kept != record
    assert shareable(kept) == kept
    assert Record.model_validate_json(to_text(kept)) == kept


def test_what_pages_need_is_kept():
    record = valid()
    kept = shareable(record)
    for name in ("run_id", "spec", "status", "main_metric", "metrics", "floors", "subgroups",
                 "subgroup_floors", "conditions", "weights", "overlaps", "context_used",
                 "unranked_because", "timings"):  # fmt: skip
        assert getattr(kept, name) == getattr(record, name), name
    assert kept.dataset.splits == record.dataset.splits
    assert kept.dataset.leaks == record.dataset.leaks
    assert kept.provenance.versions == record.provenance.versions
    assert kept.provenance.git == record.provenance.git
    assert kept.provenance.gpu == record.provenance.gpu


def test_free_text_and_files_stay():
    kept = shareable(valid())
    assert (kept.warnings, kept.artifacts, kept.dataset.layout) == ([], {}, "")
    assert kept.provenance.argv == []
    assert kept.selection.hyperparameters == {"C": 0.1}


def test_of_a_failure_its_type_is_kept():
    error = {"type": "DataError", "message": "p90000001 is damaged", "why": "x", "fix": "y"}
    kept = shareable(valid(status="failed", error=error))
    assert kept.error.type == "DataError"
    assert (kept.error.message, kept.error.why, kept.error.fix) == ("the run failed", "", "")


def test_why_a_metric_has_no_value_is_not_told_in_words():
    fields = fields_of()
    fields["metrics"]["auroc-macro"]["reason"] = "no java in /opt/secret; install it"
    assert shareable(made(fields)).metrics["auroc-macro"].reason == "not computed where it was run"


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"provenance__plugin__distribution": "path:janes-model"}, {"distribution": "path"}),
        ({"provenance__versions": {"torch": "/opt/torch", "my lib": "1"}}, {"versions": {}}),
        ({"provenance__git": {"commit": "main", "dirty": False}}, {"git": {}}),
        ({"provenance__gpu": "on jane's desk"}, {"gpu": ""}),
        ({"provenance__platform": "jane-laptop.local"}, {"platform": ""}),
    ],
    ids=str,
)
def test_provenance_is_reduced_to_known_forms(changes, kept):
    own = shareable(valid(**changes)).provenance
    told = {**own.model_dump(), **own.plugin}
    assert {name: told[name] for name in kept} == kept


def places(value, way=()):
    """Every text in nested JSON, and every name in its objects."""
    if isinstance(value, str):
        yield way, False
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield (*way, key), True
            yield from places(inner, (*way, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from places(inner, (*way, position))


def planted(way, is_name, secret):
    """The fields with a secret in place of a text or a name."""
    fields = fields_of(ONE_LABEL, error={"type": "E", "message": "m", "why": "w", "fix": "f"})
    fields["metrics"]["auroc-macro"]["reason"] = "r"
    for part, name in (("subgroups", "sex F"), ("conditions", "without context")):
        fields[part][name] = {"brier-macro": fields[part][name]["brier-macro"]}
    fields["subgroup_floors"] = {"sex F": {"brier-macro": 0.1}}
    part = fields
    for step in way[:-1]:
        part = part[step]
    if is_name:
        part[secret] = part.pop(way[-1])
    else:
        part[way[-1]] = secret
    return fields


KEYED = {"metrics", "floors", "sex F", "without context", "per_class", "n_per_class",
         "ci95_per_class"}  # fmt: skip


def one_of_each_kind():
    """One place of every form: of places that differ in a metric or a label alone the first."""
    found = {}
    for way, is_name in places(planted(("run_id",), False, "")):
        before = (None, *way)
        form = tuple(
            "*" if isinstance(step, int) or before[position] in KEYED else step
            for position, step in enumerate(way)
        )
        found.setdefault((form, is_name), (way, is_name))
    return list(found.values())


PLACES = one_of_each_kind()


def test_places_are_looked_for_everywhere():
    ways = {".".join(map(str, way)) for way, _ in PLACES}
    assert {"warnings.0", "provenance.gpu", "dataset.title", "spec.model", "error.message"} <= ways
    assert len(PLACES) > 150


@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))
def test_a_secret_stays_or_is_refused_wherever_it_is(tmp_path, secret):
    """Put in every place in turn; the run id is made to fit, as one who means it would."""
    cards = know(valid(ONE_LABEL))
    let_through = []
    for way, is_name in PLACES:
        try:
            record = made(planted(way, is_name, secret))
        except ValueError:
            continue  # not a record
        text = to_text(shareable(record))
        if json.dumps(secret, ensure_ascii=False)[1:-1] not in text:
            continue
        path = tmp_path / "record.json"
        path.write_text(text, encoding="utf-8")
        refusals = [f for f in check_file(path, lambda _: cards, ("failed",)).findings if f.refused]
        if {finding.where for finding in refusals} <= {"file"}:  # which has another name
            let_through.append(way)
        assert not any(secret in finding.where + finding.what for finding in refusals)
    assert let_through == []


@given(st.text(alphabet="abcdefghij0123456789 ._/-", min_size=1, max_size=60))
def test_free_text_never_comes_through(text):
    secret = f"secret{text}secret"
    fields = fields_of(warnings=[secret], provenance__argv=["run", secret], dataset__layout=secret)
    fields["artifacts"]["predictions-test"]["path"] = secret
    fields["metrics"]["auroc-macro"]["reason"] = secret
    fields["selection"]["hyperparameters"] = {"C": secret}
    assert "secret" not in to_text(shareable(made(fields)))
