"""`cxrbench data`: where data comes from, whether it is right, and preparing it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cxrbench.cli.context import DataRootOption, JsonOption, data_roots, registry, split_names
from cxrbench.cli.output import note, print_json, print_table, say
from cxrbench.errors import BadRequest

app = typer.Typer(no_args_is_help=True, help="Find, verify and prepare data sets.")

DemoOption = Annotated[bool, typer.Option("--demo", help="Use the phantom of the data set.")]


@app.command()
def where(data_root: DataRootOption = None, json: JsonOption = False) -> None:
    """Show what each data set needs, where to get it, and what was found."""
    from cxrbench.data.roots import locate_root

    found = registry()
    roots = data_roots(found, data_root)
    datasets = {e.card.dataset.name: e.card.dataset for e in found.tasks.entries()}
    rows: list[dict[str, Any]] = []
    for _, card in sorted(datasets.items()):
        root = locate_root(card, roots)
        facts = card.model_dump(mode="json", include={"name", "title", "release", "url", "licence",
                                                      "access", "layout"})  # fmt: skip
        shown = None if root is None else f"{root}{'' if root.is_dir() else ' (does not exist)'}"
        rows.append({**facts, "root": shown})
    if json:
        print_json(rows)
        return
    for row in rows:
        say(f"{row['name']}: {row['title']}, {row['release']} ({row['access']})")
        say(f"  get it   {row['url']}")
        say(f"  licence  {row['licence']}")
        for line in row["layout"]:
            say(f"  needs    {line}")
        say(f"  here     {row['root'] or 'no folder named: --data-root ' + row['name'] + '=DIR'}")


@app.command()
def verify(
    task: str,
    data_root: DataRootOption = None,
    demo: DemoOption = False,
    decode: Annotated[bool, typer.Option("--decode", help="Decode every image too.")] = False,
    json: JsonOption = False,
) -> None:
    """Compare a data set with what its task card says; ends with 1 on a difference.

    Files, labels, ids and patients are checked on opening: damage ends with 2 and names the file.
    """
    from cxrbench.data.open import open_task
    from cxrbench.data.verify import compare, positives, undecodable

    found = registry()
    card = found.tasks.get(task).card
    data = open_task(card, data_roots(found, data_root), demo=demo)
    lines = compare(card, data)
    counts = positives(data)
    broken = undecodable(data) if decode else []
    if json:
        print_json({"kind": data.kind, "layout": data.layout, "positives": counts,
                    "lines": [line.__dict__ for line in lines], "undecodable": broken})  # fmt: skip
    else:
        say(f"{card.dataset.title}: {data.layout}, {data.kind} data in {data.root}")
        print_table(
            ["split", "what", ">expected", ">found", ""],
            [(x.split, x.what, x.expected, x.found, "ok" if x.ok else "differs") for x in lines],
        )
        print_table(
            ["positives", *(f">{name}" for name in counts)],
            [(label, *(f"{c[label]:,}" for c in counts.values())) for label in data.labels],
        )
        say("no patient is in two splits; every id has a label row and an image")
        for error in broken:
            note(error)
    if broken or not all(line.ok for line in lines):
        if not json and not all(line.ok for line in lines):
            note("a custom split can be run; it is marked in the record and never ranked")
        raise typer.Exit(1)


@app.command()
def prepare(
    task: str,
    model: Annotated[list[str], typer.Option("--model", help="Whose input size to prepare for.")],
    data_root: DataRootOption = None,
    demo: DemoOption = False,
) -> None:
    """Decode and resize every image once; runs then read a memory map.

    `run` does the same for what it needs; this does it ahead, for example on a CPU machine.
    """
    from cxrbench.data.open import open_task
    from cxrbench.data.prepared import prepare as prepare_images
    from cxrbench.data.prepared import prepared_store

    found = registry()
    card = found.tasks.get(task).card
    models = [found.model(name).card for name in found.models.match(split_names(model))]
    data = open_task(card, data_roots(found, data_root), demo=demo)
    samples = [sample for split in data.splits.values() for sample in split.samples]
    for model_card in models:
        spec = model_card.preprocessing
        if spec is None:
            raise BadRequest(
                f"cannot prepare for {model_card.id}",
                why="its card does not declare its preprocessing",
                fix="run it: what it needs is prepared then",
            )
        store = prepared_store(card.dataset, data, spec)
        count = prepare_images(store, samples, spec)
        say(f"{card.dataset.name} at {spec.geometry}: {count} decoded, "
            f"{len(samples) - count} were there ({store.folder})")  # fmt: skip
