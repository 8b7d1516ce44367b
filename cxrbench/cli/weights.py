"""`cxrbench weights`: where they are, and fetching them."""

from __future__ import annotations

from typing import Any

import typer

from cxrbench.cli.context import JsonOption, registry, split_names
from cxrbench.cli.output import print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="Find or fetch the weights of models.")


@app.command()
def where(model: str = typer.Argument("*"), json: JsonOption = False) -> None:
    """Show where the weights of models come from and whether they are here."""
    from cxrbench.weights.locate import locate

    found = registry()
    rows: list[dict[str, Any]] = []
    for name in found.models.match(split_names([model])):
        for file in found.model(name).card.weights:
            path = locate(file)
            rows.append(
                {
                    "model": name,
                    "file": file.name,
                    "source": f"{file.source} {file.repo} {file.file}".strip(),
                    "licence": file.licence,
                    "access": file.access,
                    "path": str(path) if path else None,
                }
            )
    if json:
        print_json(rows)
        return
    print_table(
        ["model", "file", "source", "licence", "access", "here"],
        [(*list(r.values())[:5], r["path"] or "no: cxrbench weights fetch") for r in rows],
    )


@app.command()
def fetch(model: str) -> None:
    """Download the weights of a model, whole and verified."""
    from cxrbench.weights.locate import fetch as fetch_file

    found = registry()
    for name in found.models.match(split_names([model])):
        card = found.model(name).card
        if not card.weights:
            say(f"{name} has no weights to fetch")
        for file in card.weights:
            say(f"{name} {file.name}: {fetch_file(file)}")
