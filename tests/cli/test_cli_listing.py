"""`list`, `info` and `doctor`."""

from __future__ import annotations

import pytest

from cxrbench.cli import doctor
from cxrbench.registry import Registry

REGISTRY = Registry.discover()


def test_models(answer, cli):
    rows = answer("list", "models")
    assert [row["id"] for row in rows] == REGISTRY.models.ids()
    row = next(row for row in rows if row["id"] == "pixel-stats")
    assert row["capabilities"] == ["image"]
    assert row["status"] == "no-weights"
    assert row["provider"].startswith("cxrbench ")
    table = cli("list", "models").out
    assert all(name in table for name in REGISTRY.models.ids())


def test_tasks(answer, cli):
    rows = {row["id"]: row for row in answer("list", "tasks")}
    assert sorted(rows) == REGISTRY.tasks.ids()
    assert rows["nih-1pct"]["sizes"] == {"train": 785, "val": 11219, "test": 22433}
    assert "strict@1" in rows["nih-1pct"]["protocols"]
    assert "785 / 11,219 / 22,433" in cli("list", "tasks").out


def test_protocols(answer, cli):
    assert [row["id"] for row in answer("list", "protocols")] == REGISTRY.protocols.ids()
    assert "linear-probe@1" in cli("list", "protocols").out


def test_no_runs_yet(answer, cli):
    assert answer("list", "runs") == []
    assert cli("list", "runs").code == 0


def test_info_of_a_model(answer, cli):
    card = REGISTRY.models.get("pixel-stats").card
    found = answer("info", "pixel-stats")
    assert found.pop("parameters") is None
    assert found == card.model_dump(mode="json")
    text = cli("info", "pixel-stats").out
    assert card.title in text
    assert "64×64" in text
    assert card.quirks[0] in text


def test_info_counts_parameters(answer, cli):
    found = answer("info", "timm/resnet18")
    assert found["parameters"]["total"] == 11_176_512  # torchvision's 11,689,512 less fc
    assert "11.2M" in cli("info", "timm/resnet18").out


def test_info_of_a_family_of_a_task_and_of_a_protocol(answer, cli):
    assert answer("info", "timm/*")["parameters"] is None
    task = REGISTRY.tasks.get("nih-1pct").card
    assert answer("info", "nih-1pct") == task.model_dump(mode="json")
    text = cli("info", "nih-1pct").out
    assert "22,433 images, 6,187 patients (test.txt)" in text
    assert task.dataset.url in text
    protocol = REGISTRY.protocols.get("cogaze@1").card
    assert answer("info", "cogaze@1") == protocol.model_dump(mode="json")
    text = cli("info", "cogaze@1").out
    assert all(name in text for name in protocol.quirks)


@pytest.mark.parametrize(
    ("name", "advice"),
    [("nih-1pc", "nih-1pct"), ("strict@2", "strict@1"), ("cogaz", "cogaze"),
     ("zzzqqq", "cxrbench list"), ("timm/resnet_18", "resnet18"),
     ("timm/resnet50.a1_in1", "resnet50.a1_in1k")],
)  # fmt: skip
def test_info_of_an_unknown_name_suggests_names_of_every_kind(refused, name, advice):
    error = refused("info", name)
    assert name in error.splitlines()[0]
    assert advice in error.splitlines()[2]


def test_doctor_finds_a_sound_machine(answer, cli, own_cache):
    rows = answer("doctor")
    assert all(row["ok"] for row in rows)
    whats = {row["what"] for row in rows}
    assert {"python", "torch", "plugin", "data set nih", "cache"} <= whats
    assert any(str(own_cache) in row["found"] for row in rows)
    assert cli("doctor").code == 0


def test_doctor_names_a_broken_card_and_ends_with_1(cli, tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "bad.yaml").write_text("id: bad\nfamily: f\n")
    done = cli("--plugin", folder, "doctor")
    assert done.code == 1
    assert "FAULT" in done.out
    assert "bad.yaml" in done.out
    models = cli("--plugin", folder, "list", "models")
    assert models.code == 0
    assert "doctor" in models.err


def test_doctor_names_a_collision(cli, tmp_path):
    folder = tmp_path / "second"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "p.yaml").write_text(
        "id: pixel-stats\nfamily: f\ntitle: t\nentry: a:b\nstatus: no-weights\n"
        "capabilities: [image]\n"
    )
    done = cli("--plugin", folder, "doctor", "--json")
    assert done.code == 1
    assert "path:second" in done.out


def test_doctor_finds_a_data_folder_that_is_gone(cli, tmp_path):
    (tmp_path / "here" / "cxrbench-site.yaml").write_text("data_roots: {nih: /nowhere/nih}\n")
    done = cli("doctor")
    assert done.code == 1
    assert "does not exist" in done.out


def test_doctor_finds_a_package_that_is_missing(cli, monkeypatch):
    monkeypatch.setattr(doctor, "_PACKAGES", ("torch", "no-such-package"))
    done = cli("doctor")
    assert done.code == 1
    assert "not installed" in done.out


def test_a_plugin_folder_without_cards_is_a_bad_request(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert str(tmp_path / "empty") in refused("--plugin", tmp_path / "empty", "list", "models")
