"""An encoder with every capability, and relatives of it that break one promise each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from cxrbench.cards import Dims, ModelCard, Paper
from cxrbench.encoder import ImageFeatures
from cxrbench.image_spec import ImageSpec

SPEC = ImageSpec(size=(16, 16), resize="squash", mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
D = 8
ALL = [
    "image", "text", "joint", "pairwise", "closed-vocabulary", "trainable", "frozen-trunk",
    "context", "view",
]  # fmt: skip


def card_of(name: str, **changes: object) -> ModelCard:
    fields: dict[str, object] = {
        "id": name.lower(),
        "family": "test",
        "title": name,
        "entry": f"{__name__}:{name}",
        "status": "no-weights",
        "paper": Paper(title="A paper", year=2026),
        "preprocessing": SPEC,
        "dims": Dims(pooled=D, grid=(D, 4, 4), latents=(2, D), text=D, joint=D),
        "capabilities": ALL,
        "context_fields": ["indication"],
    }
    return ModelCard.model_validate({**fields, **changes})


class Good(nn.Module):
    """Keeps every promise."""

    views = ("PA", "AP")
    classes = ("effusion", "edema")

    def __init__(self, card: ModelCard) -> None:
        super().__init__()
        self.image_spec = card.preprocessing
        self.pooled_dim = D
        self.trunk = nn.Conv2d(3, D, kernel_size=4, stride=4).requires_grad_(False)
        self.norm = nn.BatchNorm2d(D)
        self.head = nn.Linear(D, D)
        self.words = nn.EmbeddingBag(257, D, mode="mean", padding_idx=256)
        self.view_table = nn.Embedding(3, D)
        self.dropout = nn.Dropout(0.5)

    def encode_trunk(self, pixels):
        return self.trunk(pixels)

    def encode_image(self, batch):
        trunk = batch.trunk if batch.trunk is not None else self.encode_trunk(batch.pixels)
        grid = self.dropout(self.norm(trunk)).float()
        image = self.head(grid.mean(dim=(2, 3))).float()
        view = self.view_table(self.view_rows(batch))
        pooled = image + view + self.read_context(batch)
        return ImageFeatures(pooled=pooled, grid=grid, latents=torch.stack([image, pooled], 1))

    def view_rows(self, batch):
        views = batch.view or [None] * len(batch)
        rows = [self.views.index(v) + 1 if v in self.views else 0 for v in views]
        return torch.tensor(rows)

    def read_context(self, batch):
        contexts = batch.context or [None] * len(batch)
        known = torch.tensor([[float(bool(text))] for text in contexts])
        return self.bag([text or "" for text in contexts]) * known

    def bag(self, texts):
        coded = [list(text.encode()[:64]) or [0] for text in texts]
        width = max(map(len, coded))
        return self.words(torch.tensor([row + [256] * (width - len(row)) for row in coded]))

    def encode_text(self, texts):
        return self.bag(texts)

    def project_image(self, features):
        return F.normalize(features.pooled, dim=-1)

    def project_text(self, encoded):
        return F.normalize(encoded, dim=-1)

    def score_pairs(self, features, texts):
        return (features.pooled @ self.bag(texts).T).float()

    def score_classes(self, features):
        return torch.sigmoid(features.pooled[:, : len(self.classes)])

    def parameter_groups(self):
        return {"all": [p for p in self.parameters() if p.requires_grad]}


class ZeroGate(Good):
    """Context counts, but only once its gate has been trained away from zero."""

    def __init__(self, card):
        super().__init__(card)
        self.gate = nn.Parameter(torch.zeros(1))

    def read_context(self, batch):
        return super().read_context(batch) * self.gate


class Whole(Good):
    """It has no trunk of its own: pixels go all the way every time."""

    encode_trunk = None

    def encode_image(self, batch):
        return super().encode_image(replace(batch, pixels=None, trunk=self.trunk(batch.pixels)))


class Raises(Good):
    def encode_image(self, batch):
        raise RuntimeError("out of ideas")


class WrongWidth(Good):
    def __init__(self, card):
        super().__init__(card)
        self.pooled_dim = D + 1


class HalfPrecision(Good):
    def encode_image(self, batch):
        features = super().encode_image(batch)
        return ImageFeatures(features.pooled.half(), features.grid, features.latents)


class LeftInBfloat16(Good):
    """Its scores are as autocast left them."""

    def score_pairs(self, features, texts):
        return features.pooled @ self.bag(texts).T


class CancelsInBfloat16(Good):
    """A small difference of large numbers, which bf16 cannot hold."""

    def encode_image(self, batch):
        features = super().encode_image(batch)
        apart = 4 * self.head(features.pooled) + 300
        pooled = features.pooled + (apart - 300).float()
        return ImageFeatures(pooled, features.grid, features.latents)


class NotFinite(Good):
    """Standardises each image, and divides a uniform one by zero."""

    def encode_trunk(self, pixels):
        spread = pixels.std(dim=(1, 2, 3), keepdim=True, unbiased=False)
        return self.trunk((pixels - pixels.mean(dim=(1, 2, 3), keepdim=True)) / spread)


class Blind(Good):
    def encode_trunk(self, pixels):
        return self.trunk(torch.zeros_like(pixels))


class Transposed(Good):
    def encode_image(self, batch):
        features = super().encode_image(batch)
        return ImageFeatures(features.pooled, features.grid.mT.contiguous(), features.latents)


class DropsOut(Good):
    def encode_image(self, batch):
        features = super().encode_image(batch)
        return ImageFeatures(F.dropout(features.pooled, 0.5), features.grid, features.latents)


class UsesTheBatch(Good):
    def encode_image(self, batch):
        f = super().encode_image(batch)
        return ImageFeatures(f.pooled - 0.1 * f.pooled.mean(0, keepdim=True), f.grid, f.latents)


class WritesItsInput(Good):
    def encode_image(self, batch):
        features = super().encode_image(batch)
        if batch.pixels is not None:
            batch.pixels.clamp_(-1, 1)
        return features


class KeepsCount(Good):
    def __init__(self, card):
        super().__init__(card)
        self.register_buffer("seen", torch.zeros(()))

    def encode_image(self, batch):
        self.seen += len(batch)
        return super().encode_image(batch)


class WearsOut(Good):
    """One weight of many fades with every image."""

    def __init__(self, card):
        super().__init__(card)
        self.register_buffer("table", torch.ones(2**17))

    def encode_image(self, batch):
        self.table[-1] *= 0.999
        return super().encode_image(batch)


class DrawsNumbers(Good):
    def encode_image(self, batch):
        torch.rand(1)
        return super().encode_image(batch)


class IgnoresContext(Good):
    def read_context(self, batch):
        return torch.zeros(len(batch), D)


class WholeIgnoresContext(Whole):
    def read_context(self, batch):
        return torch.zeros(len(batch), D)


class WholeIgnoresView(Whole):
    def view_rows(self, batch):
        return torch.zeros(len(batch), dtype=torch.int64)


class ContextOfTheFirst(Good):
    """One image's context is read for all."""

    def read_context(self, batch):
        return super().read_context(batch)[:1].expand(len(batch), -1)


