"""`cxrbench info`: a card as a person wants to read it."""

from __future__ import annotations

from typing import Any

from cxrbench.cards import (
    DatasetCard,
    ModelCard,
    PreprocessingMode,
    ProtocolCard,
    SplitCard,
    TaskCard,
)
from cxrbench.cli.context import JsonOption, registry
from cxrbench.cli.output import print_json, say
from cxrbench.errors import UnknownNameError
from cxrbench.names import did_you_mean
from cxrbench.registry import Registry


def info(name: str, json: JsonOption = False) -> None:
    """Show what is known about a model, a task, a data set, a protocol or a preprocessing mode."""
    found = registry()
    if name in found.tasks.offers:
        task = found.tasks.get(name).card
        _show(task.model_dump(mode="json"), _task_lines(task), json)
    elif name in found.datasets.offers:
        dataset = found.datasets.get(name).card
        tasks = [e.card.id for e in found.tasks.entries() if e.card.dataset.name == name]
        lines = _dataset_lines(dataset)
        _show(dataset.model_dump(mode="json"), [*lines, ("tasks", ", ".join(tasks))], json)
    elif name in found.protocols.offers:
        protocol = found.protocols.get(name).card
        _show(protocol.model_dump(mode="json"), _protocol_lines(protocol), json)
    elif "/" in name:  # a family knows its members, and which names are close
        _show_model(found.model(name).card, found, json)
    elif name in found.modes.offers:
        mode = found.modes.get(name).card
        _show(mode.model_dump(mode="json"), _mode_lines(mode), json)
    else:
        try:
            model = found.model(name).card
        except UnknownNameError as error:
            known = [*found.models.ids(), *found.tasks.ids(), *found.datasets.ids()]
            known += [*found.protocols.ids(), *found.modes.ids()]
            fix = did_you_mean(name, known, "cxrbench list models")
            raise UnknownNameError(f"unknown name: {name}", why=error.why, fix=fix) from error
        _show_model(model, found, json)


def _show_model(card: ModelCard, found: Registry, json: bool) -> None:
    from cxrbench.building import count_parameters
    from cxrbench.cli.info_model import model_lines

    counts = None if card.is_pattern else count_parameters(card)
    if json:
        parameters = counts.__dict__ if counts else None
        print_json({**card.model_dump(mode="json"), "parameters": parameters})
        return
    _print_lines(model_lines(card, found, counts))


def _show(content: dict[str, Any], lines: list[tuple[str, str]], json: bool) -> None:
    if json:
        print_json(content)
    else:
        _print_lines(lines)


def _print_lines(lines: list[tuple[str, str]]) -> None:
    width = max(len(label) for label, _ in lines)
    previous = ""
    for label, text in lines:
        if text:
            say(f"{label if label != previous else '':<{width}}  {text}")
            previous = label


def _task_lines(card: TaskCard) -> list[tuple[str, str]]:
    dataset = card.dataset
    lines = [
        ("task", f"{card.id}: {card.title}"),
        ("type", card.type),
        ("data set", f"{dataset.title}, {dataset.release} ({dataset.access})"),
        ("source", dataset.url),
        ("licence", dataset.licence),
        ("labels", ", ".join(card.labels)),
    ]
    for name, split in card.splits.items():
        lines.append((name, f"{_size(split)} ({card.lists[name]}.txt)"))
    lines += [
        ("main metric", card.main_metric),
        ("protocols", ", ".join(card.protocols)),
        *(("overlap", f"{other}: {how}") for other, how in dataset.overlaps.items()),
    ]
    return lines


def _dataset_lines(card: DatasetCard) -> list[tuple[str, str]]:
    paper = card.paper
    lines = [
        ("data set", f"{card.name}: {card.title}, {card.release}"),
        ("source", card.url),
        ("access", card.access + (f": {card.terms}" if card.terms else "")),
        ("licence", card.licence),
        ("paper", f"{paper.title} ({paper.year}) {paper.url}" if paper else ""),
        ("labels", ", ".join(card.labels)),
        ("images", " or ".join(f"{n:,} {form}".strip() for form, n in card.rows.items())),
    ]
    for name, split in card.splits.items():
        lines.append((name, _size(split)))
    lines += [("overlap", f"{other}: {how}") for other, how in card.overlaps.items()]
    return lines + [("layout", line) for line in card.layout]


def _protocol_lines(card: ProtocolCard) -> list[tuple[str, str]]:
    return [
        ("protocol", f"{card.id}: {card.title}"),
        ("summary", card.summary),
        ("task types", ", ".join(card.recipes)),
        *(("quirk", f"{name}: {text}") for name, text in card.quirks.items()),
    ]


def _mode_lines(card: PreprocessingMode) -> list[tuple[str, str]]:
    return [
        ("mode", f"{card.id}: {card.title}"),
        ("summary", card.summary),
        ("images", card.preprocessing.in_words),
    ]


def _size(split: SplitCard) -> str:
    if split.n is None:
        return "of unknown size"
    patients = f", {split.patients:,} patients" if split.patients else ""
    return f"{split.n:,} images{patients}"
