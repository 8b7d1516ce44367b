"""Checkpoints become safetensors without any code in them being run."""

from __future__ import annotations

import datetime
import io
import json
import os
import pickle
import pickletools
import re
import subprocess
import sys
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import Counter, OrderedDict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from typer.testing import CliRunner

from cxrbench.cli.main import app
from cxrbench.errors import BadRequest, WeightsError
from cxrbench.hashing import sha256_file
from cxrbench.weights.choice import resolve
from cxrbench.weights.convert import convert
from cxrbench.weights.load import load
from cxrbench.weights.unpickle import RefusedError, globals_of, is_blocked, wanted_globals


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out" / "new.safetensors"


@pytest.fixture
def saved(tmp_path):
    """Save something as an old checkpoint."""

    def save(content, name="old.ckpt", **options):
        torch.save(content, tmp_path / name, **options)
        return tmp_path / name

    return save


@pytest.fixture
def settings_class(tmp_path, monkeypatch):
    """A class of a library that is not there when the checkpoint is converted."""
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "old_library.py").write_text(
        f"import pathlib\npathlib.Path({str(tmp_path / 'imported')!r}).touch()\n"
        "class Settings(dict):\n    pass\n"
        "class Config:\n    def __init__(self): self.lr = 1.0\n"
    )
    monkeypatch.syspath_prepend(folder)
    import old_library

    yield old_library
    assert "old_library" not in sys.modules or sys.modules.pop("old_library")


def forget(module, tmp_path):
    """Take the library away; says whether it is imported afterwards."""
    del sys.modules[module.__name__]
    (tmp_path / "imported").unlink()
    return lambda: (tmp_path / "imported").exists() or module.__name__ in sys.modules


def same(path, expected):
    found = load_file(path)
    assert set(found) == set(expected)
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize("old_format", [False, True])
def test_the_result_loads_through_the_public_loader(
    net, other, make_card, resolved, saved, out, old_format
):
    path = saved({"state_dict": other, "epoch": 3},
                 _use_new_zipfile_serialization=not old_format)  # fmt: skip
    done = convert(path, out)
    assert (done.wrapper, done.tensors, done.left_out, done.shared) == (
        "state_dict", len(other), ("epoch",), (),
    )  # fmt: skip
    assert done.sha256 == sha256_file(out) and done.bytes == out.stat().st_size
    card = make_card({"name": "w", "source": "manual", "file": out.name, "wrapper": ["state_dict"]})
    report = load(net, card, resolved(card, out))
    assert report.matched == report.total == len(other)
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in other.items())


def test_the_wrapper_is_found_named_or_asked_for(saved, out, other, tmp_path):
    path = saved({"net": other, "ema": other, "args": {"lr": 1}})
    with pytest.raises(WeightsError, match="cannot tell") as caught:
        convert(path, out)
    assert f"net ({len(other)} tensors), ema" in caught.value.why
    with pytest.raises(WeightsError, match="no key model"):
        convert(path, out, wrapper="model")
    assert not out.exists()
    done = convert(path, out, wrapper="ema")
    assert done.wrapper == "ema" and done.left_out == ("net", "args")
    # Tensors at the top are the state dict, whatever lies beside them.
    done = convert(saved({**other, "extra": other}), tmp_path / "top.safetensors")
    assert done.wrapper == "" and done.left_out == ("extra (an object)",)
    same(done.path, other)


def test_entries_that_are_no_tensors_are_named(saved, out):
    state = OrderedDict(a=torch.ones(2), b=3, c="text", d=None)
    done = convert(saved({"model": state}), out)
    assert done.left_out == ("b (int)", "c (str)", "d (NoneType)")
    same(out, {"a": torch.ones(2)})


def test_tied_and_partial_tensors_are_written_whole(saved, out):
    table = torch.rand(10, 4)
    state = {"a": table, "b": table, "row": table[2], "turned": table.T, "empty": torch.ones(0)}
    done = convert(saved(state), out)
    assert set(done.shared) == {"b", "row", "turned"}
    same(out, state)
    assert out.stat().st_size < 4 * (3 * 40 + 4) + 1000


