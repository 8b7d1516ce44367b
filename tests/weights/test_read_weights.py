"""Reading checkpoints: tensors only, and never any code."""

from __future__ import annotations

import pickle
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cxrbench.errors import WeightsError
from cxrbench.weights.read import read_tensors

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b.c": torch.tensor(3)}


def same(found, expected=TENSORS):
    assert sorted(found) == sorted(expected)
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor)
        assert found[name].dtype == tensor.dtype


def test_safetensors(tmp_path):
    save_file(TENSORS, tmp_path / "x.safetensors")
    same(read_tensors(tmp_path / "x.safetensors"))


@pytest.mark.parametrize("name", ["x.pt", "x.pth", "x.bin", "x.ckpt", "x.tar"])
def test_a_torch_checkpoint(tmp_path, name):
    torch.save(TENSORS, tmp_path / name)
    same(read_tensors(tmp_path / name))


def test_the_old_torch_format(tmp_path):
    torch.save(TENSORS, tmp_path / "x.pt", _use_new_zipfile_serialization=False)
    same(read_tensors(tmp_path / "x.pt"))


def test_parameters_become_tensors_and_the_rest_is_left_out(tmp_path):
    content = {"a": torch.nn.Parameter(TENSORS["a"]), "b.c": TENSORS["b.c"], "epoch": 3}
    torch.save(content, tmp_path / "x.pt")
    found = read_tensors(tmp_path / "x.pt")
    same(found)
    assert not found["a"].requires_grad


def test_the_first_wrapper_present_is_entered_once(tmp_path):
    torch.save({"model": {"state_dict": TENSORS}, "epoch": 3}, tmp_path / "x.pt")
    with pytest.raises(WeightsError, match="no tensor"):
        read_tensors(tmp_path / "x.pt", ["state_dict", "model"])
    torch.save({"state_dict": {"z": TENSORS["a"]}, "model": TENSORS}, tmp_path / "x.pt")
    same(read_tensors(tmp_path / "x.pt", ["net", "model", "state_dict"]))
    same(read_tensors(tmp_path / "x.pt", ["state_dict"]), {"z": TENSORS["a"]})


def test_a_wrapper_that_is_a_tensor_is_not_entered(tmp_path):
    torch.save({"model": TENSORS["a"]}, tmp_path / "x.pt")
    same(read_tensors(tmp_path / "x.pt", ["model"]), {"model": TENSORS["a"]})


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def saved_by_torch(content, path):
    torch.save(content, path)


def saved_by_pickle(content, path):
    path.write_bytes(pickle.dumps(content))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("save", [saved_by_torch, saved_by_pickle])
@pytest.mark.parametrize("suffix", [".pt", ".bin", ".pkl"])
def test_a_pickle_with_code_is_refused_and_does_not_run(tmp_path, save, suffix):
    path, trace = tmp_path / f"x{suffix}", tmp_path / "trace"
    save({**TENSORS, "evil": Evil(trace)}, path)
    with pytest.raises(WeightsError, match="is refused") as caught:
        read_tensors(path)
    assert "safetensors" in caught.value.fix
    assert not trace.exists()
    # The trap itself works: an unguarded load would have sprung it.
    if save is saved_by_pickle:
        pickle.loads(path.read_bytes())
        assert trace.exists()


def test_an_object_of_some_library_is_refused_without_importing_it(tmp_path, monkeypatch):
    (tmp_path / "trap_module.py").write_text("class Config: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import trap_module

    torch.save({**TENSORS, "config": trap_module.Config()}, tmp_path / "x.pt")
    del sys.modules["trap_module"]
    with pytest.raises(WeightsError, match="is refused"):
        read_tensors(tmp_path / "x.pt")
    assert "trap_module" not in sys.modules


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
@pytest.mark.parametrize("name", ["x.safetensors", "x.pt"])
def test_a_truncated_file_cannot_be_read(tmp_path, name, share):
    path = tmp_path / name
    big = {"a": torch.rand(100, 100)}
    if name.endswith("safetensors"):
        save_file(big, path)
    else:
        torch.save(big, path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(WeightsError) as caught:
        read_tensors(path)
    assert path.name in caught.value.what
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("name", ["x.safetensors", "x.pt"])
def test_a_file_that_is_not_there(tmp_path, name):
    with pytest.raises(WeightsError, match="cannot read") as caught:
        read_tensors(tmp_path / name)
    assert str(tmp_path / name) in caught.value.why


@pytest.mark.parametrize("name", ["x.safetensors", "x.pt"])
def test_another_kind_of_file(tmp_path, name):
    (tmp_path / name).write_text("<html>not found</html>")
    with pytest.raises(WeightsError):
        read_tensors(tmp_path / name)


def test_a_zip_that_is_no_checkpoint(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(WeightsError, match="cannot read"):
        read_tensors(tmp_path / "x.pt")


@pytest.mark.parametrize("content", [[TENSORS["a"]], TENSORS["a"], 3])
def test_a_checkpoint_that_is_no_mapping(tmp_path, content):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(WeightsError, match="expected a mapping"):
        read_tensors(tmp_path / "x.pt")


@pytest.mark.parametrize("content", [{}, {"net": TENSORS, "epoch": 3}])
def test_no_tensor_at_the_top_names_the_keys(tmp_path, content):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(WeightsError, match="no tensor") as caught:
        read_tensors(tmp_path / "x.pt", ["model"])
    assert ", ".join(content) in caught.value.why
