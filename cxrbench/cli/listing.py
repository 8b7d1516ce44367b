"""`cxrbench list`: models, tasks, data sets, protocols, preprocessing modes, suites and runs."""

from __future__ import annotations

from typing import Any

import typer

from cxrbench.cli.context import DEFAULT_RUNS, JsonOption, RunsOption, registry, store
from cxrbench.cli.output import note, print_json, print_table
from cxrbench.errors import CxrbenchError

app = typer.Typer(
    no_args_is_help=True, help="List models, tasks, data sets, protocols, suites or runs."
)


@app.command()
def models(json: JsonOption = False) -> None:
    """List the encoders that can be run."""
    found = registry()
    rows: list[dict[str, Any]] = [
        {
            "id": entry.card.id,
            "title": entry.card.title,
            "status": entry.card.status,
            "capabilities": entry.card.capabilities,
            "provider": str(entry.provider),
        }
        for entry in found.models.entries()
    ]
    if json:
        print_json(rows)
        return
    print_table(
        ["model", "title", "status", "capabilities", "from"],
        [
            (r["id"], r["title"], r["status"], " ".join(r["capabilities"]), r["provider"])
            for r in rows
        ],
    )
    _note_problems(len(found.problems))


@app.command()
def tasks(json: JsonOption = False) -> None:
    """List the benchmark tasks."""
    found = registry()
    rows: list[dict[str, Any]] = [
        {
            "id": entry.card.id,
            "title": entry.card.title,
            "type": entry.card.type,
            "dataset": entry.card.dataset.name,
            "access": entry.card.dataset.access,
            "protocols": list(entry.card.protocols),
            "sizes": {name: split.n for name, split in entry.card.splits.items()},
            "provider": str(entry.provider),
        }
        for entry in found.tasks.entries()
    ]
    if json:
        print_json(rows)
        return
    print_table(
        ["task", "title", "type", ">train / val / test", "access", "protocols"],
        [
            (
                r["id"],
                r["title"],
                r["type"],
                " / ".join("?" if n is None else f"{n:,}" for n in r["sizes"].values()),
                r["access"],
                " ".join(r["protocols"]),
            )
            for r in rows
        ],
    )
    _note_problems(len(found.problems))


@app.command()
def datasets(json: JsonOption = False) -> None:
    """List the data sets that can be read, verified and prepared."""
    found = registry()
    used = [(entry.card.dataset.name, entry.card.id) for entry in found.tasks.entries()]
    rows: list[dict[str, Any]] = [
        {
            "name": entry.card.name,
            "title": entry.card.title,
            "access": entry.card.access,
            "images": entry.card.rows,
            "lists": {name: split.n for name, split in entry.card.splits.items()},
            "phantom": bool(entry.card.phantom),
            "tasks": [task for name, task in used if name == entry.card.name],
            "provider": str(entry.provider),
        }
        for entry in found.datasets.entries()
    ]
    if json:
        print_json(rows)
        return
    print_table(
        ["data set", "title", "access", ">images", "phantom", "tasks"],
        [
            (
                r["name"],
                r["title"],
                r["access"],
                " or ".join(f"{n:,}" for n in r["images"].values()) or "–",
                "yes" if r["phantom"] else "no",
                " ".join(r["tasks"]),
            )
            for r in rows
        ],
    )
    _note_problems(len(found.problems))


@app.command()
def protocols(json: JsonOption = False) -> None:
    """List the protocols and what each does."""
    cards = [entry.card for entry in registry().protocols.entries()]
    if json:
        print_json([card.model_dump(mode="json") for card in cards])
        return
    print_table(["protocol", "summary"], [(card.id, card.summary) for card in cards])


@app.command()
def modes(json: JsonOption = False) -> None:
    """List the preprocessing modes; `native` is each encoder's own."""
    cards = [entry.card for entry in registry().modes.entries()]
    if json:
        print_json([card.model_dump(mode="json") for card in cards])
        return
    rows = [(card.id, card.preprocessing.in_words, card.summary) for card in cards]
    print_table(["mode", "images", "summary"], rows)


@app.command()
def suites(json: JsonOption = False) -> None:
    """List the suites: what `cxrbench run --suite NAME` runs."""
    from cxrbench.discovery import installed_suites
    from cxrbench.execution.suite import chosen_parts, read_suite

    found = registry()
    rows: list[dict[str, Any]] = []
    for name, files in sorted(installed_suites().items()):
        for file in files:
            try:
                suite = read_suite(file)
                parts = chosen_parts(suite, found)
            except CxrbenchError as error:  # it costs only itself
                note(f"{name}: {error}")
                continue
            rows.append(
                {
                    "id": name,
                    "title": suite.title,
                    "demo": suite.demo,
                    "seeds": suite.seeds,
                    "models": list(dict.fromkeys(m for part in parts for m in part.models)),
                    "tasks": list(dict.fromkeys(t for part in parts for t in part.tasks)),
                    "parts": [part.model_dump(mode="json") for part in parts],
                }
            )
    if json:
        print_json(rows)
        return
    print_table(
        ["suite", "title", ">models", ">tasks", ">seeds", "data"],
        [
            (
                r["id"],
                r["title"],
                len(r["models"]),
                len(r["tasks"]),
                len(r["seeds"]),
                "phantoms" if r["demo"] else "real",
            )
            for r in rows
        ],
    )


@app.command()
def runs(runs: RunsOption = DEFAULT_RUNS, json: JsonOption = False) -> None:
    """List the runs that have a record."""
    rows: list[dict[str, Any]] = []
    for record in store(runs).records():
        main = record.metrics.get(record.main_metric)
        rows.append(
            {
                "run_id": record.run_id,
                "status": record.status,
                "main_metric": record.main_metric,
                "value": main.value if main else None,
                "unranked_because": record.unranked_because,
                "created": record.provenance.created,
            }
        )
    if json:
        print_json(rows)
        return
    print_table(
        ["run", "status", ">main metric", "", "not ranked because"],
        [
            (
                r["run_id"],
                r["status"],
                "–" if r["value"] is None else f"{r['value']:.4f}",
                r["main_metric"],
                ", ".join(r["unranked_because"]),
            )
            for r in rows
        ],
    )


def _note_problems(count: int) -> None:
    if count:
        note(f"{count} plugin problem(s): see `cxrbench doctor`")
