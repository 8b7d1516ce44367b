"""Where a number comes from, without where somebody lives."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import typer

from cxrbench.cli.main import app
from cxrbench.results import provenance
from cxrbench.results.provenance import collect, redact


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("run", "run"),
        ("--limit", "--limit"),
        ("timm/vit_small,timm/resnet10t", "timm/vit_small,timm/resnet10t"),
        ("auroc=0.5", "auroc=0.5"),
        ("/home/jane/data/nih", "…/nih"),
        ("/home/jane doe/my data/nih", "…/nih"),
        ("nih=/home/jane/nih", "nih=…/nih"),
        ("--data-root=nih=/home/jane/nih", "--data-root=nih=…/nih"),
        ("~/jane/weights.pt", "…/weights.pt"),
        ("~jane/weights.pt", "…/weights.pt"),
        ("~jane", "…"),
        ("~", "…"),
        ("../jane/nih", "…/nih"),
        ("./runs", "…/runs"),
        ("..", "…"),
        ("/", "…"),
        ("C:\\Users\\jane\\nih", "…/nih"),
    ],
)
def test_folders_are_cut_and_names_are_not(argument, shown):
    assert redact([argument]) == [shown]


@pytest.mark.parametrize("option", ["--weights", "--runs", "--out", "--plugin", "--suite"])
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("home/alice/secret.pt", "…/secret.pt"),
        ("home\\alice\\secret.pt", "…/secret.pt"),
        ("/home/alice/a=b/secret.pt", "…/secret.pt"),
        ("runs", "runs"),
        ("random", "random"),
        (".", "…"),
    ],
)
def test_the_value_of_an_option_that_takes_a_path_is_one(option, value, shown):
    assert redact([option, value]) == [option, shown]
    assert redact([f"{option}={value}"]) == [f"{option}={shown}"]
    assert redact(["run", option, value, "timm/vit"]) == ["run", option, shown, "timm/vit"]


@pytest.mark.parametrize(
    ("option", "value", "shown"),
    [
        ("--weights", "timm/resnet50=home/alice/x.pt", "timm/resnet50=…/x.pt"),
        ("--weights", "timm/resnet50=random", "timm/resnet50=random"),
        ("--data-root", "nih=home/alice/nih", "nih=…/nih"),
        ("--data-root", "nih=/home/alice/a=b/nih", "nih=…/nih"),
    ],
)
def test_a_path_behind_a_name_is_one(option, value, shown):
    assert redact([option, value]) == [option, shown]
    assert redact([f"{option}={value}"]) == [f"{option}={shown}"]


def test_a_relative_path_to_the_home_folder_is_not_told(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "jane"))
    monkeypatch.chdir(tmp_path)
    assert redact(["--out", "jane"]) == ["--out", "…"]


def test_every_option_that_takes_a_path_is_known():
    def callbacks(group):
        yield from (command.callback for command in group.registered_commands)
        yield from (each.callback for each in [group.registered_callback] if each)
        for child in group.registered_groups:
            yield from callbacks(child.typer_instance)

    def options(callback):
        for name, hint in get_type_hints(callback, include_extras=True).items():
            for info in getattr(hint, "__metadata__", ()):
                if isinstance(info, typer.models.ArgumentInfo):
                    continue
                metavar = getattr(info, "metavar", None) or ""
                if "Path" in str(get_args(hint)[0]) or "PATH" in metavar or "DIR" in metavar:
                    yield (info.param_decls or [f"--{name.replace('_', '-')}"])[0]

    found = {name for callback in callbacks(app) for name in options(callback)}
    assert found == {"--weights", "--data-root", "--runs", "--out", "--plugin", "--suite",
                     "--reference", "--init", "--compare", "--html", "--per-report",
                     "--tokenizer", "--plot", "--pages"}  # fmt: skip
    for name in found:
        assert redact([name, "home/alice"]) == [name, "…/alice"]


def test_the_home_folder_is_not_told(monkeypatch, tmp_path):
    home = tmp_path / "jane"
    monkeypatch.setenv("HOME", str(home))
    assert redact([str(home), f"nih={home}", f"{home}/nih"]) == ["…", "nih=…", "…/nih"]


def test_the_command_is_redacted(monkeypatch, tmp_path):
    monkeypatch.setattr(provenance.sys, "argv", ["cxrbench", "run", "--runs", str(tmp_path)])
    found = collect({"distribution": "cxrbench"}, "")
    assert found.argv == ["run", "--runs", f"…/{tmp_path.name}"]
    assert str(Path.home()) not in found.model_dump_json()
    assert {"python", "torch", "numpy", "cxrbench"} <= set(found.versions)
    assert found.created.endswith("+00:00")
