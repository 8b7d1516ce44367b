"""The page as text: what it holds, what it must not hold, and that it is always the same."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from collections import Counter

import pytest
from made import GOLDEN, failed, golden, many, quoted, record, shown
from page_parts import Parts

from cxrbench.leaderboard.board import Board, Footer
from cxrbench.leaderboard.formats import MARK, render
from cxrbench.leaderboard.site import PAGE, pages
from cxrbench.leaderboard.site.heat import LEVELS, heat_maps, steps_of


def page_of(*records, unranked=True) -> str:
    return pages(shown(list(records), unranked=unranked))[PAGE]


def dialogs(text: str) -> dict[str, dict]:
    """The dialogs of the main metric by the name of the model, with what is told of the runs."""
    data = Parts(text).data
    found = [{**data["runs"][cell["runs"]], **cell} for cell in data["cells"].values()]
    return {cell["title"]: cell for cell in found if cell["metric"] == "auroc-macro"}


def section(text: str, cell: dict, title: str) -> dict:
    sections = Parts(text).data["sections"]
    return next(s for s in (sections[n] for n in cell["sections"]) if s["title"] == title)


# --- bytes ---------------------------------------------------------------------------------------


def test_the_page_of_fixed_records_is_the_golden_one(text):
    assert text.encode() == (GOLDEN / "leaderboard" / PAGE).read_bytes()


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_records_means_nothing(seed):
    mixed = many()
    random.Random(seed).shuffle(mixed)
    assert pages(shown(mixed, quoted())) == pages(shown(many(), quoted()))


def test_it_is_made_as_one_of_the_formats_and_says_so_at_its_start(text):
    assert render(golden(), ["html"]) == {PAGE: text}
    assert text.startswith("<!doctype html>\n")
    assert MARK in text[:300]


# --- what it must not hold -----------------------------------------------------------------------


def test_nothing_is_loaded_from_anywhere(parts, text):
    for tag, given in parts.tags:
        assert tag not in {"link", "iframe", "object", "embed", "base", "img"}
        assert not {"src", "srcset", "style", "onclick"} & set(given)
        if "href" in given:
            assert tag == "a"
            assert re.match(r"#|https://arxiv\.org/", given["href"])
    assert "url(" not in parts.inside["style"]
    assert "@import" not in parts.inside["style"]
    for word in ("fetch(", "XMLHttpRequest", "innerHTML", "eval(", "import("):
        assert word not in parts.inside["script"]


def test_the_policy_names_this_style_and_this_script_and_no_more(parts):
    (policy,) = parts.all("meta", **{"http-equiv": "Content-Security-Policy"})
    rules = dict(rule.strip().split(" ", 1) for rule in policy["content"].split(";"))
    for name, kind in (("script-src", "script"), ("style-src", "style")):
        digest = base64.b64encode(hashlib.sha256(parts.inside[kind].encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert "http" not in policy["content"]


@pytest.mark.parametrize("name", ["<script>x</script>", "</script><b>", "a & b", 'a"b', "<!--"])
def test_a_name_is_a_name_and_no_markup(name):
    text = page_of(record(name, 0.8), record("b", 0.7))
    parts = Parts(text)
    assert len(parts.all("script")) == 2
    assert not parts.all("b")
    assert name in {runs["title"] for runs in parts.data["runs"]}


def test_paths_of_predictions_and_texts_of_errors_stay_where_they_are():
    private = {"artifacts": {"predictions": {"path": "secret.parquet", "sha256": "0" * 64,
                                             "restricted": True}}}  # fmt: skip
    broken = failed("b")
    error = {"type": "DataError", "message": "patient p10 of /data/x", "why": "p10", "fix": "p10"}
    broken = type(broken).model_validate({**broken.model_dump(), "error": error})
    text = page_of(record("a", 0.8, record=private), broken)
    assert "DataError" in text
    for word in ("secret", "p10", "/data/"):
        assert word not in text


# --- what it holds -------------------------------------------------------------------------------


def test_every_number_that_opens_has_a_dialog_and_every_dialog_its_parts(parts):
    data = parts.data
    opened = {given["data-cell"] for given in parts.all("button") if "data-cell" in given}
    assert opened == set(data["cells"])
    assert {cell["runs"] for cell in data["cells"].values()} == set(range(len(data["runs"])))
    used = {place for runs in data["runs"] for place in runs["sections"]}
    assert used == set(range(len(data["sections"])))
    links = Counter((cell["runs"], cell["metric"]) for cell in data["cells"].values())
    assert set(links.values()) == {1}
    assert len({runs["link"] for runs in data["runs"]}) == len(data["runs"])


def test_anchors_are_there_once_and_lead_somewhere(parts):
    ids = Counter(given["id"] for _, given in parts.tags if "id" in given)
    assert set(ids.values()) == {1}
    targets = {given["href"][1:] for given in parts.all("a") if given["href"].startswith("#")}
    targets |= {given["aria-labelledby"] for _, given in parts.tags if "aria-labelledby" in given}
    assert targets <= set(ids)


def test_a_dialog_tells_the_mean_each_seed_the_interval_and_the_floor():
    values = {0: 0.801, 1: 0.81234, 2: 0.82}
    text = page_of(*(record("a", value, seed) for seed, value in values.items()), record("b", 0.7))
    cell = dialogs(text)["a"]
    assert cell["value"] == "auroc-macro: 81.11 ± 0.96 % over 3 seeds"
    facts = dict(cell["facts"])
    assert facts["Rank"] == "1 of 2"
    assert facts["95 % interval"].startswith("78.10 to 82.10 ")
    assert facts["Floor"] == "50.00"
    metrics = section(text, cell, "All metrics on the test split, in % where no unit stands")
    row = dict(zip(metrics["head"], metrics["rows"][0], strict=True))
    assert [row[f"seed {seed}"] for seed in values] == ["80.10", "81.23", "82.00"]
    assert (row["floor"], row["better by"]) == ("50.00", "+31.11")
    brier = dict(zip(metrics["head"], metrics["rows"][1], strict=True))
    assert brier["metric"] == "brier-macro ↓"
    assert brier["better by"].startswith("-"), "a Brier score above that of the floor is worse"


@pytest.mark.parametrize(
    ("made", "value"),
    [
        ([record("a", 0.8)], "80.00 % over 1 seed"),
        ([record("a", 0.8), record("a", None, 1)], "80.00 % over 1 of 2 seeds"),
        ([record("a", None)], "undefined"),
        ([failed("a")], "failed"),
    ],
)
def test_what_is_missing_is_told(made, value):
    cell = dialogs(page_of(*made))["a"]
    assert cell["value"] == f"auroc-macro: {value}"


def test_a_dialog_tells_weights_data_and_how_to_run_it_again():
    made = record("a", 0.8, record={"warnings": ["mind this"]})
    text = page_of(made)
    cell = dialogs(text)["a"]
    commands = section(text, cell, "How to reproduce it")["commands"]
    assert commands[0]["line"] == (
        "cxrbench run --model a --task nih-1pct --protocol strict@1 --seeds 1"
    )
    assert any(made.run_id in command["line"] for command in commands)
    weights = dict(section(text, cell, "Weights")["facts"])
    (digest,) = made.weights.sha256.values()
    assert digest in weights.values()
    assert f"{made.weights.matched} of {made.weights.total} tensors" in weights["Weights"]
    splits = section(text, cell, "Data")["rows"]
    assert [row[0] for row in splits] == list(made.dataset.splits)
    assert [row[-1] for row in splits] == [s.sha256 for s in made.dataset.splits.values()]
    assert "mind this" not in text
    assert section(text, cell, "Time and memory")["rows"]


def test_a_published_value_stands_beside_the_measured_one(parts):
    cells = [c for c in parts.data["cells"].values() if dict(c["facts"]).get("Published")]
    assert cells
    assert any("88.25 ± 0.50, Some (2026), Table 3" in dict(c["facts"])["Published"] for c in cells)


def test_published_rows_are_unranked_and_below_and_open_nothing(text):
    body = text.split('<tbody class="published">', 1)[1].split("</tbody>", 1)[0]
    assert "data-cell" not in body
    assert 'data-state="published"' in body
    assert '<td class="rank"></td>' in body


def test_rows_of_one_name_say_what_tells_them_apart():
    text = page_of(record("a", 0.8), record("a", 0.9, precision="bf16"), record("b", 0.7))
    rows = re.findall(r'<th scope="row" class="name">([^\n]*)</th>', text)
    assert 'a<span class="metric">precision bf16</span>' in rows
    assert "a" in rows
    assert "b" in rows


# --- ranked and not ------------------------------------------------------------------------------


def test_what_is_not_ranked_is_said_loudly_and_kept_apart():
    phantom = record("p", 0.99, dataset={"kind": "phantom"}, data={"train_ids": "phantom"})
    text = page_of(record("a", 0.8), phantom)
    assert "Not all of this is ranked." in text
    assert "1 of 2 records are not ranked: phantom data (1)." in text
    assert "Not a ranking." in page_of(phantom)
    maps = heat_maps(shown([record("a", 0.8), phantom]), _Nothing())
    assert [(m.state, list(m.names.values())) for m in maps] == [
        ("ranked", ["a"]), ("unranked", ["p"]),
    ]  # fmt: skip


def test_what_is_left_out_is_told():
    phantom = record("p", 0.99, dataset={"kind": "phantom"}, data={"train_ids": "phantom"})
    text = page_of(record("a", 0.8), phantom, unranked=False)
    assert "1 record is left out" in text
    assert "ranked." not in text.split("<nav")[0].split("<body>")[1].split("left out")[0]


def test_no_records_no_tables():
    text = pages(Board((), footer=Footer(0, "", "", (), "cxrbench leaderboard")))[PAGE]
    assert "No records yet" in text
    assert not Parts(text).all("table")


# --- the heat map --------------------------------------------------------------------------------


class _Nothing:
    """Collects no dialogs."""

    def add(self, *_: object) -> str:
        return "c1"


@pytest.mark.parametrize(
    ("values", "higher", "steps"),
    [
        ({"a": 0.1, "b": 0.9}, True, {"a": 0, "b": LEVELS - 1}),
        ({"a": 0.1, "b": 0.9}, False, {"a": LEVELS - 1, "b": 0}),
        ({"a": 0.0, "b": 0.5, "c": 1.0}, True, {"a": 0, "b": LEVELS // 2, "c": LEVELS - 1}),
        ({"a": 5.0, "b": 5.0, "c": 9.0}, False, {"a": LEVELS - 1, "b": LEVELS - 1, "c": 0}),
        ({"a": 0.5, "b": 0.5}, True, {}),
        ({"a": 0.5}, True, {}),
        ({}, True, {}),
    ],
)
def test_steps_are_scaled_within_a_column_in_its_direction(values, higher, steps):
    assert steps_of(values, higher_is_better=higher) == steps


def test_the_best_of_a_column_is_starred_where_lower_is_better_too():
    swap = {"main_metric": "brier-macro"}
    board = shown([record("a", 0.9, record=swap), record("b", 0.5, record=swap)])
    (found,) = heat_maps(board, _Nothing())
    (strip,) = found.strips
    (best,) = strip.best
    assert found.names[best] == "a"
    assert strip.steps[best] == LEVELS - 1
    assert [found.names[key] for key in strip.next] == ["b"]


def test_ties_share_the_first_place():
    (found,) = heat_maps(shown([record("a", 0.9), record("b", 0.9), record("c", 0.8)]), _Nothing())
    (strip,) = found.strips
    assert {found.names[key] for key in strip.best} == {"a", "b"}
    assert [found.names[key] for key in strip.next] == ["c"]


def test_one_model_by_two_recipes_is_in_the_map_twice():
    made = [record("a", 0.8), record("a", 0.9, recipe={"epochs": 1}), record("b", 0.7)]
    (found,) = heat_maps(shown(made), _Nothing())
    (strip,) = found.strips
    assert sorted(found.names.values()) == ["a", "a", "b"]
    assert [strip.cells[key].text for key in strip.best] == ["90.0"]
    assert [strip.cells[key].text for key in strip.next] == ["80.0"]
    texts = [text for key, text in found.apart.items() if found.names[key] == "a"]
    assert len(set(texts)) == 2, "what tells them apart is said"


def test_columns_of_one_task_on_other_data_say_what_they_stand_on():
    custom = json.loads(record("a", 0.8).model_dump_json())["dataset"]["splits"]
    custom["train"].update(official=False, n=7)
    other = record("a", 0.9, dataset={"splits": custom}, data={"train_ids": "custom"}, limit=3)
    third = record("a", 0.9, dataset={"splits": custom}, data={"train_ids": "custom"})
    (found,) = heat_maps(shown([other, third]), _Nothing())
    assert len({strip.data for strip in found.strips}) == 2
    (alone,) = heat_maps(shown([third]), _Nothing())
    assert [strip.data for strip in alone.strips] == [""]
