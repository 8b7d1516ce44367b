"""The command `cxrbench run`, killed with SIGKILL in forked processes.

    python kill_world.py FOLDER

writes FOLDER/results.json: for every scenario what each process said and left behind.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "runners"))

import torch
from bench import PLUGIN, facts, phantom

from cxrbench.cli import main as cli
from cxrbench.data import rowstore
from cxrbench.data.rowstore import RowStore
from cxrbench.results.store import Store
from cxrbench.training.features import Extractor
from cxrbench.training.module import FineTuner

PROBE = ("--model", "pixel-stats", "--protocol", "linear-probe@1")
TUNE = ("--model", "small", "--protocol", "strict@1")
OTHER_SEED = ("--seeds", "5,")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_features(chunk: int) -> None:
    """Before the given chunk of features is written."""
    original, count = RowStore._write, [0]

    def write(self: RowStore, *arguments: Any) -> None:
        if self.folder.parent.name == "features":
            count[0] += 1
            if count[0] > chunk:
                die()
        original(self, *arguments)

    RowStore._write = write


def in_training(epoch: int) -> None:
    original = FineTuner.training_step

    def step(self: FineTuner, batch: Any, batch_idx: int) -> Any:
        if self.current_epoch == epoch and batch_idx == 3:
            die()
        return original(self, batch, batch_idx)

    FineTuner.training_step = step


def on_writing(name: str) -> None:
    """When a file is complete beside its place and about to be renamed."""
    original = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if Path(target).name == name:
            die()
        return original(self, target)

    Path.replace = replace


def waiting(ready: int, forever: int) -> None:
    """In training: tell another process, then wait to be killed."""

    def step(self: FineTuner, batch: Any, batch_idx: int) -> Any:
        os.write(ready, b"x")
        os.read(forever, 1)

    FineTuner.training_step = step


SCENARIOS: dict[str, tuple[tuple[str, ...], list[Callable[[], None]]]] = {
    "features": (PROBE, [partial(in_features, 3)]),
    "training": (TUNE, [partial(in_training, 1)]),
    "record": (TUNE, [partial(on_writing, "record.json")]),
    "predictions": (TUNE, [partial(on_writing, "predictions.json")]),
    "test predictions": (TUNE, [partial(on_writing, "predictions-test.parquet")]),
    "everywhere": (
        TUNE,
        [
            partial(in_training, 0),
            partial(in_training, 2),
            partial(on_writing, "fit.json"),
            partial(on_writing, "predictions-val.parquet"),
            partial(on_writing, "record.json"),
        ],
    ),
}


class Place:
    """Where one scenario runs: its own results and cache."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root
        folder.mkdir()

    @property
    def store(self) -> Store:
        return Store(self.folder / "runs")

    def start(self, arguments: tuple[str, ...], patch: Callable[[], None] | None = None) -> int:
        """Start the command in a fork; returns the process."""
        child = os.fork()
        if child:
            return child
        try:
            self._run(arguments, patch)
        finally:
            os._exit(99)

    def run(
        self, arguments: tuple[str, ...], patch: Callable[[], None] | None = None
    ) -> dict[str, Any]:
        """Start the command and wait for it."""
        return self.end(self.start(arguments, patch))

    def end(self, child: int) -> dict[str, Any]:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        counted = self.folder / "computed.json"
        computed = json.loads(counted.read_text()) if counted.exists() else 0
        counted.unlink(missing_ok=True)
        return {
            "status": status,
            "said": (self.folder / f"{child}.txt").read_text(),
            "computed": computed,
            "records": self.store.run_ids(),
        }

    def _run(self, arguments: tuple[str, ...], patch: Callable[[], None] | None) -> None:
        with (self.folder / f"{os.getpid()}.txt").open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        os.environ["CXRBENCH_CACHE"] = str(self.folder / "cache")
        sys.argv = ["cxrbench", "--plugin", str(PLUGIN), "run", "--task", "tiny", *arguments]
        sys.argv += ["--data-root", f"nih={self.root}", "--runs", str(self.folder / "runs")]
        sys.argv += ["--device", "cpu", "--workers", "0"]
        rowstore._MOST_ROWS = 10
        count_features(self.folder / "computed.json")
        if patch is not None:
            patch()
        code = 0
        try:
            cli.run()
        except SystemExit as stop:
            code = int(stop.code or 0)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    def facts(self) -> Any:
        (record,) = self.store.records()
        return facts(record)

    def leftovers(self) -> list[str]:
        found = [*self.folder.rglob("*.tmp"), *self.folder.rglob("last.ckpt")]
        return sorted(path.name for path in found if "cache" not in path.parts)


def count_features(path: Path) -> None:
    """Keep the number of rows of features this process computed."""
    original, total = Extractor._rows, [0]

    def rows(self: Extractor, split: Any, positions: list[int], compute: Any) -> Any:
        total[0] += len(positions)
        path.write_text(json.dumps(total[0]))
        return original(self, split, positions, compute)

    Extractor._rows = rows


def two_processes(place: Place) -> dict[str, Any]:
    """A second process meets a run that is under way, then goes on after a kill."""
    ready, tell = os.pipe()
    wait, _keep = os.pipe()
    first = place.start(TUNE, partial(waiting, tell, wait))
    os.read(ready, 1)
    second = place.run(TUNE)
    other = place.run((*TUNE, *OTHER_SEED))
    os.kill(first, signal.SIGKILL)
    return {
        "first": place.end(first),
        "second": second,
        "other": other,
        "third": place.run(TUNE),
    }


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    root = phantom(folder / "nih")
    references: dict[tuple[str, ...], Any] = {}
    results: dict[str, Any] = {}
    for name, (arguments, kills) in SCENARIOS.items():
        if arguments not in references:
            alone = Place(folder / f"alone-{arguments[1]}", root)
            done = alone.run(arguments)
            assert done["status"] == 0, done
            references[arguments] = {**done, "facts": alone.facts()}
        place = Place(folder / name.replace(" ", "-"), root)
        results[name] = {
            "killed": [place.run(arguments, kill) for kill in kills],
            "resumed": place.run(arguments),
            "facts": place.facts(),
            "again": place.run(arguments),
            "left": place.leftovers(),
            "alone": references[arguments],
        }
    results["two processes"] = two_processes(Place(folder / "two", root))
    (folder / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
