"""How fast CheXbert labels reports: batches of like lengths against one report at a time.

    python benchmarks/chexbert.py [--reports 96] [--rounds 1] [--device auto|cpu|cuda]
                                  [--clock wall|cpu] [--tiny] [--json FILE]

Both label the same made-up reports with the same network of the size of bert-base, whose weights
are random, in float32. One at a time is a plain loop over transformers' tokenizer and network, as
reference implementations have it; the other is `cxrbench.readers`, each text for the first time.
Labels have to be equal: the command fails where they are not. `--tiny` takes a small network.
On a machine that others use too, `--clock cpu` with OMP_NUM_THREADS=1 counts what the work took.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from hardware import device_name
from report_metrics import reports
from rich.console import Console
from rich.table import Table
from torch import nn
from transformers import BertConfig, BertTokenizer

from cxrbench.readers import ReaderCard, find_reader, reader_card
from cxrbench.readers.chexbert import CheXbert, CheXbertNetwork

_CLOCKS: Mapping[str, Callable[[], float]] = {
    "wall": time.perf_counter,
    "cpu": time.process_time,
}
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
Labels = npt.NDArray[np.uint8]


def write_files(folder: Path, texts: Sequence[str], card: ReaderCard) -> CheXbertNetwork:
    """A checkpoint of the true form, and a vocabulary of the words of the texts."""
    folder.mkdir(parents=True)
    words = dict.fromkeys(word for text in texts for word in _split(text))
    (folder / "vocab.txt").write_text("\n".join([*_SPECIAL, *words]) + "\n")
    torch.manual_seed(0)
    network = CheXbertNetwork(BertConfig(**card.config)).eval()
    for name, parameter in network.named_parameters():
        if "LayerNorm" not in name:  # so large that reports differ in what is said of them
            nn.init.normal_(parameter, std=0.1)
    state = {f"module.{name}": value for name, value in network.state_dict().items()}
    torch.save({"model_state_dict": state}, folder / "chexbert.pth")
    return network


def _split(text: str) -> list[str]:
    for mark in ".,":
        text = text.replace(mark, f" {mark} ")
    return text.lower().split()


def small_vocabulary(tiny: bool) -> ReaderCard:
    """The card for the files here, whose vocabulary is not the declared one."""
    card = reader_card("chexbert")
    files = [file.model_copy(update={"sha256": None}) for file in card.files]
    sizes = {"hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2} if tiny else {}
    return card.model_copy(update={"files": files, "config": card.config | sizes})


@torch.inference_mode()
def one_by_one(
    network: CheXbertNetwork, vocabulary: Path, texts: Sequence[str], device: torch.device
) -> Labels:
    """Labels of a plain loop."""
    tokenizer = BertTokenizer(vocab=str(vocabulary), do_lower_case=True)
    found = []
    for text in texts:
        tokens = tokenizer(text, truncation=True, max_length=512, return_tensors="pt").to(device)
        states = network.bert(**tokens).last_hidden_state[:, 0]
        found.append([int(head(states).argmax()) for head in network.linear_heads])
    return np.array(found, np.uint8)


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Seconds of both ways, the median over the rounds, and whether labels are equal."""
    name = asked.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device, clock = torch.device(name), _CLOCKS[asked.clock]
    texts, card = reports(asked.reports, 0)[0], small_vocabulary(asked.tiny)
    seconds: dict[str, list[float]] = {"one by one": [], "by length": []}
    with tempfile.TemporaryDirectory() as kept:
        os.environ["CXRBENCH_CACHE"] = kept
        folder = Path(kept) / "readers" / "chexbert"
        network = write_files(folder, texts, card).to(device)
        found = find_reader(card, fetch=False)
        same, kinds = True, 0
        for _ in range(asked.rounds):
            os.environ["CXRBENCH_CACHE"] = tempfile.mkdtemp(dir=kept)  # nothing was read before
            reader = CheXbert(found, device)
            reader.label(["warm up"])
            ways: dict[str, Callable[[], Labels]] = {
                "one by one": lambda: one_by_one(network, folder / "vocab.txt", texts, device),
                "by length": partial(reader.label, texts),
            }
            labels = []
            for title, work in ways.items():
                start = clock()
                labels.append(work())
                seconds[title].append(clock() - start)
            same &= bool((labels[0] == labels[1]).all())
            kinds = len(np.unique(labels[0], axis=0))
    medians = {title: statistics.median(taken) for title, taken in seconds.items()}
    return {
        "device": device_name(name),
        "clock": asked.clock,
        "reports": len(texts),
        "words_per_report": round(sum(len(text.split()) for text in texts) / len(texts), 1),
        "different_labels": kinds,
        "seconds": medians,
        "reports_per_second": {title: len(texts) / taken for title, taken in medians.items()},
        "ratio": medians["one by one"] / medians["by length"],
        "same_labels": same,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--reports", type=int, default=96)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--device", default="auto")
    options.add_argument("--clock", choices=list(_CLOCKS), default="wall")
    options.add_argument("--tiny", action="store_true")
    options.add_argument("--json", type=Path, metavar="FILE")
    asked = options.parse_args(arguments)
    found = measure(asked)
    table = Table("CheXbert", "seconds", "reports/s", title=found["device"])
    for title, taken in found["seconds"].items():
        table.add_row(title, f"{taken:.2f}", f"{found['reports_per_second'][title]:.2f}")
    console = Console()
    console.print(table)
    told = "equal" if found["same_labels"] else "DIFFERENT"
    console.print(f"{found['ratio']:.2f} times as fast; {found['different_labels']} labels, {told}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if not found["same_labels"]:
        sys.exit("the labels differ")


if __name__ == "__main__":
    main()
