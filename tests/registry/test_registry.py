"""Names to cards: collisions, close names, globs, families and broken files."""

from __future__ import annotations

import pytest

from cxrbench.cards import ModelCard
from cxrbench.discovery import CardFile, Problem, Provider
from cxrbench.errors import PluginError, UnknownNameError
from cxrbench.registry import Registered, Registry, load_entry


def registry_of(package, *offers):
    """A registry in which each (distribution, id) is offered by a card of its own."""
    found = []
    for number, (distribution, name) in enumerate(offers):
        folder = package(f"pkg{number}", name.replace("/*", "-family"))
        path = next(folder.glob("*.yaml"))
        path.write_text(path.read_text().replace("-family", "/*"))
        found.append(CardFile(path, "model", Provider(distribution, "1.0")))
    return Registry(found)


def test_a_collision_names_both_and_each_is_reachable_by_its_distribution(package):
    registry = registry_of(package, ("one", "net"), ("two", "net"), ("two", "other"))
    with pytest.raises(PluginError) as caught:
        registry.model("net")
    assert "one 1.0" in caught.value.why
    assert "two 1.0" in caught.value.why
    assert "one:net or two:net" in caught.value.fix
    for side in ("one", "two"):
        assert registry.model(f"{side}:net").provider.distribution == side
    assert registry.model("other").card.id == "other"
    assert registry.models.collisions() == ["the model net is offered by one 1.0 and two 1.0"]
    with pytest.raises(UnknownNameError):
        registry.model("three:net")


def test_a_qualified_name_works_without_a_collision_too(package):
    assert registry_of(package, ("one", "net")).model("one:net").card.id == "net"


@pytest.mark.parametrize(
    ("typed", "advice"),
    [("pixl-stats", "pixel-stats"), ("cogase", "cogaze"), ("zzzzqq", "cxrbench list models")],
)
def test_an_unknown_model_suggests_close_names(typed, advice):
    with pytest.raises(UnknownNameError) as caught:
        Registry.discover().model(typed)
    assert typed in caught.value.what
    assert advice in caught.value.fix


def test_unknown_tasks_and_protocols_suggest_their_own_kind():
    registry = Registry.discover()
    with pytest.raises(UnknownNameError, match="nih-1pct"):
        registry.tasks.get("nih-1pc")
    with pytest.raises(UnknownNameError, match="strict@1"):
        registry.protocols.get("strict")


def test_globs_expand_in_order_once_and_leave_families_out(package):
    offers = [("d", name) for name in ("b-two", "b-one", "a", "fam/*")]
    models = registry_of(package, *offers).models
    assert models.match(["b-*"]) == ["b-one", "b-two"]
    assert models.match(["b-two", "*", "b-one"]) == ["b-two", "a", "b-one"]
    assert models.match(["unknown", "a", "a"]) == ["unknown", "a"]
    assert models.match(["b-[to]*", "?"]) == ["b-one", "b-two", "a"]
    for nothing in ("c*", "fam/*"):
        with pytest.raises(UnknownNameError, match=r"no model matches") as caught:
            models.match([nothing])
        assert nothing in caught.value.what


def test_a_member_of_a_family_is_made_by_its_card():
    registered = Registry.discover().model("timm/resnet18")
    assert registered.card.id == "timm/resnet18"
    assert registered.card.config == {"name": "resnet18"}
    assert not registered.card.is_pattern
    assert registered.provider.distribution == "cxrbench"


def test_an_unknown_member_of_a_family_suggests_close_members():
    with pytest.raises(UnknownNameError, match="resnet18") as caught:
        Registry.discover().model("timm/resnet18x")
    assert "resnet18" in caught.value.fix


def test_a_card_of_its_own_wins_over_the_family(package):
    registry = registry_of(package, ("d", "fam/*"), ("d", "plain"))
    own = registry.models.get("plain")
    card = own.card.model_copy(update={"id": "fam/own"})
    registry.models.add(Registered(card, own.provider))
    assert registry.model("fam/own").card is card


@pytest.mark.parametrize(
    ("content", "reason"),
    [("id: [", "not valid YAML"), ("id: x\n", "Field required"), ("- 1\n", "found list"),
     ("variants: {x: {title: t}}\n", "Field required"), ("variants: {x: 3}\n", "not a mapping"),
     ("variants: [x]\n", "not a mapping")],
)  # fmt: skip
def test_a_broken_card_costs_only_itself(package, content, reason):
    folder = package("pkg", "good")
    (folder / "bad.yaml").write_text(content)
    provider = Provider("d", "1.0")
    registry = Registry(CardFile(p, "model", provider) for p in sorted(folder.glob("*.yaml")))
    assert registry.models.ids() == ["good"]
    (problem,) = registry.problems
    assert problem.provider is provider
    assert str(folder / "bad.yaml") in problem.error.why
    assert reason in problem.error.why


def test_one_bad_variant_leaves_the_others_and_names_itself(package):
    folder = package("pkg", "fam")
    path = folder / "fam.yaml"
    shared = path.read_text().replace("id: fam\n", "")
    path.write_text(f"{shared}variants:\n  ok-one:\n  bad-one: {{status: odd}}\n  ok-two:\n")
    registry = Registry([CardFile(path, "model", Provider("d", "1.0"))])
    assert registry.models.ids() == ["ok-one", "ok-two"]
    (problem,) = registry.problems
    assert "bad-one: status" in problem.error.why


def test_variants_share_fields_and_override_them(package):
    folder = package("pkg", "fam")
    path = folder / "fam.yaml"
    shared = path.read_text().replace("id: fam\n", "config: {a: 1, b: 2}\n")
    path.write_text(f"{shared}variants:\n  one:\n  two: {{config: {{b: 3}}, title: Two}}\n")
    models = Registry([CardFile(path, None, Provider("d", "1.0"))]).models
    one, two = (models.get(name).card for name in ("one", "two"))
    assert (one.title, one.config) == ("Fake", {"a": 1, "b": 2})
    assert (two.title, two.config) == ("Two", {"a": 1, "b": 3})


def test_problems_of_discovery_are_kept():
    problem = Problem(Provider("d", "1.0"), PluginError("a", why="b", fix="c"))
    assert Registry([problem]).problems == [problem]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [("no_such_module:X", "No module named"), ("json:no_such", "no_such"), ("json:", ""),
     ("", "")],
)  # fmt: skip
def test_an_entry_that_cannot_be_had_is_a_plugin_error(entry, reason):
    with pytest.raises(PluginError) as caught:
        load_entry(entry)
    assert entry in caught.value.what
    assert reason in caught.value.why


def test_the_kind_of_a_loose_card_is_told_from_its_fields(package, tmp_path):
    folder = package("pkg", "net")
    protocol = "id: p@1\ntitle: t\nsummary: s\nrecipes: {}\n"
    (folder / "p.yaml").write_text(protocol)
    provider = Provider("d", "")
    registry = Registry(CardFile(path, None, provider) for path in sorted(folder.glob("*.yaml")))
    assert (registry.models.ids(), registry.protocols.ids()) == (["net"], ["p@1"])
    assert isinstance(registry.models.get("net").card, ModelCard)
