"""The run id: stable, and the hash of exactly what changes a number."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cxrbench.results.spec import RunSpec

FIELDS = {
    "model": "encoder-a",
    "encoder": "5f2d0c9e1a7b4836",
    "weights": {"model": "a" * 64},
    "task": "nih-1pct",
    "task_version": 1,
    "data": {"train_ids": "1", "labels": "4"},
    "protocol": "strict@1",
    "recipe": {"mode": "finetune", "optimizer": {"lr": 1e-5, "name": "adamw"}},
    "seed": 0,
    "precision": "32",
    "micro_batch": None,
    "limit": None,
}
CHANGES = {
    "model": "encoder-b",
    "encoder": "0000000000000000",
    "weights": {"model": "b" * 64},
    "task": "nih-10pct",
    "task_version": 2,
    "data": {"train_ids": "2", "labels": "4"},
    "protocol": "cogaze@1",
    "recipe": {"mode": "finetune", "optimizer": {"lr": 1e-4, "name": "adamw"}},
    "seed": 1,
    "precision": "bf16",
    "micro_batch": 4,
    "limit": 100,
}


def test_the_run_id_never_changes():
    """Written down once: another id would orphan every record there is."""
    assert RunSpec(**FIELDS).run_id == "encoder-a_nih-1pct_strict@1_s0_d859bc98a3ff"
    assert RunSpec(**FIELDS).group_id == "17b3ce95b13f"


def test_every_field_of_the_spec_is_in_the_changes():
    assert set(CHANGES) == set(FIELDS) == set(RunSpec.model_fields)


@pytest.mark.parametrize("field", CHANGES)
def test_every_field_changes_the_run_id(field):
    assert RunSpec(**{**FIELDS, field: CHANGES[field]}).run_id != RunSpec(**FIELDS).run_id


@pytest.mark.parametrize("field", CHANGES)
def test_runs_of_one_group_differ_in_their_seed_alone(field):
    other = RunSpec(**{**FIELDS, field: CHANGES[field]})
    assert (other.group_id == RunSpec(**FIELDS).group_id) == (field == "seed")


def test_the_order_of_keys_means_nothing():
    turned = {key: FIELDS[key] for key in reversed(FIELDS)}
    turned["recipe"] = {"optimizer": {"name": "adamw", "lr": 1e-5}, "mode": "finetune"}
    assert RunSpec(**turned).run_id == RunSpec(**FIELDS).run_id


def test_a_run_id_is_a_folder_name():
    run_id = RunSpec(**{**FIELDS, "model": "timm/vit small:v2"}).run_id
    assert run_id.startswith("timm-vit-small-v2_nih-1pct_strict@1_s0_")
    assert "/" not in run_id


def test_nothing_else_is_taken():
    with pytest.raises(ValidationError):
        RunSpec(**FIELDS, device="cuda")