def test_settings_beside_the_tensors_are_named_then_passed_over(
    saved, out, other, settings_class, tmp_path
):
    hyper = settings_class.Settings(lr=1.0, config=settings_class.Config())
    path = saved({"state_dict": other, "hyper_parameters": hyper})
    imported = forget(settings_class, tmp_path)
    with pytest.raises(RefusedError) as caught:
        convert(path, out)
    wanted = ("old_library.Config", "old_library.Settings")
    assert caught.value.wanted == wanted
    with pytest.raises(RefusedError) as caught:
        convert(path, out, allow=wanted[:1])
    assert caught.value.wanted == wanted[1:]
    assert not out.exists()
    done = convert(path, out, allow=wanted)
    assert done.left_out == ("hyper_parameters",) and not imported()
    same(out, other)
    with pytest.raises(RefusedError):  # nothing stays allowed
        convert(path, out.with_name("again.safetensors"))


def test_the_old_format_is_looked_into_too(saved, out, other, settings_class, tmp_path):
    content = {"model": other, "args": settings_class.Config()}
    path = saved(content, _use_new_zipfile_serialization=False)
    imported = forget(settings_class, tmp_path)
    with pytest.raises(RefusedError) as caught:
        convert(path, out)
    assert caught.value.wanted == ("old_library.Config",)
    assert convert(path, out, allow=["old_library.Config"]).left_out == ("args",)
    assert not imported()
    same(out, other)


class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4))
        self.register_buffer("kept", torch.ones(2))
        self.register_buffer("passing", torch.ones(3), persistent=False)


@pytest.mark.parametrize("wrap", [lambda module: module, lambda module: {"model": module}])
def test_a_whole_module_gives_its_state_dict(saved, out, wrap):
    module = Deep()
    path = saved(wrap(module))
    with pytest.raises(RefusedError) as caught:
        convert(path, out)
    assert f"{__name__}.Deep" in caught.value.wanted
    assert "torch.nn.modules.conv.Conv2d" in caught.value.wanted
    convert(path, out, allow=caught.value.wanted)
    same(out, module.state_dict())


def test_numbers_of_numpy_are_passed_over(saved, out, other):
    path = saved({"state_dict": other, "best": np.float64(0.5), "seen": np.arange(3)})
    with pytest.raises(RefusedError) as caught:
        convert(path, out)
    convert(path, out, allow=caught.value.wanted)
    same(out, other)


