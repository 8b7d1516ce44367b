"""`cxrbench explain`: pictures of what an encoder does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrbench.cli.context import (
    DataRootOption,
    DemoOption,
    JsonOption,
    data_roots,
    registry,
    split_names,
)
from cxrbench.cli.output import note, print_json, print_table
from cxrbench.errors import BadRequest

if TYPE_CHECKING:
    from cxrbench.cards import DatasetCard, TaskCard
    from cxrbench.explain.run import Result
    from cxrbench.registry import Registry


def explain(
    model: Annotated[str, typer.Option("--model", "-m", help="A model.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the pictures.")],
    task: Annotated[str | None, typer.Option("--task", "-t", help="Images of a task.")] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Or images of a whole data set.")
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Which of them.")] = "test",
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Of attention, gaze, gradcam, context, tsne; else all."),
    ] = None,
    images: Annotated[
        int, typer.Option(min=1, help="How many are shown where they are shown one by one.")
    ] = 6,
    seed: Annotated[int, typer.Option(help="Decides which, and random weights.")] = 0,
    demo: DemoOption = False,
    data_root: DataRootOption = None,
    weights: Annotated[
        str | None, typer.Option(metavar="PATH|random", help="Instead of the card's weights.")
    ] = None,
    device: Annotated[str, typer.Option(help="A torch device; auto takes what is there.")] = "auto",
    json: JsonOption = False,
) -> None:
    """Draw attention, predicted gaze, Grad-CAM, the effect of context, and t-SNE.

    The pictures show images of the data set: keep them where the data may be kept.

    Example: cxrbench explain --model cogaze --dataset egd --data-root egd=/data/egd --out pictures
    """
    from cxrbench.execution.machine import choose_device
    from cxrbench.explain.kinds import parse_kinds
    from cxrbench.explain.run import RESTRICTED, Settings, check_folder
    from cxrbench.explain.run import explain as run
    from cxrbench.explain.source import open_source
    from cxrbench.weights.choice import resolve
    from cxrbench.weights.origin import contradictions

    kinds = parse_kinds(split_names(only or []))
    check_folder(out)
    found = registry()
    registered = found.model(model)
    card = _images_of(found, task, dataset)
    settings = Settings(kinds, images, seed, choose_device(device))
    # Data before weights: a folder is looked at in a second, a checkpoint may be a download.
    source = open_source(card, split, data_roots(found, data_root), demo=demo)
    chosen = resolve(registered.card, weights)
    for line in contradictions(registered.card, chosen):
        note(f"note: {line}")
    results = list(run(registered, chosen, source, settings, out))
    if json:
        print_json([{**each.__dict__, "file": each.file and str(each.file)} for each in results])
    else:
        _print_results(results)
    if source.restricted:
        note(RESTRICTED)


def _images_of(found: Registry, task: str | None, dataset: str | None) -> TaskCard | DatasetCard:
    """The card that the images are of: exactly one of the two is named."""
    if (task is None) == (dataset is None):
        raise BadRequest(
            "cannot tell which images to explain",
            why="neither --task nor --dataset is given" if task is None else "both are given",
            fix="say --task NAME or --dataset NAME (`cxrbench list tasks|datasets`)",
        )
    if task is not None:
        return found.tasks.get(task).card
    return found.datasets.get(dataset or "").card


def _print_results(results: list[Result]) -> None:
    print_table(
        ["picture", ">images", "result"],
        [
            (each.kind, each.images, each.file)
            if each.file is not None
            else (each.kind, "–", f"not applicable: {each.reason}")
            for each in results
        ],
    )
