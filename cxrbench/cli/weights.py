"""`cxrbench weights`: where they are, fetching them, and converting old checkpoints."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxrbench.cli.context import JsonOption, registry, split_names
from cxrbench.cli.output import note, print_json, print_table, say
from cxrbench.errors import UnknownNameError

if TYPE_CHECKING:
    from cxrbench.cards import WeightsFile
    from cxrbench.registry import Registry
    from cxrbench.weights.convert import Conversion
    from cxrbench.weights.unpickle import RefusedError

app = typer.Typer(
    no_args_is_help=True,
    help="Find, fetch or convert the weights of models, and of those that read reports.",
)


@app.command()
def where(model: str = typer.Argument("*"), json: JsonOption = False) -> None:
    """Show where the weights of models come from and whether they are here.

    Models that read reports (CheXbert and others, for metrics) stand after the encoders.
    """
    from cxrbench.readers.card import reader_card
    from cxrbench.readers.files import locate_file
    from cxrbench.weights.locate import locate

    found = registry()
    rows: list[dict[str, Any]] = []
    models, readers = _matching(found, split_names([model]))
    for name in models:
        rows += [_row(name, file, locate(file)) for file in found.model(name).card.weights]
    for name in readers:
        card = reader_card(name)
        rows += [_row(name, file, locate_file(card, file)) for file in card.files]
    if json:
        print_json(rows)
        return
    print_table(
        ["model", "file", "source", "licence", "access", "here"],
        [(*list(r.values())[:5], r["path"] or "no: cxrbench weights fetch") for r in rows],
    )


def _matching(found: Registry, patterns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Models, and models that read reports, whose ids match.

    Raises:
        UnknownNameError: When a pattern matches neither.
    """
    from cxrbench.readers.card import reader_ids

    models: dict[str, None] = {}
    readers: dict[str, None] = {}
    for pattern in patterns:
        read = fnmatch.filter(reader_ids(), pattern)
        readers |= dict.fromkeys(read)
        if pattern in read:
            continue
        try:
            models |= dict.fromkeys(found.models.match((pattern,)))
        except UnknownNameError:
            if not read:
                raise
    return list(models), list(readers)


def _row(name: str, file: WeightsFile, path: Path | None) -> dict[str, Any]:
    return {
        "model": name,
        "file": file.name,
        "source": f"{file.source} {file.repo} {file.file}".strip(),
        "licence": file.licence,
        "access": file.access,
        "path": str(path) if path else None,
    }


@app.command()
def fetch(model: str) -> None:
    """Download the weights of a model, or of one that reads reports, whole and verified."""
    from cxrbench.readers.files import find_reader
    from cxrbench.weights.locate import fetch as fetch_file

    found = registry()
    models, readers = _matching(found, split_names([model]))
    for name in readers:
        for file_name, path in find_reader(name).items():
            say(f"{name} {file_name}: {path}")
    for name in models:
        card = found.model(name).card
        if not card.weights:
            say(f"{name} has no weights to fetch")
        for file in card.weights:
            say(f"{name} {file.name}: {fetch_file(file)}")


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(help="A torch checkpoint: .pt, .pth, .ckpt, .bin.")],
    out: Annotated[Path, typer.Option(metavar="FILE.safetensors", help="The file to write.")],
    wrapper: Annotated[
        str | None, typer.Option(metavar="KEY", help="Top-level key that holds the state dict.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="A model that the tensors have to fit.")] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOBAL",
            help="Pass over objects of this class, such as omegaconf.dictconfig.DictConfig. It is "
            "not imported, and what it held is left out; repeatable.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write the tensors of a torch checkpoint as safetensors. No code in it is run.

    A checkpoint that holds more than tensors is refused, with a list of what it holds.

    Example: cxrbench weights convert last.ckpt --out last.safetensors --wrapper state_dict
    """
    from cxrbench.weights.convert import convert as convert_file
    from cxrbench.weights.unpickle import RefusedError

    card = registry().model(model).card if model else None
    try:
        done = convert_file(file, out, wrapper=wrapper, allow=split_names(allow or []), card=card)
    except RefusedError as error:
        _explain(error, out)
        raise
    if json:
        print_json({**asdict(done), "path": str(done.path)})
    else:
        _say_converted(done)


def _say_converted(done: Conversion) -> None:
    from cxrbench.weights.report import some

    say(f"{done.path}: {done.tensors} tensors, {done.bytes / 1e6:,.1f} MB")
    if done.wrapper:
        say(f"taken from the key {done.wrapper}")
    for line in (
        *some("entries that are no tensors of it were left out", done.left_out),
        *some("tensors shared memory with another and are written each by itself", done.shared),
    ):
        say(line)
    if done.fits:
        say(f"fills {done.fits}")
    say(f"sha256 {done.sha256}")


def _explain(error: RefusedError, out: Path) -> None:
    """What a refused checkpoint wants, and two ways on; none where it could reach the system."""
    from cxrbench.weights.unpickle import is_blocked

    for name in error.wanted:
        note(f"{name}{': never allowed, it reaches the system' if is_blocked(name) else ''}")
    if not error.named or any(map(is_blocked, error.named)):
        why = "A checkpoint has no use for these" if error.named else "What it wants is not known"
        note(f"{why}: do not load the file in any other way either, it could run code.")
        return
    if error.wanted:
        allowed = " ".join(f"--allow {name}" for name in error.wanted)
        note(
            "If these are settings that lie beside the tensors, or layers of a whole module, pass "
            "over them; nothing is imported, and only tensors are kept:"
        )
        note(f"  cxrbench weights convert {error.path} --out {out} {allowed}")
    note(
        "Or, where you trust the file and have the libraries it was written with, make a plain one "
        "(this runs the code in it):"
    )
    for line in (
        "import torch",
        f'content = torch.load("{error.path}", map_location="cpu", weights_only=False)',
        'state = content["state_dict"]  # or content.state_dict()',
        'torch.save({k: v for k, v in state.items() if torch.is_tensor(v)}, "plain.pt")',
    ):
        note(f"  {line}")