class NeedsAllContexts(Good):
    def read_context(self, batch):
        return self.bag(batch.context) if batch.context is not None else torch.zeros(1, D)


class IgnoresView(Good):
    def view_rows(self, batch):
        return torch.zeros(len(batch), dtype=torch.int64)


class TrainsItsTrunk(Good):
    def __init__(self, card):
        super().__init__(card)
        self.trunk.requires_grad_(True)


class TrunkWithDropout(Good):
    def encode_trunk(self, pixels):
        return self.dropout(super().encode_trunk(pixels))


class TrunkIsNotEnough(Good):
    def encode_image(self, batch):
        features = super().encode_image(batch)
        extra = 0 if batch.pixels is None else batch.pixels.mean(dim=(1, 2, 3))[:, None]
        return ImageFeatures(features.pooled + extra, features.grid, features.latents)


class Detached(Good):
    def encode_image(self, batch):
        with torch.no_grad():
            f = super().encode_image(batch)
        return ImageFeatures(f.pooled, f.grid, f.latents)

    def encode_text(self, texts):
        return super().encode_text(texts).detach()


class ForgetsAGroup(Good):
    def parameter_groups(self):
        return {"head": self.head.parameters()}


class ListsTwice(Good):
    def parameter_groups(self):
        return {**super().parameter_groups(), "head": self.head.parameters()}