class Runs:
    """Calls something when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def touch(path):
    Path(path).touch()


def test_code_is_not_run_whatever_is_allowed(saved, out, other, tmp_path):
    trace = tmp_path / "trace"
    path = saved({"model": other, "evil": Runs(touch, str(trace))})
    with pytest.raises(RefusedError) as caught:
        convert(path, out)
    assert caught.value.wanted == (f"{__name__}.touch",)
    assert not trace.exists() and not out.exists()
    convert(path, out, allow=caught.value.wanted)
    assert not trace.exists()
    same(out, other)
    torch.load(path, weights_only=False)  # the trap itself works
    assert trace.exists()


def test_the_system_is_never_reached(saved, out, other, tmp_path):
    trace = tmp_path / "trace"
    path = saved({"model": other, "evil": Runs(os.system, f"touch {trace}")})
    (name,) = wanted_globals(path)
    with pytest.raises(RefusedError):
        convert(path, out)
    with pytest.raises(BadRequest, match="cannot convert") as caught:
        convert(path, out, allow=["collections.UserDict", name])
    assert name in caught.value.why and "UserDict" not in caught.value.why
    assert not trace.exists() and not out.exists()


@pytest.mark.parametrize("function", [os.system, subprocess.run, eval])
@pytest.mark.parametrize("protocol", [2, 4])
def test_no_recipe_for_a_file_that_reaches_the_system(
    saved, out, other, settings_class, function, protocol
):
    evil = Runs(function, "0")
    content = {"model": other, "args": settings_class.Config(), "evil": evil}
    path = saved(content, pickle_protocol=protocol)
    arguments = ["weights", "convert", str(path), "--out", str(out)]
    for allow in ([], ["--allow", "old_library.Config"]):
        done = CliRunner().invoke(app, arguments + allow)
        assert isinstance(done.exception, RefusedError)
        # Protocol 2 has the modules of Python 2.
        assert re.search(rf"^\w+\.{function.__name__}: never allowed", done.stderr, re.M)
        assert "weights_only" not in done.stderr and "--allow" not in done.stderr
    assert not out.exists()


def test_no_recipe_where_nothing_is_known(tmp_path, out):
    path = tmp_path / "odd.pt"
    path.write_bytes(b"\x80\x02}.")  # a pickle that is no checkpoint
    done = CliRunner().invoke(app, ["weights", "convert", str(path), "--out", str(out)])
    assert isinstance(done.exception, WeightsError)
    assert "weights_only" not in done.stderr


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
@pytest.mark.parametrize("optimised", [False, True])
def test_names_are_found_as_python_finds_them(protocol, optimised):
    """Repeated modules and names come from the memo; `find_class` is the oracle."""

    class Recorder(pickle.Unpickler):
        def find_class(self, module, name):
            asked.add(f"{module}.{name}")
            module, name = NAME_MAPPING.get(
                (module, name), (IMPORT_MAPPING.get(module, module), name)
            )
            return super().find_class(module, name)

    shared = ["system", "os.path", Path("a"), Path("b")]
    content = [
        OrderedDict(a=1), "collections", Decimal(1), "Fraction", Fraction(1, 2),
        {"x": (shared, shared)}, np.float64(1), Path("c"), os.path.join, ["decimal", Decimal(2)],
        Counter("ab"), datetime.date(2020, 1, 1), datetime.timedelta(1), {1, 2}, b"raw", 1 << 70,
    ]  # fmt: skip
    asked: set[str] = set()
    data = pickle.dumps(content, protocol)
    data = pickletools.optimize(data) if optimised else data
    Recorder(io.BytesIO(data), fix_imports=False).load()
    assert set(globals_of(pickletools.genops(data))) == asked and len(asked) > 8


def test_a_name_put_together_on_the_stack_cannot_hide():
    strings = [b"\x8c" + bytes([len(part)]) + part for part in (b"posix", b"system", b"torch")]
    module, function, other = strings
    # Pushed and popped strings in between, and a name that comes from the memo.
    data = b"\x80\x04" + function + b"\x940" + module + b"h\x00" + other + b"0\x93."
    assert list(globals_of(pickletools.genops(data))) == ["posix.system"]
    made = b"\x80\x04" + module + b"N)R" + function + b"\x93."
    (name,) = globals_of(pickletools.genops(made))
    assert name == "?.system" and is_blocked(name)


def test_a_decoy_in_the_archive_does_not_hide_what_is_wanted(saved, other):
    path = saved({"model": other, "evil": Runs(os.system, "0")}, pickle_protocol=4)
    decoy = path.with_name("decoy.pt")
    with zipfile.ZipFile(path) as theirs, zipfile.ZipFile(decoy, "w") as ours:
        ours.writestr("x/data.pkl", pickle.dumps(Fraction(1, 2), 4))
        for name in theirs.namelist():
            ours.writestr(name, theirs.read(name))
    assert any(map(is_blocked, wanted_globals(decoy)))


def test_files_of_another_kind_are_refused(saved, out, tmp_path, other):
    path = saved(other)
    with pytest.raises(BadRequest, match="cannot convert"):
        convert(path, tmp_path / "new.pt")
    with pytest.raises(BadRequest, match="cannot convert"):
        convert(tmp_path / "x.safetensors", out)
    out.parent.mkdir()
    out.write_text("mine")
    with pytest.raises(BadRequest) as caught:
        convert(path, out)
    assert "exists" in caught.value.why and out.read_text() == "mine"
    with pytest.raises(WeightsError, match="cannot read"):
        convert(tmp_path / "absent.pt", tmp_path / "new.safetensors")


def test_nothing_is_left_behind_when_writing_fails(saved, out):
    path = saved({"a": torch.ones(3, 3).to_sparse(), "b": torch.ones(2)})
    with pytest.raises(WeightsError, match=r"cannot write new\.safetensors"):
        convert(path, out)
    assert list(out.parent.iterdir()) == []


def test_a_named_model_has_to_be_fitted(net, other, make_card, saved, out, monkeypatch):
    monkeypatch.setattr("cxrbench.weights.convert.load_entry", lambda _: lambda card: type(net)())
    rules = {"wrapper": ["state"], "strip_prefix": ["m."]}
    card = make_card({"name": "w", "source": "manual", "file": "old.ckpt", **rules})
    theirs = {f"m.{name}": tensor for name, tensor in other.items()}
    lost = {name: tensor for name, tensor in theirs.items() if name != "m.scale"}
    with pytest.raises(WeightsError, match="does not fit net") as caught:
        convert(saved({"state": lost, "optimizer": other}), out, card=card)
    assert "1 missing: scale" in caught.value.why and not out.exists()
    deeper = {**theirs, "m.third.weight": torch.ones(2)}
    with pytest.raises(WeightsError, match="does not fit net") as caught:
        convert(saved({"state": deeper}), out, card=card)
    assert "1 unexpected: third.weight" in caught.value.why and not out.exists()
    ignoring = make_card({**card.weights[0].model_dump(), "ignore": [r"m\.third\..*"]})
    convert(saved({"state": deeper}), out.with_name("deeper.safetensors"), card=ignoring)
    done = convert(saved({"state": theirs, "optimizer": other}), out, card=card)
    assert (
        done.wrapper == "state" and done.fits == f"{len(other)} of the {len(other)} tensors of net"
    )
    same(out, theirs)


@pytest.mark.parametrize("name", ["old.safetensors", "theirs.safetensors", "named.safetensors"])
@pytest.mark.parametrize("into", ["folder", "cache"])
def test_what_was_converted_is_found_and_loaded(net, other, make_card, saved, tmp_path, name, into):
    """A refused file stays where it is; the converted one beside it is used."""
    card = make_card({"name": "theirs", "source": "manual", "file": "old.ckpt"})
    folder = tmp_path / ("cache/weights/theirs" if into == "cache" else "folder")
    folder.mkdir(parents=True)
    # The first name lies beside the refused file, the others in its place.
    path = saved({"state_dict": other, "seen": np.arange(3)})
    if name == "old.safetensors":
        path = path.rename(folder / "old.ckpt")
    convert(path, folder / name, allow=wanted_globals(path))
    if name == "named.safetensors":  # safetensors under the suffix of the card
        (folder / name).rename(folder / "old.ckpt")
    weights = resolve(card, None if into == "cache" else str(folder), fetch=False)
    assert weights.files[0].sha256 == sha256_file(weights.files[0].path)
    report = load(net, card, weights.files)
    assert report.matched == report.total == len(other)
    assert all(torch.equal(net.state_dict()[key], tensor) for key, tensor in other.items())


def test_safetensors_of_another_name_are_not_converted(saved, out, other, tmp_path):
    done = convert(saved(other), out)
    path = done.path.rename(tmp_path / "really.pt")
    with pytest.raises(BadRequest, match="cannot convert") as caught:
        convert(path, out)
    assert "safetensors already" in caught.value.why


def test_the_command_says_what_it_did(saved, out, other):
    path = saved({"state_dict": other, "epoch": 1})
    done = CliRunner().invoke(app, ["weights", "convert", str(path), "--out", str(out)])
    assert done.exit_code == 0
    assert f"{len(other)} tensors" in done.stdout and f"sha256 {sha256_file(out)}" in done.stdout
    assert "1 entries that are no tensors of it were left out: epoch" in done.stdout
    again = [
        "weights",
        "convert",
        str(path),
        "--out",
        str(out.with_name("b.safetensors")),
        "--json",
    ]
    assert json.loads(CliRunner().invoke(app, again).stdout)["sha256"] == sha256_file(out)


def test_the_command_lists_what_a_refused_file_wants(saved, out, other, settings_class):
    path = saved({"state_dict": other, "args": settings_class.Config()})
    arguments = ["weights", "convert", str(path), "--out", str(out)]
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, WeightsError) and not out.exists()
    told = done.stderr
    assert "--allow old_library.Config" in told and "weights_only=False" in told
    command = next(line.split()[1:] for line in told.splitlines() if "--allow" in line)
    assert CliRunner().invoke(app, command).exit_code == 0  # the command it proposes works
    same(out, other)
