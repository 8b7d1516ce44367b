"""A pretraining in seconds: 26 images of 8×8 pixels with reports and gaze, and a network with
everything that has a state of its own (a frozen stem, dropout, two temperatures).

    python toy_pretraining.py FOLDER DEVICES [KEY=VALUE ...]

trains in FOLDER on that many processes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from cxrbench.cards import DatasetCard, ModelCard
from cxrbench.data.collection import Collection
from cxrbench.data.records import Gaze, Report, Utterance
from cxrbench.data.samples import Sample
from cxrbench.data.transforms import normalise
from cxrbench.discovery import Provider
from cxrbench.image_spec import ImageSpec
from cxrbench.pretraining.machine import Machine
from cxrbench.pretraining.objective import Wants
from cxrbench.pretraining.plan import make_plan
from cxrbench.pretraining.recipe import PretrainingRecipe, read_recipe
from cxrbench.pretraining.run import pretrain

SPEC = ImageSpec(size=(8, 8), resize="squash", mean=(0.5,) * 3, std=(0.25,) * 3)
TRAIN, VAL, EMPTY = 22, 7, 3
LABELS = ("Opacity", "Effusion")
RECIPE = """
id: toy
title: A toy
model: toy
pretrainer: toy_pretraining:ToyPretrainer
settings: {gaze: 1.0, context: true, labels: true, dropout: 0.3}
data:
  dataset: toy
  lists: {train: [absent, train], val: [val]}
  gaze: [{dataset: toy-gaze}]