class SortsImages(Good):
    """Returns what it encodes brightest first, as one that packs its input may do."""

    def encode_image(self, batch):
        f = super().encode_image(batch)
        rows = f.grid.mean(dim=(1, 2, 3)).argsort()
        return ImageFeatures(f.pooled[rows], f.grid[rows], f.latents[rows])


class PadsContexts(Good):
    """Reads the padding of a short context among longer ones."""

    def read_context(self, batch):
        contexts = batch.context or [None] * len(batch)
        width = max(len(text or "") for text in contexts)
        padded = [text and text.ljust(width) for text in contexts]
        return super().read_context(replace(batch, context=padded))


class PoolsPadding(Good):
    def encode_text(self, texts):
        width = max(map(len, texts))
        return self.bag([text.ljust(width) for text in texts])


class SortsTexts(Good):
    def encode_text(self, texts):
        return super().encode_text(sorted(texts))


class PacksTexts(Good):
    def encode_text(self, texts):
        return super().encode_text(sorted(texts, key=len, reverse=True))


class BoundedTexts(Good):
    """A table of positions for so many letters."""

    def encode_text(self, texts):
        return super().encode_text(texts) / (max(map(len, texts)) < 1000)


class ChokesOnNoText(Good):
    def encode_text(self, texts):
        codes = [torch.tensor(list(text.encode()[:64]), dtype=torch.int64) for text in texts]
        return torch.stack([self.words.weight[code].mean(0) for code in codes])


class NotNormalised(Good):
    def project_text(self, encoded):
        return encoded


class RanksPairs(Good):
    """A pair's score depends on what else is scored."""

    def score_pairs(self, features, texts):
        return torch.softmax(super().score_pairs(features, texts), dim=1)


class TurnsPairs(Good):
    def score_pairs(self, features, texts):
        return super().score_pairs(features, texts).T


class FlattensPairs(Good):
    def score_pairs(self, features, texts):
        return super().score_pairs(features, texts).flatten()


class InfiniteScores(Good):
    def score_classes(self, features):
        return torch.log(torch.zeros(len(features.pooled), len(self.classes)))


class GivesLogits(Good):
    def score_classes(self, features):
        return features.pooled[:, : len(self.classes)] * 100


class NamesTwice(Good):
    classes = ("effusion", "effusion")


class OtherEveryTime(Good):
    def __init__(self, card):
        super().__init__(card)
        generator = torch.Generator()
        generator.seed()
        self.head.weight.data = torch.randn(D, D, generator=generator).to(self.head.weight)


class LoadsInPart(Good):
    def load_state_dict(self, state, **options):
        kept = {name: tensor for name, tensor in state.items() if name != "head.weight"}
        return super().load_state_dict(kept, **options)


class UsesItsPlace(Good):
    def encode_image(self, batch):
        f = super().encode_image(batch)
        return ImageFeatures(f.pooled + torch.arange(len(batch))[:, None], f.grid, f.latents)


class SmallerOnMeta(Good):
    def __init__(self, card):
        super().__init__(card)
        if torch.empty(0).device.type != "meta":
            self.more = nn.Linear(D, D)


class NoPooledDim(Good):
    def __init__(self, card):
        super().__init__(card)
        del self.pooled_dim


class OwnPreprocessing(Good):
    def __init__(self, card):
        super().__init__(card)
        self.image_spec = SPEC.model_copy(update={"resize": "pad_square"})


class Pixels:
    """NumPy, no torch module."""

    pooled_dim = 3

    def __init__(self, card: ModelCard) -> None:
        self.image_spec = card.preprocessing

    def encode_image(self, batch):
        pixels = batch.pixels.cpu().numpy()
        pooled = np.stack([pixels.mean((1, 2, 3)), pixels.std((1, 2, 3)), pixels[:, 0, 0, 0]], 1)
        return ImageFeatures(pooled=torch.from_numpy(pooled))


class PixelsOfKnownViews(Pixels):
    """Looks at views that it does not declare."""

    def encode_image(self, batch):
        [view.lower() for view in batch.view or ()]
        return super().encode_image(batch)
