"""A record against the cards of what was run: the task and its splits, the recipe, the model."""

from __future__ import annotations

from collections.abc import Iterator

from cxrbench.cards import PHANTOM, ModelCard, SplitCard, TaskCard
from cxrbench.results.record import Record, SplitFacts
from cxrbench.results.submission.findings import Finding
from cxrbench.results.submission.known import Known
from cxrbench.results.submission.shareable import FOLDER
from cxrbench.results.submission.texts import named

_UPDATE = "update cxrbench and run again"
_EDITED = "records are never edited: run again"


def differences_from_cards(record: Record, known: Known) -> Iterator[Finding]:
    """Where a record says otherwise than the cards, and what no card here can tell."""
    yield from _data_of_spec(record)
    if known.task is None:
        yield Finding(
            "spec.task",
            "no card here knows the task",
            "correct its name, or name the plugin that has it with --plugin",
        )
    else:
        yield from _task(record, known.task)
        cards = {str(name): card for name, card in known.task.splits.items()}
        for name, split in record.dataset.splits.items():
            yield from _split(record, name, split, cards.get(name))
        yield from _recipe(record, known, known.task)
    yield from _weights_of_spec(record)
    if known.model is None:
        yield Finding(
            "spec.model",
            "no card here is the model's: its weights and overlaps were not compared",
            "see that the plugin can be had, or name it with --plugin",
            refused=False,
        )
    else:
        yield from _model(record, known, known.model)


def _data_of_spec(record: Record) -> Iterator[Finding]:
    told = {f"{name}_ids": split.sha256 for name, split in record.dataset.splits.items()}
    asked = {name: digest for name, digest in record.spec.data.items() if name.endswith("_ids")}
    if told != asked:
        yield Finding("dataset.splits", "their hashes are not those of the spec", _EDITED)


def _task(record: Record, task: TaskCard) -> Iterator[Finding]:
    spec, data, card = record.spec, record.dataset, task.dataset
    if spec.task_version > task.version:
        yield Finding(
            "spec.task_version",
            f"the card here is of version {task.version}",
            "validate with the cxrbench it was made with, or later",
        )
    elif spec.task_version < task.version:
        yield Finding(
            "spec.task_version",
            f"it is of version {spec.task_version}, the card here of {task.version}: recipes were "
            "not compared, and its numbers stand apart",
            _UPDATE,
            refused=False,
        )
    pairs = (
        ("task_type", record.task_type, task.type),
        ("main_metric", record.main_metric, task.main_metric),
        ("dataset.name", data.name, card.name),
        ("dataset.title", data.title, card.title),
        ("dataset.release", data.release, card.release),
    )
    for where, told, expected in pairs:
        if told != expected:
            yield Finding(where, f"the card says {expected}", _UPDATE)
    if set(data.splits) != set(task.uses):
        yield Finding("dataset.splits", f"the task uses {', '.join(task.uses)}", _EDITED)
    labels = {*task.labels, *card.labels}
    strangers = {name for split in data.splits.values() for name in split.positives} - labels
    if strangers:
        yield Finding(
            "dataset.splits", f"positives of {len(strangers)} labels the task has not", _EDITED
        )


def _split(
    record: Record, name: str, split: SplitFacts, card: SplitCard | None
) -> Iterator[Finding]:
    """An official list is the one of the card; `--limit` takes its first samples."""
    if not split.official or record.spec.limit is not None:
        return
    where = f"dataset.splits.{named(name)}"
    custom = "records of a custom list say so and are not ranked: run on the official list"
    if card is None or (card.n is None and card.sha256 is None):
        yield Finding(where, "it is said to be official, and the card knows no such list", custom)
        return
    pairs = (
        ("sha256", split.sha256, card.sha256),
        ("n", split.n, card.n),
        ("patients", split.patients, card.patients),
        *(
            (f"positives.{named(label)}", count, (card.positives or {}).get(label))
            for label, count in split.positives.items()
        ),
    )
    for field, told, expected in pairs:
        if expected is not None and told != expected:
            what = f"the official list has {expected}" + (
                "" if field == "sha256" else f", not {told}"
            )
            yield Finding(f"{where}.{field}", what, custom)


def _recipe(record: Record, known: Known, task: TaskCard) -> Iterator[Finding]:
    spec = record.spec
    if known.recipe is None:
        yield Finding(
            "spec.protocol",
            f"the card of the task allows {', '.join(task.protocols)}",
            "run under one of these",
        )
        return
    asked = spec.recipe.get("metrics")
    absent = set(asked) - set(record.metrics) if isinstance(asked, list) else set()
    if record.status == "ok" and absent:
        yield Finding(
            "metrics",
            f"{len(absent)} metrics of the recipe are not in it: "
            + ", ".join(sorted(named(str(name)) for name in absent)),
            "score the run again with `cxrbench score`",
        )
    if spec.task_version != task.version:
        return
    fields = {*spec.recipe, *known.recipe}
    other = [f for f in sorted(fields) if spec.recipe.get(f) != known.recipe.get(f)]
    if other:
        yield Finding(
            "spec.recipe",
            f"it is not that of {spec.protocol} here: "
            + ", ".join(named(field) for field in other),
            "a recipe of one's own is a protocol of its own: give it a card and a name",
        )


def _weights_of_spec(record: Record) -> Iterator[Finding]:
    weights = record.weights
    loads = bool(weights.sha256) and weights.source != "random"
    expected = weights.sha256 if loads else {"source": weights.source, **weights.sha256}
    if record.spec.weights != expected:
        yield Finding("weights", "they are not those of the spec", _EDITED)


def _model(record: Record, known: Known, card: ModelCard) -> Iterator[Finding]:
    weights = record.weights
    told = record.provenance.plugin.get("distribution", "")
    provider = FOLDER if known.provider.startswith(f"{FOLDER}:") else known.provider
    if told and told != provider:
        yield Finding(
            "provenance.plugin",
            f"it is of {named(told)}, and a model of that name is offered by {provider} here",
            "give the model another name: a row of a table is one model",
        )
    if known.encoder is not None and record.spec.encoder != known.encoder:
        yield Finding(
            "spec.encoder",
            "the card of the model here describes another encoder",
            f"{_UPDATE}; a changed model is another model: give it a card of its own",
        )
    entries = {entry.name: entry for entry in card.weights}
    for name, digest in weights.sha256.items():
        entry = entries.get(name)
        if entry is None:
            yield Finding(f"weights.sha256.{named(name)}", "no such file on the card", _EDITED)
        elif weights.source == "card" and entry.sha256 not in (None, digest):
            yield Finding(
                f"weights.sha256.{named(name)}",
                f"the card says {entry.sha256}",
                "run with the weights of the card, or give yours with --weights PATH",
            )
    trainable = "trainable" in card.capabilities
    if (weights.source == "none" and trainable) or (weights.source == "card" and not entries):
        yield Finding("weights.source", "the card says otherwise", _EDITED)
    if weights.source in ("card", "path") and record.status == "ok":
        least = card.min_match * weights.total
        if not weights.total or not least <= weights.matched <= weights.total:
            yield Finding("weights.matched", "too few of the tensors were filled", _UPDATE)
    phantom = any(PHANTOM in entry.trained_on for entry in card.weights)
    if weights.source == "card" and phantom != weights.phantom:
        yield Finding("weights.phantom", "the card says otherwise", _EDITED)
    expected = known.task.overlaps_with(card) if known.task and weights.source != "random" else []
    if known.task is not None and record.overlaps != expected:
        yield Finding(
            "overlaps", f"the cards say {', '.join(expected) or 'that there are none'}", _UPDATE
        )
