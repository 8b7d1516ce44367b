"""`--preprocessing`: one mode for every encoder, or each encoder's own, and who can have it."""

from __future__ import annotations

import pytest

from cxrbench.data.prepared import prepared_store
from cxrbench.errors import UnknownNameError
from cxrbench.execution.suite import read_suite
from cxrbench.image_spec import ImageSpec
from cxrbench.leaderboard.tables import model_name
from cxrbench.registry import Registry

SMALL_MODE = """\
id: {name}
title: Small
summary: Small and dark.
preprocessing: {{size: [{side}, {side}], resize: pad_square, mean: [0.1, 0.2, 0.3], std: [1, 1, 1]}}
"""


@pytest.fixture
def modes(bench, tmp_path):
    """The registry knows two modes of a plugin, which offers nothing else."""
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name, side in (("small-mode", 24), ("as-small", 32)):
        (folder / f"{name}.yaml").write_text(SMALL_MODE.format(name=name, side=side))
    found = Registry.discover([folder])
    assert not found.problems
    bench.registry.modes.offers.update(found.modes.offers)
    return bench


def one(bench, protocol="strict@1", model="small", **asked):
    (planned,) = bench.plan(model, protocol, **asked)
    return planned


def test_a_mode_is_in_the_recipe_and_makes_another_run(modes):
    native, other = one(modes), one(modes, preprocessing="small-mode")
    assert native.spec.recipe["preprocessing"] == "native"
    assert other.spec.recipe["preprocessing"]["size"] == [24, 24]
    assert other.spec.recipe["preprocessing"]["mean"] == [0.1, 0.2, 0.3]
    assert other.spec.recipe["preprocessing_mode"] == "small-mode"
    assert native.spec.run_id != other.spec.run_id
    assert native.spec.group_id != other.spec.group_id
    assert native.spec.encoder == other.spec.encoder  # the encoder is the same


def test_what_the_protocol_says_already_changes_nothing(modes, monkeypatch):
    assert one(modes, preprocessing="native").spec == one(modes).spec
    own = one(modes, "benchx@1")
    entry = modes.registry.modes.get("small-mode")
    equal = ImageSpec.model_validate(own.spec.recipe["preprocessing"])
    card = entry.card.model_copy(update={"preprocessing": equal})
    monkeypatch.setitem(modes.registry.modes.offers, "equal", [type(entry)(card, entry.provider)])
    assert one(modes, "benchx@1", preprocessing="equal").spec == own.spec


def test_native_takes_the_place_of_a_protocols_preprocessing(modes):
    planned = one(modes, "benchx@1", preprocessing="native")
    assert planned.spec.recipe["preprocessing"] == "native"
    assert planned.spec.recipe["preprocessing_mode"] == "native"


def test_an_unknown_mode_is_a_bad_request(modes):
    with pytest.raises(UnknownNameError) as caught:
        one(modes, preprocessing="small-mod")
    assert "small-mode" in caught.value.fix


def test_an_encoder_of_a_fixed_size_takes_that_size_alone(modes, monkeypatch):
    entry = modes.registry.models.get("small")
    fixed = type(entry)(entry.card.model_copy(update={"fixed_size": True}), entry.provider)
    monkeypatch.setitem(modes.registry.models.offers, "small", [fixed])
    planned = one(modes, preprocessing="small-mode")
    assert planned.state == "not applicable"
    assert planned.reason == (
        "its input is fixed at 32×32 pixels, the preprocessing small-mode gives 24×24"
    )
    assert one(modes, preprocessing="as-small").state == "to run"
    assert one(modes, preprocessing="native").state == "to run"
    assert one(modes).state == "to run"
    planned = one(modes, "benchx@1", task="nih-1pct")
    assert planned.state == "not applicable" and "of the protocol gives 224×224" in planned.reason


def test_an_encoder_of_fixed_pixels_takes_no_other_mean_and_deviation(modes, monkeypatch):
    entry = modes.registry.models.get("small")
    fixed = type(entry)(entry.card.model_copy(update={"fixed_pixels": True}), entry.provider)
    monkeypatch.setitem(modes.registry.models.offers, "small", [fixed])
    planned = one(modes, preprocessing="small-mode")
    assert planned.state == "not applicable"
    assert planned.reason == (
        "its network takes its own mean and deviation alone, "
        "the preprocessing small-mode has others"
    )
    assert one(modes, preprocessing="native").state == "to run"
    own = entry.card.preprocessing
    resized = modes.registry.modes.get("small-mode").card.preprocessing.model_copy(
        update={"mean": own.mean, "std": own.std}
    )
    mode = modes.registry.modes.get("small-mode")
    card = mode.card.model_copy(update={"preprocessing": resized})
    monkeypatch.setitem(modes.registry.modes.offers, "resized", [type(mode)(card, mode.provider)])
    assert one(modes, preprocessing="resized").state == "to run"


@pytest.mark.parametrize("protocol", ["linear-probe@1", "strict@1"])
def test_a_run_reads_images_of_the_mode_and_its_record_says_so(modes, protocol):
    native = modes.run("small", protocol)
    other = modes.run("small", protocol, preprocessing="small-mode")
    assert other.spec.recipe["preprocessing"]["resize"] == "pad_square"
    assert model_name(native) == "small (random weights)"
    assert model_name(other) == "small (random weights, small-mode preprocessing)"
    assert native.metrics["auroc-macro"].value != other.metrics["auroc-macro"].value
    spec = modes.registry.modes.get("small-mode").card.preprocessing
    planned = one(modes, protocol)
    folder = prepared_store(planned.task.dataset, planned.data, spec).folder
    assert "24x24-pad_square" in folder.name and folder.exists()


def test_a_suite_names_a_mode(tmp_path):
    path = tmp_path / "suite.yaml"
    path.write_text("tasks: [a]\npreprocessing: benchx\n")
    assert read_suite(path).preprocessing == "benchx"


def test_the_mode_of_benchx_is_that_of_its_protocol():
    registry = Registry.discover()
    protocol = registry.protocols.get("benchx@1").card.recipes["classification"]["preprocessing"]
    mode = registry.modes.get("benchx").card.preprocessing
    assert mode == type(mode).model_validate(protocol)
    assert (mode.size, mode.mean[0], mode.std[0]) == ((224, 224), 0.4978, 0.2449)


def test_native_is_no_card(tmp_path):
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "native.yaml").write_text(SMALL_MODE.format(name="native", side=24))
    registry = Registry.discover([folder])
    assert "native" not in registry.modes.ids()
    assert "each encoder's own" in registry.problems[0].error.why
