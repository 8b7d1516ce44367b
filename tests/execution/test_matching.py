"""Which runs of two models can be compared."""

import pytest
from stored_runs import Runs, label_scores

from cxrbench.errors import BadRequest, UnknownNameError
from cxrbench.execution.matching import match_runs


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path / "runs")


@pytest.fixture
def add(runs):
    """Adds a run whose predictions do not matter."""
    predictions = label_scores()

    def put(model, seed=0, **changes):
        return runs.add(model, predictions, seed, **changes)

    return put


def matched(runs, *arguments, **asked):
    return match_runs(runs.store.records(), *arguments, **asked)


def only(matches):
    (match,) = matches.found
    return match


def test_all_common_seeds_in_order(runs, add):
    for model, seeds in (("a", (2, 0, 1)), ("b", (1, 0, 3))):
        for seed in seeds:
            add(model, seed)
    match = only(matched(runs, "a", "b"))
    assert [r.spec.seed for r in match.first] == [0, 1]
    assert [r.spec.model for r in match.first + match.second] == ["a", "a", "b", "b"]
    assert match.notes == ("seed 2 of a left out", "seed 3 of b left out")


def test_seeds_of_which_none_is_common(runs, add):
    add("a", 0), add("a", 1), add("b", 2)
    with pytest.raises(BadRequest, match="no common seed") as refused:
        matched(runs, "a", "b", tasks=["nih-1pct"])
    assert refused.value.why == "a has 0, 1; b has 2"


def test_every_task_that_both_have_is_a_family(runs, add):
    for task in ("nih-100pct", "nih-1pct", "nih-10pct"):
        add("a", task=task), add("b", task=task)
    add("a", task="rsna-1pct")
    matches = matched(runs, "a", "b")
    assert [m.first[0].spec.task for m in matches.found] == ["nih-1pct", "nih-10pct", "nih-100pct"]
    assert matches.skipped == {("rsna-1pct", "strict@1"): "b has no run of it"}
    asked = matched(runs, "a", "b", tasks=["nih-100pct", "*-1pct"])
    assert [m.first[0].spec.task for m in asked.found] == ["nih-100pct", "nih-1pct"]


def test_a_task_that_was_named_is_not_left_out_in_silence(runs, add):
    add("a", task="nih-1pct"), add("b", task="nih-1pct"), add("a", task="rsna-1pct")
    with pytest.raises(BadRequest, match="nothing to compare") as refused:
        matched(runs, "a", "b", tasks=["nih-1pct", "rsna-1pct"])
    assert refused.value.why == "rsna-1pct under strict@1: b has no run of it"


def test_protocols_are_never_mixed(runs, add):
    add("a", protocol="strict@1"), add("b", protocol="cogaze@1")
    with pytest.raises(BadRequest, match="nothing to compare") as refused:
        matched(runs, "a", "b", tasks=["nih-1pct"])
    assert "under cogaze@1: a has no run of it" in refused.value.why
    assert "under strict@1: b has no run of it" in refused.value.why
    add("b", protocol="strict@1")
    assert only(matched(runs, "a", "b")).second[0].spec.protocol == "strict@1"
    add("a", protocol="cogaze@1")
    assert len(matched(runs, "a", "b").found) == 2
    assert only(matched(runs, "a", "b", protocols=["cog*"])).first[0].spec.protocol == "cogaze@1"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data": {"train_ids": "1", "test_ids": "other"}}, "train_ids, val_ids, test_ids, labels"),
        ({"dataset": {"kind": "phantom"}}, "kind of data"),
        ({"task_version": 2}, "task version"),
        ({"limit": 10}, "--limit"),
    ],
)
def test_other_data_is_refused_and_what_differs_is_told(runs, add, changes, told):
    add("a"), add("b", **changes)
    with pytest.raises(BadRequest, match="not run on the same data for nih-1pct") as refused:
        matched(runs, "a", "b")
    assert told in refused.value.why


def test_each_state_of_the_data_is_compared_by_itself(runs, add):
    phantom = {"dataset": {"kind": "phantom"}}
    for model in "ab":
        add(model), add(model, **phantom, data={"test_ids": "phantom"})
    kinds = [match.first[0].dataset.kind for match in matched(runs, "a", "b").found]
    assert sorted(kinds) == ["phantom", "real"]


def test_several_settings_of_a_model_are_told_and_a_run_id_chooses(runs, add):
    own = add("a")
    other = add("a", recipe={"preprocessing_mode": "benchx", "optimizer": {"lr": 1.0}})
    add("a", 1, recipe={"preprocessing_mode": "benchx", "optimizer": {"lr": 1.0}})
    add("b"), add("b", 1)
    with pytest.raises(BadRequest, match="a was run in 2 settings for nih-1pct") as refused:
        matched(runs, "a", "b")
    assert "preprocessing_mode" in refused.value.why
    assert "optimizer.lr" in refused.value.why
    assert own.run_id in refused.value.fix
    assert other.run_id in refused.value.fix
    match = only(matched(runs, other.run_id, "b"))
    assert [r.spec.recipe.get("preprocessing_mode") for r in match.first] == ["benchx", "benchx"]
    assert match.notes == ("settings that differ: preprocessing_mode, optimizer.lr",)
    assert len(only(matched(runs, own.run_id, other.run_id)).first) == 1
    assert only(matched(runs, own.run_id[-12:], "b")).first == (own,)


def test_what_tells_models_apart_is_no_setting(runs, add):
    add("a"), add("b", encoder="other", weights={"sha256": {}}, precision="bf16")
    assert only(matched(runs, "a", "b")).notes == ("settings that differ: precision",)


def test_a_model_is_not_compared_with_itself(runs, add):
    one = add("a")
    for pair in (("a", "a"), ("a", one.run_id)):
        with pytest.raises(BadRequest, match="are the same runs"):
            matched(runs, *pair)


def test_names_that_nothing_has(runs, add):
    add("model-a"), add("b")
    with pytest.raises(UnknownNameError, match="which runs model-c are") as refused:
        matched(runs, "model-c", "b")
    assert "model-a" in refused.value.fix
    with pytest.raises(UnknownNameError, match="on the task nih-2pct") as refused:
        matched(runs, "model-a", "b", tasks=["nih-2pct"])
    assert "nih-1pct" in refused.value.fix
    with pytest.raises(UnknownNameError, match="under the protocol strikt"):
        matched(runs, "model-a", "b", protocols=["strikt@1"])
    with pytest.raises(UnknownNameError):
        matched(Runs(runs.store.folder / "empty"), "a", "b")


def test_failed_runs_count_for_nothing(runs, add):
    add("a"), add("b", record={"status": "failed"})
    with pytest.raises(UnknownNameError) as refused:
        matched(runs, "a", "b")
    assert "all 1 runs of that model failed" in refused.value.why
