"""Recipe files: what they extend, what they change, and the ones that are shipped."""

from __future__ import annotations

from pathlib import Path

import pytest
import toy_pretraining as toy

from cxrbench.errors import BadRequest, UnknownNameError
from cxrbench.pretraining.recipe import find_recipe, read_recipe
from cxrbench.pretraining.start import outline, starting_card
from cxrbench.registry import Registry

SHIPPED = Path(__file__).parents[2] / "configs" / "pretrain"
ABLATIONS = {
    "without-context": {"use_context": False},
    "contrastive": {"gaze": None, "label_weight": 0.0},
    "contrastive-gaze": {"label_weight": 0.0},
    "gaze-1pct": {"share": 0.01},
    "gaze-10pct": {"share": 0.1},
    "gaze-50pct": {"share": 0.5},
    "gaze-mse": {"kind": "mse"},
    "gaze-iou": {"kind": "iou"},
    "gaze-mask": {"kind": "mask"},
    "single-positive": {"positives": "single"},
}


def test_a_recipe_changes_what_it_extends(tmp_path):
    base = toy.recipe(tmp_path)
    (tmp_path / "more").mkdir()
    child = tmp_path / "more" / "child.yaml"
    child.write_text(
        "extends: ../toy.yaml\nid: child\noptimizer: {lr: 0.5}\nclip_grad_norm: null\n"
    )
    found = read_recipe(child, ["epochs=9", "settings.gaze=0", "data.lists.val=[other]"])
    assert found.optimizer == base.optimizer.model_copy(update={"lr": 0.5})
    assert (found.id, found.epochs, found.clip_grad_norm) == ("child", 9, None)
    assert found.settings == {**base.settings, "gaze": 0}
    assert found.data.lists == {**base.data.lists, "val": ["other"]}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("extends: gone.yaml\n", "no such file"),
        ("extends: bad.yaml\n", "or itself"),
        ("id: bad\n", "Field required"),
        (toy.RECIPE + "learning_rate: 1\n", "Extra inputs"),
        (toy.RECIPE.replace("epochs: 5", "epochs: 0"), "greater than or equal to 1"),
        (toy.RECIPE.replace("[{dataset: toy-gaze}]", "[{folder: x}]"), "give `dataset`"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_refused(tmp_path, text, why):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(BadRequest) as error:
        read_recipe(path)
    assert why in error.value.why


@pytest.mark.parametrize("override", ["epochs", "=3", "epochs=[", "optimizer.lr=-1", "epoch=3"])
def test_an_override_that_cannot_be_used_is_refused(tmp_path, override):
    with pytest.raises(BadRequest):
        toy.recipe(tmp_path, override)


def test_a_label_that_there_is_not(tmp_path):
    with pytest.raises(BadRequest, match="toy is not valid"):
        toy.plan(tmp_path, "data.labels=[Opacity, Hernia]")


def test_a_start_that_the_model_does_not_have(tmp_path):
    with pytest.raises(BadRequest, match="starts from a file"):
        toy.plan(tmp_path, "init.weights=[backbone]")


def test_a_recipe_is_found_by_its_name(tmp_path, monkeypatch):
    assert find_recipe("cogaze").resolve() == SHIPPED / "cogaze.yaml"
    assert find_recipe("gone.yaml") == Path("gone.yaml")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cogaze").mkdir()  # a folder of that name is no recipe
    assert find_recipe("cogaze").name == "cogaze.yaml"
    with pytest.raises(UnknownNameError) as error:
        find_recipe("cogase")
    assert "contrastive-gaze" in error.value.fix
    (tmp_path / "mine.yaml").write_text("extends: gaze-mse\nid: mine\nepochs: 3\n")
    mine = read_recipe(tmp_path / "mine.yaml")
    assert (mine.id, mine.epochs, mine.settings["gaze"]["kind"]) == ("mine", 3, "mse")


# --- those that are shipped ----------------------------------------------------------------------


def shipped(name):
    return read_recipe(SHIPPED / f"{name}.yaml")


def made(recipe):
    registry = Registry.discover([])
    card = starting_card(registry.model(recipe.model).card, recipe)
    return outline(recipe, card, registry.datasets.get(recipe.data.dataset).card.labels)


def test_every_ablation_differs_from_the_paper_in_what_it_is_named_for():
    paper = made(shipped("cogaze")).settings
    for name, expected in ABLATIONS.items():
        recipe = shipped(name)
        assert recipe.id == name
        own = made(recipe).settings
        changed = {k for k, v in own if v != getattr(paper, k)}
        of_gaze = {k: v for k, v in expected.items() if k in ("share", "kind")}
        assert changed == ({"gaze"} if of_gaze else set(expected)), name
        if of_gaze:
            assert own.gaze == paper.gaze.model_copy(update=of_gaze)
        else:
            assert {k: getattr(own, k) for k in expected} == expected
        same = recipe.model_copy(update={"settings": {}, "id": "", "title": "", "notes": []})
        base = shipped("cogaze").model_copy(
            update={"settings": {}, "id": "", "title": "", "notes": []}
        )
        assert same == base, name


def test_paper_and_released_code_differ_where_the_protocol_says():
    paper, released = (made(shipped(name)) for name in ("cogaze", "released"))
    assert (paper.settings.label_loss, released.settings.label_loss) == ("focal", "bce")
    assert paper.settings.gaze.weights == (0.8, 0.2)
    assert released.settings.gaze.weights == (0.2, 0.8)
    assert paper.network.settings.text_pool == "masked"
    assert released.network.settings.text_pool == "legacy"
    assert (shipped("cogaze").epochs, shipped("released").epochs) == (10, 50)
    assert (shipped("cogaze").accumulate, shipped("released").accumulate) == (1, 2)
    # A deviation of the paper's recipe from the paper, which its notes have to tell.
    assert paper.settings.class_weights == released.settings.class_weights == "normalised"
    assert any("sum to 14" in note and "printed" in note for note in shipped("cogaze").notes)
    for recipe in (shipped("cogaze"), shipped("released")):
        assert (recipe.batch_size, recipe.seed) == (80, 9233)
        assert recipe.optimizer.model_dump() == {
            "name": "adamw", "lr": 5e-5, "weight_decay": 0.01, "momentum": 0.9,
        }  # fmt: skip
        assert (recipe.schedule.factor, recipe.schedule.patience) == (0.1, 10)
        assert recipe.clip_grad_norm is None


def test_every_tensor_of_the_network_is_loaded_or_named_as_random():
    """With the names of the public checkpoints; those of CXR-BERT are those of its model code."""
    from cxrbench.weights.mapping import match_file, matches_any

    recipe = shipped("cogaze")
    card = starting_card(Registry.discover([]).model("cogaze").card, recipe)
    wanted = made(recipe).network.state_dict()
    by_name = {entry.name: entry for entry in card.weights}
    assert list(by_name) == ["rad-dino", "tokenizer", "cxr-bert"]
    own = {k.removeprefix("text_encoder."): v for k, v in wanted.items() if k.startswith("text_e")}
    other = {k.replace("layer.0.", f"layer.{n}."): v for k, v in own.items() for n in range(6, 12)}
    bert = {**own, **other, "cls.predictions.bias": own["bert.embeddings.LayerNorm.bias"]}
    bert["bert.embeddings.word_embeddings.weight"] = own["bert.embeddings.LayerNorm.weight"]
    matched = match_file(by_name["cxr-bert"], bert, wanted)
    assert not matched.unexpected
    assert not matched.wrong_shape
    for name in wanted:
        trunk = name.startswith("image_encoder.")
        random = matches_any(card.optional_tensors, name)
        assert trunk or random != (name in matched.tensors), name
