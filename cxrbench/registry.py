"""The registry: names to cards (YAML only), and cards to objects (imported when first needed)."""

from __future__ import annotations

import fnmatch
import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from pydantic import ValidationError

from cxrbench.cards import (
    Card,
    DatasetCard,
    ModelCard,
    PreprocessingMode,
    ProtocolCard,
    TaskCard,
    is_mode,
    merge,
    read_yaml,
)
from cxrbench.discovery import (
    CardFile,
    Kind,
    Problem,
    Provider,
    folder_card_files,
    installed_card_files,
    plugin_folders,
)
from cxrbench.errors import PluginError, UnknownNameError
from cxrbench.names import did_you_mean

C = TypeVar("C", ModelCard, DatasetCard, TaskCard, ProtocolCard, PreprocessingMode)

_CARD_TYPES: dict[Kind, type[Card]] = {
    "model": ModelCard,
    "dataset": DatasetCard,
    "task": TaskCard,
    "protocol": ProtocolCard,
    "mode": PreprocessingMode,
}


@dataclass(frozen=True)
class Registered(Generic[C]):
    """A card and who offers it."""

    card: C
    provider: Provider


@dataclass
class Catalogue(Generic[C]):
    """The cards of one kind, by id; an id offered twice is only reachable as `dist:id`."""

    kind: Kind
    offers: dict[str, list[Registered[C]]] = field(default_factory=dict)

    def add(self, entry: Registered[C]) -> None:
        """Register a card under its id."""
        self.offers.setdefault(entry.card.id, []).append(entry)

    def ids(self) -> list[str]:
        """All ids, sorted."""
        return sorted(self.offers)

    def entries(self) -> list[Registered[C]]:
        """All entries, sorted by id and provider."""
        found = [entry for offers in self.offers.values() for entry in offers]
        return sorted(found, key=lambda entry: (entry.card.id, str(entry.provider)))

    def collisions(self) -> list[str]:
        """A line for every id that two distributions offer."""
        return [
            f"the {self.kind} {name} is offered by {' and '.join(str(e.provider) for e in offers)}"
            for name, offers in sorted(self.offers.items())
            if len(offers) > 1
        ]

    def get(self, name: str) -> Registered[C]:
        """The entry of `name`, which may be `id` or `distribution:id`.

        Raises:
            UnknownNameError: When nothing has that name.
            PluginError: When two distributions offer it.
        """
        offers = self._offers(name)
        if len(offers) > 1:
            sides = " and ".join(str(entry.provider) for entry in offers)
            qualified = " or ".join(f"{e.provider.distribution}:{name}" for e in offers)
            raise PluginError(
                f"the {self.kind} name {name} is not unique",
                why=f"offered by {sides}",
                fix=f"say {qualified}, or uninstall one",
            )
        if not offers:
            raise UnknownNameError(
                f"unknown {self.kind}: {name}",
                why=f"no installed plugin offers a {self.kind} of that name",
                fix=did_you_mean(name, self.ids(), f"cxrbench list {self.kind}s"),
            )
        return offers[0]

    def _offers(self, name: str) -> list[Registered[C]]:
        if name in self.offers:
            return self.offers[name]
        distribution, _, bare = name.rpartition(":")
        if distribution:
            return [
                entry
                for entry in self.offers.get(bare, [])
                if entry.provider.distribution == distribution
            ]
        return []

    def match(self, names: Iterable[str]) -> list[str]:
        """Names with globs expanded, in the order given, each once.

        Raises:
            UnknownNameError: When a glob matches nothing.
        """
        found: dict[str, None] = {}
        for name in names:
            if not any(character in name for character in "*?["):
                found[name] = None
                continue
            matches = [i for i in fnmatch.filter(self.ids(), name) if not i.endswith("/*")]
            if not matches:
                raise UnknownNameError(
                    f"no {self.kind} matches {name}",
                    why=f"{len(self.offers)} {self.kind}s are registered, none fits the pattern",
                    fix=f"see `cxrbench list {self.kind}s`",
                )
            found.update(dict.fromkeys(matches))
        return list(found)


