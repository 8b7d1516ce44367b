"""`cxrbench pretrain`: train an encoder from a recipe."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from cxrbench.cli.context import DataRootOption, JsonOption, data_roots, registry
from cxrbench.cli.output import note, print_json, print_table, say
from cxrbench.errors import BadRequest

_PRECISIONS = ("32", "bf16", "16")


def pretrain(
    recipe: Annotated[
        str,
        typer.Argument(metavar="RECIPE", help="A YAML file, or the name of an installed recipe."),
    ],
    data_root: DataRootOption = None,
    demo: Annotated[bool, typer.Option("--demo", help="Train on phantoms: no download.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder of this run; else pretrained/ID of the recipe.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(metavar="PATH|random", help="Instead of what the recipe starts from."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe; repeatable."),
    ] = None,
    device: Annotated[str, typer.Option(help="A torch device; auto takes what is there.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Devices that share each batch.")] = 1,
    precision: Annotated[
        str | None, typer.Option(help="32, bf16 or 16, instead of the recipe's.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Data-loading processes of each device.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=2, help="Images of each split.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show sizes and steps, and stop.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Forget another run that is in the folder.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Pretrain an encoder. What was killed goes on; what is finished is not done again.

    Example: cxrbench pretrain cogaze --data-root mimic-cxr=/data/mimic
    """
    from cxrbench.execution.machine import choose_device, default_workers, gpu_name, peak_memory
    from cxrbench.pretraining.machine import Machine
    from cxrbench.pretraining.plan import make_plan
    from cxrbench.pretraining.recipe import find_recipe, read_recipe
    from cxrbench.pretraining.run import pretrain as run
    from cxrbench.training.processes import is_helper

    asked = list(overrides or [])
    if precision is not None:
        if precision not in _PRECISIONS:
            raise BadRequest(
                f"cannot read --precision {precision}",
                why=f"expected one of {', '.join(_PRECISIONS)}",
                fix="say --precision bf16, or leave it out for the recipe's",
            )
        asked.append(f"precision='{precision}'")
    read = read_recipe(find_recipe(recipe), asked)
    found = registry()
    roots = data_roots(found, data_root)
    planned = make_plan(read, found, roots, demo=demo, limit=limit, weights=weights, fetch=not plan)
    if plan:
        _print_plan(planned.facts(), json=json)
        return
    for warning in () if is_helper() else planned.data.warnings:
        note(f"note: {warning}")
    chosen = choose_device(device)
    if devices > 1:
        chosen = chosen.partition(":")[0]
        _check_devices(chosen, devices, read.batch_size)
    machine = Machine(
        device=chosen,
        devices=devices,
        workers=default_workers() if workers is None else workers,
        gpu=gpu_name(chosen),
        peak_memory=partial(peak_memory, chosen),
    )
    folder = out or Path("pretrained") / read.id
    record = run(planned, folder, machine, overwrite=overwrite)
    if record is None:
        return
    if json:
        print_json(record.model_dump(mode="json"))
        return
    best = record.weights
    say(f"{folder / best.file}: {best.tensors} tensors, {best.bytes / 2**20:.1f} MiB")
    value = "undefined" if best.value is None else f"{best.value:.4f}"
    say(f"best epoch {best.epoch + 1} of {len(record.epochs)}: {best.monitor} {value}")


def _check_devices(kind: str, devices: int, batch_size: int) -> None:
    from torch import cuda

    there = cuda.device_count() if kind == "cuda" else devices
    if devices > there or batch_size % devices:
        why = (
            f"there are {there}"
            if devices > there
            else f"a batch of {batch_size} images is not divided by {devices}"
        )
        raise BadRequest(
            f"cannot train on {devices} devices",
            why=why,
            fix="say another --devices; the batch stays the same, dropout is drawn on each",
        )


def _print_plan(facts: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(facts)
        return
    counts, steps, batch = facts["parameters"], facts["steps"], facts["batch"]
    say(f"{facts['recipe']}: {facts['model']} on {facts['data']['name']} ({facts['data']['kind']})")
    say(f"  parameters: {counts['total']:,}, of them {counts['trainable']:,} trained")
    say(f"  starts from: {', '.join(facts['starts_from'])}")
    columns = ("images", "left_out", "patients", "with_context", "gaze_recordings")
    print_table(
        ["split", "list", *(f">{name.replace('_', ' ')}" for name in columns)],
        [
            (name, split["list"], *(f"{split[column]:,}" for column in columns))
            for name, split in facts["data"]["splits"].items()
        ],
    )
    say(
        f"  {facts['epochs']} epochs of {steps['per_epoch']:,} steps ({steps['in_all']:,} in all), "
        f"{batch['accumulated']} × {batch['images']} images each, precision {facts['precision']}"
    )
    say(f"  prepared images: {facts['prepared_images_gib']} GiB")
    for warning in facts["warnings"]:
        note(f"note: {warning}")
