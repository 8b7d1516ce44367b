"""`data` and `weights`."""

from __future__ import annotations

import csv
import json
from collections import Counter

import pytest


def test_where_says_what_is_needed_and_what_is_here(answer, cli, nih_root):
    (row,) = [row for row in answer("data", "where") if row["name"] == "nih"]
    assert row["root"] is None
    assert row["url"].startswith("https://")
    assert row["layout"]
    text = cli("data", "where").out
    assert "--data-root nih=DIR" in text
    for part in (row["url"], row["licence"], *row["layout"]):
        assert part in text
    rows = answer("data", "where", "--data-root", f"nih={nih_root}")
    assert next(r for r in rows if r["name"] == "nih")["root"] == str(nih_root)
    rows = answer("data", "where", "--data-root", "nih=/nowhere")
    assert "does not exist" in next(r for r in rows if r["name"] == "nih")["root"]


def test_verify_of_a_phantom(answer, cli, nih_root):
    found = answer("data", "verify", "nih-1pct", "--data-root", f"nih={nih_root}")
    assert found["kind"] == "phantom"
    assert found["ok"]
    assert found["problems"] == []
    sizes = {x["split"]: x["found"] for x in found["lines"] if x["what"] == "images"}
    lists = {"train": "train_1", "val": "val", "test": "test"}
    for name, file in lists.items():
        ids = (nih_root / "splits" / f"{file}.txt").read_text().split()
        assert sizes[name] == str(len(ids))
    done = cli("data", "verify", "nih-1pct", "--data-root", f"nih={nih_root}")
    assert done.code == 0
    assert "differs" not in done.out
    assert "shares images with" in done.out


def test_verify_of_a_whole_data_set_looks_at_every_list(answer, cli, nih_copy):
    root = ("--data-root", f"nih={nih_copy}")
    found = answer("data", "verify", "nih", *root)
    assert list(found["positives"]) == ["train", "train_1", "train_10", "val", "test"]
    (nih_copy / "splits" / "train_1.txt").unlink()
    done = cli("data", "verify", "nih", *root, "--quick", "--json")
    assert done.code == 1
    found = json.loads(done.out)
    assert found["lists_missing"] == ["train_1"]
    assert list(found["positives"]) == ["train", "train_10", "val", "test"]


def test_verify_counts_positives_by_label_and_split(answer, cli, nih_root):
    command = ("data", "verify", "nih-1pct", "--data-root", f"nih={nih_root}")
    with (nih_root / "Data_Entry_2017_v2020.csv").open(newline="") as file:
        findings = {row["Image Index"]: row["Finding Labels"].split("|")
                    for row in csv.DictReader(file)}  # fmt: skip
    expected = {}
    for name, file in {"train": "train_1", "val": "val", "test": "test"}.items():
        ids = (nih_root / "splits" / f"{file}.txt").read_text().split()
        expected[name] = Counter(label for image in ids for label in findings[image])
    found = answer(*command)["positives"]
    labels = list(found["train"])
    assert len(labels) == 14
    assert {name: [expected[name][label] for label in labels] for name in expected} == {
        name: list(counts.values()) for name, counts in found.items()
    }
    table = cli(*command).out.split("positives", 1)[1]
    for label in labels:
        assert [label, *(str(expected[name][label]) for name in expected)] in [
            line.split() for line in table.splitlines()
        ]


def test_verify_of_a_custom_split_of_real_data_ends_with_1(cli, nih_copy):
    (nih_copy / "PHANTOM.json").unlink()
    done = cli("data", "verify", "nih-1pct", "--data-root", f"nih={nih_copy}")
    assert done.code == 1
    assert "differs" in done.out
    assert "never ranked" in done.err
    done = cli("data", "verify", "nih-1pct", "--data-root", f"nih={nih_copy}", "--json")
    assert done.code == 1
    assert any(not line["ok"] for line in json.loads(done.out)["lines"])


def test_verify_of_nothing(refused):
    assert "nih-1pct" in refused("data", "verify", "nih-1pc")
    assert "did you mean nih" in refused("data", "verify", "nih2")
    assert "--data-root nih=DIR" in refused("data", "verify", "nih-1pct")
    assert "/nowhere" in refused("data", "verify", "nih-1pct", "--data-root", "nih=/nowhere")
    assert "NAME=DIR" in refused("data", "verify", "nih-1pct", "--data-root", "/nowhere")


@pytest.mark.parametrize(
    "command",
    [("data", "where"), ("data", "verify", "nih-1pct"),
     ("data", "prepare", "nih-1pct", "--model", "pixel-stats"),
     ("run", "--model", "pixel-stats", "--task", "nih-1pct", "--plan")],
    ids=" ".join,
)  # fmt: skip
def test_the_root_of_a_data_set_that_no_task_has(refused, nih_root, command):
    error = refused(*command, "--data-root", f"hih={nih_root}")
    assert "hih" in error.splitlines()[0]
    assert "did you mean nih?" in error
    assert "cxrbench data where" in refused(*command, "--data-root", "zzz=/x")


def test_prepare_decodes_once(cli, nih_root):
    arguments = ("data", "prepare", "nih-1pct", "--model", "pixel-stats",
                 "--data-root", f"nih={nih_root}")  # fmt: skip
    lists = [nih_root / "splits" / f"{name}.txt" for name in ("train_1", "val", "test")]
    count = sum(len(path.read_text().split()) for path in lists)
    first, second = cli(*arguments), cli(*arguments)
    assert (first.code, second.code) == (0, 0)
    assert f"{count} decoded, 0 were there" in first.out
    assert f"0 decoded, {count} were there" in second.out