epochs: 5
batch_size: 6
accumulate: 2
drop_last: false
optimizer: {name: adamw, lr: 0.02}
schedule: {name: plateau, factor: 0.5, patience: 0}
clip_grad_norm: 1.0
seed: 3
log_every: 2
"""


# --- data ----------------------------------------------------------------------------------------


def write_data(folder: Path) -> dict[str, Path]:
    """The two data sets; returns their folders by name."""
    rng = np.random.default_rng(0)
    roots = {name: folder / name for name in ("toy", "toy-gaze")}
    for root in roots.values():
        root.mkdir(parents=True)
    for number in range(TRAIN + EMPTY + VAL):
        pixels = rng.integers(0, 120, (8, 8)) + 60 * (number % 3)
        Image.fromarray(pixels.astype(np.uint8)).save(roots["toy"] / f"i{number}.png")
    return roots


def sample(root: Path, number: int, *, gaze: bool = False) -> Sample:
    findings = "" if TRAIN <= number < TRAIN + EMPTY else f"finding {number % 3} word{number}"
    rng = np.random.default_rng(number)
    fixations = np.c_[rng.random((5, 2)) * 8, np.arange(5), np.arange(5) + 0.8]
    words = (Utterance(f"sentence {number}", 1.0, 2.5), Utterance("the rest", 2.5, 5.0))
    return Sample(
        id=f"i{number}",
        patient=f"p{number // 2 if number < TRAIN + EMPTY else number}",
        image=root / f"i{number}.png",
        view="PA",
        context=f"context {number % 2}" if number % 4 else None,
        study=f"s{number // 2}",
        shape=(8, 8),
        report=Report(findings=findings),
        gaze=(Gaze(f"g{number}", fixations, words),) if gaze else (),
    )


def read_toy(download) -> Collection:
    numbers = range(TRAIN + EMPTY + VAL)
    codes = np.array([[number % 4, (number // 2) % 4] for number in numbers], np.uint8)
    values = np.select([codes == 1, codes == 2], [1.0, 0.0], np.nan).astype(np.float32)
    ids = [f"i{number}" for number in numbers]
    return Collection(
        layout="toy files",
        samples=tuple(sample(download.root, number) for number in numbers),
        labels=LABELS,
        values=values,
        mentions=codes,
        lists={"train": tuple(ids[: TRAIN + EMPTY]), "val": tuple(ids[TRAIN + EMPTY :])},
        origin="the toy",
    )


def read_gaze(download) -> Collection:
    """Recordings of every third image, of train and val."""
    numbers = range(0, TRAIN + EMPTY + VAL, 3)
    return Collection(
        layout="toy recordings",
        samples=tuple(sample(download.root, number, gaze=True) for number in numbers),
        labels=(),
        values=np.zeros((len(numbers), 0), np.float32),
    )


def dataset_card(name: str, entry: str, **more: Any) -> DatasetCard:
    facts = {"title": name, "release": "1", "url": "", "licence": "", "access": "open"}
    return DatasetCard(name=name, entry=f"toy_pretraining:{entry}", layout=[], **facts, **more)


CARDS = {
    "toy": dataset_card(
        "toy", "read_toy", labels=list(LABELS), splits={"train": {}, "val": {}, "absent": {}}
    ),
    "toy-gaze": dataset_card("toy-gaze", "read_gaze"),
}
MODEL = ModelCard(
    id="toy", family="toy", title="toy", entry="toy_pretraining:ToyNetwork", status="no-weights",
    capabilities=["image", "trainable"],
)  # fmt: skip
REGISTRY: Any = SimpleNamespace(
    datasets=SimpleNamespace(get=lambda name: SimpleNamespace(card=CARDS[name])),
    model=lambda name: SimpleNamespace(card=MODEL, provider=Provider("tests", "0")),
)


# --- network and objective -----------------------------------------------------------------------


class ToyNetwork(nn.Module):
    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3).requires_grad_(False)
        self.drop = nn.Dropout(dropout)
        self.image = nn.Linear(6, 5)
        self.words = nn.EmbeddingBag(50, 5)
        self.label = nn.Linear(5, len(LABELS))
        self.log_scale = nn.Parameter(torch.tensor(1.0))
        self.gaze_scale = nn.Parameter(torch.tensor(1.0))
        self.never = nn.Parameter(torch.zeros(2))

    def encode_trunk(self, pixels):
        return torch.relu(self.stem(pixels)).mean(dim=(2, 3))


@dataclass(frozen=True)
class ToyBatch:
    grey: torch.Tensor
    words: torch.Tensor
    groups: torch.Tensor
    targets: torch.Tensor
    owners: torch.Tensor
    heat: torch.Tensor

    def __len__(self) -> int:
        return len(self.grey)

    def to(self, device):
        moved = {name: value.to(device) for name, value in vars(self).items()}
        grey = moved["grey"]
        if grey.dtype == torch.uint8:
            moved["grey"] = normalise(grey, SPEC)
        return replace(self, **moved)


def collate(items) -> ToyBatch:
    words = [[sum(map(ord, w)) % 50 for w in item.sample.report.findings.split()] for item in items]
    heat = [(row, cells) for row, item in enumerate(items) for _, cells in item.heat]
    return ToyBatch(
        grey=torch.stack([item.row for item in items]),
        words=torch.tensor(words),
        groups=torch.tensor([int(item.sample.study[1:]) for item in items]),
        targets=torch.tensor(np.stack([item.mentions for item in items]) % 2, dtype=torch.float32),
        owners=torch.tensor([row for row, _ in heat], dtype=torch.long),
        heat=torch.tensor(np.array([cells for _, cells in heat], np.float32).reshape(-1, 4)),
    )


class ToyPretrainer:
    image_spec = SPEC
    grid = (2, 2)

    def __init__(self, setup) -> None:
        own = setup.settings
        self.network = ToyNetwork(own["dropout"])
        self.wants = Wants(context=own["context"], labels=own["labels"], gaze=own["gaze"])
        self.collate = collate
        self.checkpointing = False
        self.counts = setup.counts

    def losses(self, batch, gather):
        network = self.network
        trunk = batch.grey.float() if batch.grey.ndim == 2 else network.encode_trunk(batch.grey)
        images = network.image(network.drop(trunk))
        reports = network.words(batch.words)
        both = [F.normalize(gather(x), dim=-1) for x in (images, reports)]
        groups = gather(batch.groups)
        same = (groups[:, None] == groups[None]).float()
        logits = network.log_scale.exp() * both[0] @ both[1].T
        contrastive = F.cross_entropy(logits, same / same.sum(dim=1, keepdim=True))
        label = F.binary_cross_entropy_with_logits(
            gather(network.label(images)), gather(batch.targets)
        )
        # A parameter that stands before the gathering, and is used by batches with gaze alone.
        sums = images.new_zeros(2)
        if len(batch.owners):
            seen = network.gaze_scale * images[batch.owners, :4]
            each = (seen - batch.heat).square().sum(dim=1)
            sums = torch.stack([each.sum(), each.new_tensor(len(each))])
        total, count = gather(sums[None]).sum(dim=0)
        gaze = total / count.clamp(min=1)
        return {
            "contrastive": contrastive,
            "label": label,
            "gaze": gaze.where(count > 0, torch.nan),
            "total": contrastive + label + gaze,
        }

    def export(self):
        return {k: v for k, v in self.network.state_dict().items() if "stem" not in k}


# --- running -------------------------------------------------------------------------------------


def recipe(folder: Path, *overrides: str) -> PretrainingRecipe:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "toy.yaml"
    path.write_text(RECIPE)
    return read_recipe(path, overrides)


def plan(folder: Path, *overrides: str, **options: Any):
    """A plan on data in FOLDER/data, which are written on first use."""
    data = folder / "data"
    if not data.exists():
        write_data(data)
    roots = {name: data / name for name in CARDS}
    return make_plan(recipe(folder, *overrides), REGISTRY, roots, **options)


def train(folder: Path, *overrides: str, devices: int = 1, **options: Any):
    """Train, or go on, and return the record."""
    machine = Machine("cpu", devices=devices)
    return pretrain(plan(folder, *overrides), folder / "out", machine, **options)


if __name__ == "__main__":
    sys.modules["toy_pretraining"] = sys.modules["__main__"]
    torch.set_num_threads(1)
    train(Path(sys.argv[1]), *sys.argv[3:], devices=int(sys.argv[2]))
