"""`cxrbench submit`: pack runs for the leaderboards, or check what others packed."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from cxrbench.cli.context import (
    DEFAULT_RUNS,
    JsonOption,
    RunsOption,
    existing_store,
    registry,
    split_names,
)
from cxrbench.cli.output import note, print_json, say
from cxrbench.errors import BadRequest
from cxrbench.progress import track

if TYPE_CHECKING:
    from cxrbench.results.store import Store
    from cxrbench.results.submission import Finding, Packed
    from cxrbench.results.submission.validate import Know

_OUT = Path("leaderboards") / "records"


def submit(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN… | FILE…",
            help="Run ids, what they start or end with, or globs; with --validate files or "
            "folders of them.",
        ),
    ],
    runs: RunsOption = DEFAULT_RUNS,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the files are put.")] = _OUT,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; only say what would be written.")
    ] = False,
    validate: Annotated[
        bool, typer.Option("--validate", help="Check files that were packed, by whomever.")
    ] = False,
    include: Annotated[
        list[str] | None,
        typer.Option(
            metavar="failed|unranked|dirty",
            help="Also runs that failed, that are never ranked, or whose code no commit tells.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Pack the small records of runs, to be sent to the leaderboards: no text, no ids, no paths.

    What is packed is checked as the pull request will be. Nothing leaves this machine by itself.

    Example: cxrbench submit 4374497c936b
    """
    from cxrbench.execution.recipes import known

    wanted = _include(include or [])
    found = registry()

    def know(record: Any) -> Any:
        return known(record, found)

    if validate:
        _validate(_files(what), know, wanted, json=json)
    else:
        _submit(existing_store(runs), what, know, wanted, None if check else out, json=json)


def _include(given: list[str]) -> tuple[str, ...]:
    from cxrbench.results.submission import Include

    names = split_names(given)
    unknown = [name for name in names if name not in get_args(Include)]
    if unknown:
        raise BadRequest(
            f"--include {unknown[0]} is not known",
            why=f"it takes {', '.join(get_args(Include))}",
            fix="correct it, or leave it out",
        )
    return names


def _validate(paths: Sequence[Path], know: Know, include: Sequence[str], *, json: bool) -> None:
    """Check files; exit with 1 when one is refused."""
    from cxrbench.results.submission import check_files

    checked = list(check_files(track(paths, "checking"), know, include))
    if json:
        print_json([{"file": str(c.path), "run_id": c.run_id, "accepted": c.accepted,
                     "findings": [f.facts for f in c.findings]} for c in checked])  # fmt: skip
    else:
        for each in checked:
            _say_result(str(each.path), each.findings, "good" if each.accepted else "refused")
        good = sum(each.accepted for each in checked)
        say(f"{good} of {len(checked)} records can be taken")
    if not all(each.accepted for each in checked):
        raise typer.Exit(1)


def _submit(
    store: Store,
    what: list[str],
    know: Know,
    include: Sequence[str],
    out: Path | None,
    *,
    json: bool,
) -> None:
    """Pack runs and write those that can be sent; exit with 1 when one cannot."""
    from cxrbench.results.submission import pack

    names = _run_ids(store, what)
    packed = [
        pack(store.find(name), store.run_folder(name), know, include)
        for name in track(names, "packing")
    ]
    written = [each.write(out) if out and each.accepted else None for each in packed]
    if json:
        print_json([_facts(each, path) for each, path in zip(packed, written, strict=True)])
    else:
        for each, path in zip(packed, written, strict=True):
            name = str(path or each.record.run_id)
            _say_result(name, each.findings, "good" if each.accepted else "refused")
        for line, count in Counter(line for each in packed for line in each.stays).items():
            note(f"a warning stays with {count} run(s), tell of it if it matters: {line}")
        _say_next(packed, out)
    if not all(each.accepted for each in packed):
        raise typer.Exit(1)


def _run_ids(store: Store, what: Iterable[str]) -> list[str]:
    """The runs that are named, each once."""
    found: dict[str, None] = {}
    known = store.run_ids()
    for name in what:
        if any(character in name for character in "*?["):
            matches = fnmatch.filter(known, name)
            if not matches:
                raise BadRequest(
                    f"no run matches {name}",
                    why=f"{len(known)} runs are in {store.folder}, none fits the pattern",
                    fix="see `cxrbench list runs`",
                )
            found.update(dict.fromkeys(matches))
        else:
            found[store.find(name).run_id if name not in known else name] = None
    return list(found)


def _files(what: Iterable[str]) -> list[Path]:
    """The files that are named, with those in folders; each once."""
    found: dict[Path, None] = {}
    for name in what:
        path = Path(name)
        if not path.exists():
            raise BadRequest(
                f"there is no {name}",
                why="--validate takes files of records, or folders of them",
                fix="correct the path, or leave --validate out to pack a run",
            )
        inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        found.update(dict.fromkeys(inside))
    return list(found)


def _facts(packed: Packed, path: Path | None) -> dict[str, Any]:
    return {
        "run_id": packed.record.run_id,
        "accepted": packed.accepted,
        "file": str(path) if path else None,
        "findings": [finding.facts for finding in packed.findings],
        "stays": packed.stays,
    }


def _say_result(name: str, findings: Iterable[Finding], result: str) -> None:
    # The name of a stranger's file may hold what a terminal or a log takes for a command.
    say(f"{result}: " + "".join(c if c.isprintable() else "?" for c in name))
    for finding in findings:
        mark = "" if finding.refused else "note: "
        say(f"  {mark}{finding.where}: {finding.what}")
        say(f"    do: {finding.fix}")


def _say_next(packed: Sequence[Packed], out: Path | None) -> None:
    good = sum(each.accepted for each in packed)
    say(f"{good} of {len(packed)} runs can be sent" + ("" if out else "; nothing was written"))
    if good and out:
        say(f"next: look at what is in {out}, commit it on a branch and open a pull request")