def test_prepare_of_a_whole_data_set_serves_every_model(answer, nih_root):
    command = ("data", "prepare", "nih", "--data-root", f"nih={nih_root}")
    first, second = answer(*command), answer(*command)
    total = len(list(nih_root.glob("images_0*/images/*.png")))
    assert first["images"] == total
    assert {row["decoded"] for row in first["prepared"]} == {total}
    assert {row["decoded"] for row in second["prepared"]} == {0}
    assert {row["there"] for row in second["prepared"]} == {total}
    assert len({row["geometry"] for row in first["prepared"]}) == len(first["prepared"]) >= 3


def test_prepare_names_every_image_that_does_not_decode_and_keeps_the_rest(cli, nih_copy):
    command = ("data", "prepare", "nih", "--model", "pixel-stats", "--data-root", f"nih={nih_copy}")
    paths = sorted(nih_copy.glob("images_0*/images/*.png"))
    whole = {path: path.read_bytes() for path in (paths[0], paths[-1])}
    for path, content in whole.items():
        path.write_bytes(content[:100])
    done = cli(*command)
    assert done.code == 1
    assert all(str(path) in done.err for path in whole)
    assert f"{len(paths) - 2} decoded, 0 were there" in done.out
    for path, content in whole.items():
        path.write_bytes(content)
    done = cli(*command)
    assert done.code == 0
    assert f"2 decoded, {len(paths) - 2} were there" in done.out


def test_prepare_for_what_declares_no_size(refused, nih_root):
    root = ("--data-root", f"nih={nih_root}")
    assert "timm/*" in refused("data", "prepare", "nih-1pct", "--model", "timm/*x", *root)
    assert "unknown model" in refused("data", "prepare", "nih-1pct", "--model", "nothing", *root)


def test_weights_where(answer, cli):
    rows = answer("weights", "where")
    assert {row["model"] for row in rows} >= {"cogaze"}
    packaged = {row["path"] is not None for row in rows if row["model"] == "cogaze-tiny"}
    assert packaged == {True}
    assert all(row["path"] is None for row in rows if row["model"] != "cogaze-tiny")
    assert all(row["licence"] for row in rows)
    rows = answer("weights", "where", "timm/resnet18")
    assert [(row["model"], row["file"]) for row in rows] == [("timm/resnet18", "model")]
    assert "resnet18" in rows[0]["source"]
    assert "cxrbench weights fetch" in cli("weights", "where", "cogaze").out
    assert answer("weights", "where", "pixel-stats") == []


def test_weights_that_were_placed_are_shown(answer, tmp_path, own_cache):
    folder = tmp_path / "plug"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "net.yaml").write_text(
        "id: net\nfamily: f\ntitle: t\nentry: a:b\nstatus: declared\ncapabilities: [image]\n"
        "weights: [{name: w, source: manual, file: w.pt}]\n"
    )
    path = own_cache / "weights" / "w" / "w.pt"
    path.parent.mkdir(parents=True)
    path.touch()
    (row,) = answer("--plugin", folder, "weights", "where", "net")
    assert row["path"] == str(path)


def test_fetch_offline_is_a_bad_request(refused, cli):
    error = refused("weights", "fetch", "timm/resnet18")
    assert "model.safetensors" in error
    assert "--weights PATH" in error
    assert "unknown model" in refused("weights", "fetch", "nothing")
    assert "no weights to fetch" in cli("weights", "fetch", "pixel-stats").out


def test_where_of_one_data_set_says_what_was_found(answer, cli, nih_root, tmp_path):
    (row,) = answer("data", "where", "nih", "--data-root", f"nih={nih_root}")
    total = len(list(nih_root.glob("images_0*/images/*.png")))
    assert f"{total} images, 0 missing" in row["found"]
    assert row["found"] in cli("data", "where", "nih", "--data-root", f"nih={nih_root}").out
    (tmp_path / "empty").mkdir()
    (row,) = answer("data", "where", "nih", "--data-root", f"nih={tmp_path / 'empty'}")
    assert "is missing" in row["found"]
    rows = answer("data", "where", "--data-root", f"nih={nih_root}")
    assert next(r for r in rows if r["name"] == "nih")["found"] is None, "the list opens nothing"


def test_where_finds_what_a_data_set_needs(answer, cli, tmp_path):
    (tmp_path / "egd" / "mimic-cxr").mkdir(parents=True)
    (row,) = answer("data", "where", "egd", "--data-root", f"egd={tmp_path / 'egd'}")
    assert row["needed"] == {"mimic-cxr": str(tmp_path / "egd" / "mimic-cxr")}
    assert "--data-root mimic-cxr=DIR" in cli("data", "where", "egd").out


def test_show_draws_a_sheet(cli, refused, nih_root, tmp_path):
    from PIL import Image

    root = ("--data-root", f"nih={nih_root}")
    out = tmp_path / "deep" / "sheet.png"
    done = cli("data", "show", "nih", "--images", "8", *root, "--out", out)
    assert done.code == 0
    with Image.open(out) as sheet:
        assert sheet.size == (6 * 256, 2 * 256)
    assert "no image has a region" in refused(
        "data", "show", "nih", "--marked", *root, "--out", out
    )
