"""What each optimisation gains in a training step of CoGaze, in time and in memory.

    python benchmarks/cogaze_step.py [--device auto|cpu|cuda] [--batch N] [--rounds 3]
                                     [--clock wall|cpu] [--only NAMES] [--tiny] [--compile]
                                     [--json FILE]

Weights, images, texts and gaze are random: speed does not depend on them. A step is forward,
loss, backward and AdamW at full size, with the batch on the device already; once with the output
of the frozen trunk given, as the pretrainer keeps it, and once from pixels. Each row does one
thing in another way than ours. Every round takes all rows in turn, the next one in the reverse
order; a ratio is the median over the rounds of the row's time to ours of the same round. `--tiny`
takes the architecture of `cogaze-tiny` and ends within seconds, to see that all rows run. On a
machine that others use too, `--clock cpu` with OMP_NUM_THREADS=1 counts what the work took, not
what it waited.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from cogaze_case import Step, make_steps
from cogaze_memory import PeakMemory
from cogaze_variants import ALL_OFF, VARIANTS
from hardware import device_name
from rich.console import Console
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

BATCH = {"cpu": 2, "cuda": 80}
PEAK_FLOPS = {
    "NVIDIA H100 80GB HBM3": 989e12,
    "NVIDIA H200": 989e12,
    "NVIDIA A100-SXM4-80GB": 312e12,
    "NVIDIA A100-SXM4-40GB": 312e12,
}
"""Of dense bf16 products, by the data sheets."""
_CLOCKS: Mapping[str, Callable[[], float]] = {
    "wall": time.perf_counter,
    "cpu": time.process_time,
}
NOTES = """\
ratio: time of the row to that of ours of the same rounds; above 1, ours is faster.
peak: {memory}, highest value during a step; Δ: less that of ours.
TFLOP: matrix products, convolutions and attention that a step executes, recomputed ones included.
all at once: {all_off}."""


@dataclass
class Row:
    """What was measured of one variant of one step."""

    inputs: str
    name: str
    what: str
    precision: str
    seconds: list[float] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)
    flop: int = 0
    problem: str = ""

    @property
    def median(self) -> float:
        """Seconds of a step; NaN when it did not run."""
        return statistics.median(self.seconds) if self.seconds else float("nan")

    @property
    def peak(self) -> int | None:
        """Bytes, None where the system does not tell."""
        return max(self.peak_bytes, default=None)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = _options(arguments)
    device = options.device
    batch = options.batch or BATCH[device]
    steps = make_steps(tiny=options.tiny, batch=batch, precision="bf16", device=device)
    rows = {
        (inputs, name): Row(inputs, name, variant.what, "bf16")
        for name, variant in VARIANTS.items()
        for inputs in variant.inputs
        if name == "ours" or name in options.only
    }
    console = Console(width=118)
    memory, clock = PeakMemory(device), _CLOCKS[options.clock]
    _count(rows, steps)
    for number in range(options.rounds):
        start = time.perf_counter()
        _round(rows, steps, memory, clock, backwards=bool(number % 2))
        console.print(
            f"round {number + 1} of {options.rounds}: {time.perf_counter() - start:.0f} s"
        )
    machine = {
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "matmul": torch.get_float32_matmul_precision(),
        "clock": options.clock,
        "model": "cogaze-tiny" if options.tiny else "cogaze",
        "batch": batch,
        "rounds": options.rounds,
    }
    _print(console, machine, rows, batch, memory.what)
    if options.json:
        content = {"machine": machine, "rows": [asdict(row) for row in rows.values()]}
        options.json.write_text(json.dumps(content, indent=1) + "\n")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--batch", type=int, help=f"images, otherwise {BATCH}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clock", choices=tuple(_CLOCKS), default="wall")
    parser.add_argument("--only", help=f"of {', '.join(VARIANTS)}, separated by commas")
    parser.add_argument("--tiny", action="store_true", help="a small network")
    parser.add_argument("--compile", action="store_true", help="torch.compile, too")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    chosen = options.only.split(",") if options.only else [n for n in VARIANTS if n != "compile"]
    unknown = set(chosen) - set(VARIANTS)
    if unknown:
        parser.error(f"--only: no variant is called {', '.join(sorted(unknown))}")
    if options.device == "auto":
        options.device = "cuda" if torch.cuda.is_available() else "cpu"
    if options.device == "cuda" and options.clock == "cpu":
        parser.error("--clock cpu: the processor does not tell what a GPU took")
    options.only = [*chosen, "compile"] if options.compile else chosen
    return options


def _count(rows: Mapping[tuple[str, str], Row], steps: Mapping[str, Step]) -> None:
    """A first step of every row: it warms up, and its operations are counted."""
    for (inputs, name), row in rows.items():
        with VARIANTS[name].switch(steps[inputs]) as step:
            row.precision = step.precision
            counter = FlopCounterMode(display=False)
            try:
                if name == "compile":  # what it runs is hidden from the counter
                    step.run()
                    row.flop = rows[inputs, "ours"].flop
                    continue
                with counter:
                    step.run()
                row.flop = counter.get_total_flops()
            except torch.OutOfMemoryError:
                row.problem = "out of memory"
                step.optimizer.zero_grad()


def _round(
    rows: Mapping[tuple[str, str], Row],
    steps: Mapping[str, Step],
    memory: PeakMemory,
    clock: Callable[[], float],
    *,
    backwards: bool,
) -> None:
    order = [key for key, row in rows.items() if not row.problem]
    for inputs, name in reversed(order) if backwards else order:
        row = rows[inputs, name]
        with VARIANTS[name].switch(steps[inputs]) as step:
            memory.reset()
            start = clock()
            step.run()
            if step.device == "cuda":
                torch.cuda.synchronize()
            row.seconds.append(clock() - start)
            peak = memory.read()
        if peak is not None:
            row.peak_bytes.append(peak)


def _print(
    console: Console,
    machine: Mapping[str, object],
    rows: Mapping[tuple[str, str], Row],
    batch: int,
    memory: str,
) -> None:
    about = ", ".join(f"{name} {value}" for name, value in machine.items())
    console.print(f"One training step with random weights and data: {about}")
    table = Table("step", "seconds", "images/s", "ratio", "peak GB", "Δ GB", "TFLOP", "TFLOP/s")
    for column in table.columns[1:]:
        column.justify = "right"
    peak_flops = PEAK_FLOPS.get(str(machine["device"]))
    for inputs, title in (("features", "features given"), ("pixels", "from pixels")):
        mine = rows[inputs, "ours"]
        table.add_section()
        for row in (row for key, row in rows.items() if key[0] == inputs):
            what = f"{title}: ours" if row is mine else f"  {row.what}"
            if row.problem:
                table.add_row(what, row.problem)
                continue
            speed = row.flop / row.median
            share = f" ({speed / peak_flops:.0%})" if peak_flops and row.precision == "bf16" else ""
            table.add_row(
                what,
                f"{row.median:.3f}",
                f"{batch / row.median:.2f}",
                f"{_ratio(row, mine):.2f}",
                "–" if row.peak is None else f"{row.peak / 1e9:.2f}",
                "–" if row.peak is None else f"{(row.peak - (mine.peak or 0)) / 1e9:+.2f}",
                f"{row.flop / 1e12:.3f}",
                f"{speed / 1e12:.2f}{share}",
            )
    console.print(table)
    if peak_flops:
        console.print(f"in brackets: of the {peak_flops / 1e12:.0f} TFLOP/s of dense bf16 products")
    kept = _ratio(rows["pixels", "ours"], rows["features", "ours"])
    console.print(f"trunk features kept instead of computed: {kept:.2f} times as many images/s")
    names = {variant.switch: name for name, variant in VARIANTS.items()}
    console.print(NOTES.format(memory=memory, all_off=", ".join(names[s] for s in ALL_OFF)))


def _ratio(row: Row, mine: Row) -> float:
    pairs = zip(row.seconds, mine.seconds, strict=True)
    return statistics.median(theirs / own for theirs, own in pairs)


if __name__ == "__main__":
    main()
