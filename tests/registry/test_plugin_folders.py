"""`--plugin DIR` and `CXRBENCH_PLUGINS`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxrbench.errors import PluginError
from cxrbench.registry import Registry


def test_the_folder_of_a_package(package):
    folder = package("my_encoder", "mine")
    entry = Registry.discover([folder]).models.get("mine")
    assert str(entry.provider) == "path:my_encoder"
    assert str(folder.parent) in sys.path


@pytest.mark.parametrize("inner", ["project/src/my_encoder", "project/my_encoder"])
def test_a_project_with_the_package_inside(package, tmp_path, inner):
    folder = package(inner, "mine")
    entry = Registry.discover([tmp_path / "project"]).models.get("mine")
    assert str(entry.provider) == "path:project"
    assert str(folder.parent) in sys.path


def test_built_in_cards_stay_beside_those_of_the_folder(package):
    registry = Registry.discover([package("my_encoder", "mine")])
    assert {"mine", "pixel-stats"} <= set(registry.models.ids())


def test_a_folder_without_cards_is_refused(package, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", package("bare"), tmp_path / "absent"):
        with pytest.raises(PluginError) as caught:
            Registry.discover([folder])
        assert str(folder) in caught.value.what
        assert caught.value.exit_code == 2


def test_a_relative_folder_works_from_where_one_stands(package, monkeypatch, tmp_path):
    package("my_encoder", "mine")
    monkeypatch.chdir(tmp_path / "my_encoder")
    assert str(Registry.discover([Path()]).models.get("mine").provider) == "path:my_encoder"


def test_folders_of_the_environment(package, monkeypatch):
    folders = [package("first", "one"), package("second", "two")]
    monkeypatch.setenv("CXRBENCH_PLUGINS", os.pathsep.join(map(str, folders)))
    assert {"one", "two"} <= set(Registry.discover().models.ids())


def test_a_folder_that_offers_a_built_in_name_collides(package):
    registry = Registry.discover([package("my_encoder", "pixel-stats")])
    with pytest.raises(PluginError, match="path:my_encoder:pixel-stats"):
        registry.model("pixel-stats")
    assert registry.model("cxrbench:pixel-stats").provider.distribution == "cxrbench"
    mine = registry.model("path:my_encoder:pixel-stats")
    assert mine.provider.distribution == "path:my_encoder"


def test_the_same_folder_twice_is_one_offer(package):
    folder = package("my_encoder", "mine")
    assert Registry.discover([folder, folder]).model("mine").card.id == "mine"


def test_listing_imports_neither_torch_nor_a_plugin(package):
    folder = package("my_encoder", "mine")
    code = (
        "import sys\n"
        "from cxrbench.cli.main import run\n"
        f"sys.argv = ['cxrbench', '--plugin', {str(folder)!r}, 'list', 'models', '--json']\n"
        "try:\n    run()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'timm', 'transformers', 'lightning', 'pandas', 'my_encoder',\n"
        "         'cxrbench_models.timm_models'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "mine" in {row["id"] for row in json.loads(done.stdout)}
    assert done.stderr.splitlines()[-1] == "[]"