class Registry:
    """Every card that can be found, and what could not be used.

    Attributes:
        models: Model cards.
        datasets: Data set cards, each the `dataset` of a task file.
        tasks: Task cards.
        protocols: Protocol cards.
        modes: Preprocessing modes.
        problems: Plugins and cards that are broken; shown by `cxrbench doctor`.
    """

    def __init__(self, files: Iterable[CardFile | Problem]) -> None:
        self.models: Catalogue[ModelCard] = Catalogue("model")
        self.datasets: Catalogue[DatasetCard] = Catalogue("dataset")
        self.tasks: Catalogue[TaskCard] = Catalogue("task")
        self.protocols: Catalogue[ProtocolCard] = Catalogue("protocol")
        self.modes: Catalogue[PreprocessingMode] = Catalogue("mode")
        self.problems: list[Problem] = []
        for file in files:
            if isinstance(file, Problem):
                self.problems.append(file)
                continue
            try:
                self._add(file)
            except PluginError as error:
                self.problems.append(Problem(file.provider, error))

    @classmethod
    def discover(cls, folders: Sequence[Path] = ()) -> Registry:
        """The registry of this environment, with the plugin folders given on top.

        Raises:
            PluginError: When no plugin is installed, not even the built-in one.
        """
        installed = list(installed_card_files())
        if not installed:
            raise PluginError(
                "cxrbench is not installed in this environment",
                why="no entry point of the group cxrbench.models was found",
                fix="run `pip install -e .` in the clone",
            )
        # A plugin under development may be installed in place and named as a folder too.
        known = {file.path.resolve() for file in installed if isinstance(file, CardFile)}
        named = folder_card_files([*plugin_folders(), *folders])
        return cls([*installed, *(f for f in named if f.path.resolve() not in known)])

    def model(self, name: str) -> Registered[ModelCard]:
        """The entry of a model; `family/member` names are expanded by the family's card.

        Raises:
            UnknownNameError: When there is no such model.
            PluginError: When its name is not unique or its plugin is broken.
        """
        family, slash, _ = name.rpartition("/")
        pattern = f"{family}/*"
        if slash and name not in self.models.offers and pattern in self.models.offers:
            entry = self.models.get(pattern)
            card = load_entry(entry.card.expand)(entry.card, name)
            return Registered(cast(ModelCard, card), entry.provider)
        return self.models.get(name)

    def _add(self, file: CardFile) -> None:
        content = read_yaml(file.path)
        kind = "mode" if is_mode(content) else file.kind or _kind_of(content)
        cards: list[tuple[Kind, dict[str, Any]]] = []
        if kind == "task" and isinstance(content.get("dataset"), dict):
            cards.append(("dataset", content["dataset"]))
        # A file with a data set alone offers no task.
        if kind != "task" or set(content) != {"dataset"}:
            cards += [(kind, fields) for fields in _variants(content, file.path)]
        for each, fields in cards:
            try:
                self._register(_validate(each, fields, file), file.provider)
            except PluginError as error:
                self.problems.append(Problem(file.provider, error))

    def _register(self, card: Card, provider: Provider) -> None:
        if isinstance(card, ModelCard):
            self.models.add(Registered(card, provider))
        elif isinstance(card, DatasetCard):
            self.datasets.add(Registered(card, provider))
        elif isinstance(card, TaskCard):
            self.tasks.add(Registered(card, provider))
        elif isinstance(card, ProtocolCard):
            self.protocols.add(Registered(card, provider))
        elif isinstance(card, PreprocessingMode):
            self.modes.add(Registered(card, provider))


def load_entry(entry: str) -> Any:
    """Import what `module:attribute` names.

    Raises:
        PluginError: When the module or the attribute cannot be had.
    """
    module_name, _, attribute = entry.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except Exception as error:  # importing a plugin runs its code
        raise PluginError(
            f"cannot load {entry}",
            why=f"{type(error).__name__}: {(str(error).splitlines() or ['no message'])[0]}",
            fix="install what the plugin needs, or correct the `entry` of its card",
        ) from error


def _kind_of(content: dict[str, Any]) -> Kind:
    if "recipes" in content:
        return "protocol"
    return "task" if "dataset" in content else "model"


def _variants(content: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    """A file describes one card, or a family: shared fields and `variants` by id.

    The file of a data set may hold several families of tasks, below `tasks`.
    """
    families = content.get("tasks")
    if isinstance(families, list):
        shared = {key: value for key, value in content.items() if key != "tasks"}
        return [card for family in families for card in _variants({**shared, **family}, path)]
    if "variants" not in content:
        return [content]
    variants = content["variants"]
    if not isinstance(variants, dict) or not all(
        own is None or isinstance(own, dict) for own in variants.values()
    ):
        raise PluginError(
            f"cannot read the card {path.name}",
            why=f"{path}: `variants` is not a mapping from ids to fields",
            fix="write `variants:` and below it `ID: {field: value}`, one a line",
        )
    shared = {key: value for key, value in content.items() if key != "variants"}
    return [merge(shared, {**(own or {}), "id": name}) for name, own in variants.items()]


def _validate(kind: Kind, fields: dict[str, Any], file: CardFile) -> Card:
    name = fields.get("id") or fields.get("name") or "no id"
    try:
        return _CARD_TYPES[kind].model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "(top)"
        raise PluginError(
            f"the {kind} card {file.path.name} of {file.provider} is not valid",
            why=f"{file.path}: {name}: {where}: {first['msg']} ({error.error_count()} in all)",
            fix="correct the card; the fields are described in docs/add-a-model.md",
        ) from error
