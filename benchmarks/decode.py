"""How fast reports are decoded, against the default path of transformers.

    python benchmarks/decode.py [--device auto|cpu|cuda] [--batch 16] [--beams 10]
                                [--memory 256] [--max-length 100] [--rounds 3]
                                [--dim 768] [--layers 6]
                                [--clock wall|cpu] [--ends] [--tiny] [--json FILE]

Both decode the same random memories with the same network of the size of DistilGPT2, whose weights
are random, in float32 (TF32 is off), and have to give the same texts: the command fails where they
do not. `--dim` and `--layers` take another size, with heads of 64. Every round takes both in turn,
the next one in the reverse order; the ratio is the median over the rounds. No text ends before
`--max-length`, unless `--ends` makes a word of theirs the end token: then texts end where they
happen to, and a text that is done leaves our batch. `--tiny` takes a small network and ends within
seconds. On a machine that others use too, `--clock cpu` with OMP_NUM_THREADS=1 counts what the work
took, not what it waited.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from hardware import device_name
from rich.console import Console
from rich.table import Table
from torch import Tensor
from transformers import GenerationConfig

from cxrbench.generation.decoder import DecoderSettings, build_decoder
from cxrbench.generation.search import SearchSettings, beam_search
from cxrbench.generation.steps import DecodingSteps

START, PAD, NO_END = 0, 1, -1
_SHARPNESS = 4.0
TINY = DecoderSettings(vocab_size=200, dim=32, layers=2, heads=2, positions=128)
_CLOCKS: Mapping[str, Callable[[], float]] = {
    "wall": time.perf_counter,
    "cpu": time.process_time,
}


@dataclass
class Row:
    """What was measured of one way to decode."""

    name: str
    tokens: int = 0
    seconds: list[float] = field(default_factory=list)
    ids: list[list[int]] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Seconds of a batch."""
        return statistics.median(self.seconds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = _options(arguments)
    torch.set_float32_matmul_precision("highest")
    sizes = {"dim": options.dim, "layers": options.layers, "heads": options.dim // 64}
    settings = TINY if options.tiny else DecoderSettings(**sizes)
    model = make_model(settings, options.device)
    draw = torch.Generator().manual_seed(1)
    memory = torch.randn(options.batch, options.memory, settings.dim, generator=draw)
    memory = memory.to(options.device)
    search = SearchSettings(beams=options.beams, max_length=options.max_length)
    end = _some_word(model, memory, search) if options.ends else NO_END
    ways = {"ours": ours, "transformers": theirs}
    rows = {name: Row(name) for name in ways}
    console, clock = Console(width=100), _CLOCKS[options.clock]
    for way in ways.values():  # a first time warms up
        way(model, memory[:1], SearchSettings(beams=options.beams, max_length=4), end)
    for number in range(options.rounds):
        for name in reversed(ways) if number % 2 else ways:
            begin = clock()
            ids = ways[name](model, memory, search, end)
            if options.device == "cuda":
                torch.cuda.synchronize()
            rows[name].seconds.append(clock() - begin)
            rows[name].ids = ids.tolist()
            rows[name].tokens = int((ids[:, 1:] != PAD).sum())
    machine = {
        "device": device_name(options.device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "clock": options.clock,
        "batch": options.batch,
        "beams": options.beams,
        "memory": options.memory,
        "max_length": options.max_length,
        "rounds": options.rounds,
        "dim": settings.dim,
        "layers": settings.layers,
        "vocabulary": settings.vocab_size,
    }
    _print(console, machine, rows)
    if options.json:
        content = {"machine": machine, "rows": [asdict(row) for row in rows.values()]}
        options.json.write_text(json.dumps(content, indent=1) + "\n")
    if rows["ours"].ids != rows["transformers"].ids:
        sys.exit("the texts differ")


def make_model(settings: DecoderSettings, device: str) -> Any:
    """A decoder whose words differ in likelihood by more than rounding.

    Its last normalisation is scaled up, which leaves 4.5 nats to the next word, of the 10.8 of the
    vocabulary: nearer to a trained decoder, and sums over 100 words are rounded less.
    """
    torch.manual_seed(0)
    model: Any = build_decoder(settings)
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            # A layer of GPT-2 keeps its matrix as inputs × outputs, a table as words × width.
            inputs = parameter.shape[1 if ".wte." in name or ".wpe." in name else 0]
            torch.nn.init.normal_(parameter, std=inputs**-0.5)
    torch.nn.init.normal_(model.transformer.wpe.weight, std=0.8)
    model.transformer.ln_f.weight.data.fill_(_SHARPNESS)
    return model.eval().to(device)


def ours(model: Any, memory: Tensor, search: SearchSettings, end: int) -> Tensor:
    """B×N ids by the search of cxrbench."""
    with torch.inference_mode():
        steps = DecodingSteps(model, memory, search.beams)
        start = torch.full((len(memory),), START, device=memory.device)
        return beam_search(steps, start, end, PAD, search).ids


def theirs(model: Any, memory: Tensor, search: SearchSettings, end: int) -> Tensor:
    """B×N ids by `generate`."""
    start = torch.full((len(memory), 1), START, device=memory.device)
    config = GenerationConfig(  # type: ignore[no-untyped-call]
        num_beams=search.beams,
        max_length=search.max_length,
        do_sample=False,
        pad_token_id=PAD,
        bos_token_id=START,
        eos_token_id=None if end == NO_END else end,
    )
    found: Tensor = model.generate(
        start,
        attention_mask=torch.ones_like(start),
        encoder_hidden_states=memory,
        generation_config=config,
    )
    return found


def _some_word(model: Any, memory: Tensor, search: SearchSettings) -> int:
    """The word that most texts have."""
    found = ours(model, memory, search, NO_END)[:, 1:]
    each = torch.cat([row.unique() for row in found])
    return int(each.mode().values)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--batch", type=int, default=16, help="images")
    parser.add_argument("--beams", type=int, default=10)
    parser.add_argument("--memory", type=int, default=256, help="tokens of the memory")
    parser.add_argument("--max-length", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dim", type=int, default=768, help="width of the decoder")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--clock", choices=tuple(_CLOCKS), default="wall")
    parser.add_argument("--ends", action="store_true", help="texts of different lengths")
    parser.add_argument("--tiny", action="store_true", help="a small network")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    if options.device == "auto":
        options.device = "cuda" if torch.cuda.is_available() else "cpu"
    if options.dim % 64 or options.dim < 64:
        parser.error("--dim: heads are 64 wide, so it has to be a multiple of 64")
    if options.device == "cuda" and options.clock == "cpu":
        parser.error("--clock cpu: the processor does not tell what a GPU took")
    return options


def _print(console: Console, machine: Mapping[str, object], rows: Mapping[str, Row]) -> None:
    about = ", ".join(f"{name} {value}" for name, value in machine.items())
    console.print(f"Decoding with random weights: {about}")
    table = Table("", "seconds", "tokens/s", "ratio")
    for column in table.columns[1:]:
        column.justify = "right"
    mine = rows["ours"]
    for row in rows.values():
        pairs = zip(row.seconds, mine.seconds, strict=True)
        ratio = statistics.median(theirs / own for theirs, own in pairs)
        speed = row.tokens / row.median
        table.add_row(row.name, f"{row.median:.3f}", f"{speed:.1f}", f"{ratio:.2f}")
    console.print(table)
    pairs_of_texts = zip(mine.ids, rows["transformers"].ids, strict=True)
    equal = sum(own == other for own, other in pairs_of_texts)
    console.print(f"equal texts: {equal} of {len(mine.ids)}; lengths {_lengths(mine)}")
    console.print("ratio: time of the row to ours of the same rounds; above 1, ours is faster.")


def _lengths(row: Row) -> str:
    found = [sum(token != PAD for token in ids) for ids in row.ids]
    return f"{min(found)} to {max(found)}"


if __name__ == "__main__":
    main()
