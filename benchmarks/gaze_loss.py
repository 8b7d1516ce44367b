"""What is gained by computing the gaze loss without loops.

    python benchmarks/gaze_loss.py

Prints the time of a loop over images and rows and of the vectorised loss, forward and backward,
their ratio, and how far values and gradients are apart, measured in this process at the size of a
pretraining batch.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from cxrbench_models.cogaze.losses.gaze import (  # type: ignore[import-not-found, unused-ignore]
    EPS,
    RELEASED,
    image_gaze_losses,
)
from torch import Tensor

RHO, PATCHES, WIDTH, REPEATS = 0.25, 1369, 768, 5
IMAGES, SEGMENTS = 8, 7
"""Images with gaze in a batch, and sentences of each, the whole reading included."""


def main() -> None:
    """Measure and print."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    patches = torch.randn(IMAGES, PATCHES, WIDTH, device=device).requires_grad_()
    transcripts = torch.randn(IMAGES * SEGMENTS, WIDTH, device=device).requires_grad_()
    heat = torch.rand(IMAGES * SEGMENTS, PATCHES, device=device)
    heat = heat * (torch.rand_like(heat) < 0.3)
    owners = torch.arange(IMAGES, device=device).repeat_interleave(SEGMENTS)
    scale = torch.tensor(2.6593, device=device)

    def vectorised() -> Tensor:
        losses: Tensor = image_gaze_losses(patches, transcripts, heat, owners, scale, rho=RHO)
        return losses.mean()

    def looped() -> Tensor:
        losses = []
        for image in range(IMAGES):
            own = owners == image
            said = F.normalize(transcripts[own], dim=-1)
            logits = scale.exp() * said @ F.normalize(patches[image], dim=-1).T
            ways = (rows(logits, heat[own]), rows(logits.T, heat[own].T))
            losses.append(RELEASED[0] * ways[0] + RELEASED[1] * ways[1])
        return torch.stack(losses).mean()

    slow, fast = timed(looped, patches), timed(vectorised, patches)
    print(f"{device}, {torch.get_num_threads()} threads, {IMAGES} images × {SEGMENTS} segments × "
          f"{PATCHES} patches of {WIDTH}, forward and backward, median of {REPEATS}")  # fmt: skip
    print(f"loop {slow[0] * 1e3:.1f} ms, vectorised {fast[0] * 1e3:.1f} ms, "
          f"ratio {slow[0] / fast[0]:.1f}x")  # fmt: skip
    apart = float((slow[2] - fast[2]).abs().max() / slow[2].abs().max())
    print(f"difference: loss {abs(slow[1] - fast[1]):.1e}, gradient {apart:.1e} of its largest")


def rows(logits: Tensor, heat: Tensor) -> Tensor:
    """The mean over rows, one after the other."""
    values = []
    for row, hot in zip(logits, heat, strict=True):
        count = int((hot > EPS).sum())
        value, cell = hot.topk(max(1, int(RHO * count)))
        if float(value.sum()) <= EPS:
            continue
        p = torch.zeros_like(hot).index_put((cell,), value / (value.sum() + EPS))
        q = row.softmax(0)
        middle = (0.5 * (p + q) + EPS).log()
        values.append(0.5 * (p * ((p + EPS).log() - middle)).sum()
                      + 0.5 * (q * ((q + EPS).log() - middle)).sum())  # fmt: skip
    return torch.stack(values).mean()


def timed(work: Callable[[], Tensor], patches: Tensor) -> tuple[float, float, Tensor]:
    """Median seconds, the loss, and its gradient."""
    seconds = []
    for _ in range(REPEATS + 1):
        patches.grad = None
        start = time.perf_counter()
        loss = work()
        torch.autograd.backward(loss)
        value = float(loss.detach())  # waits for the device
        seconds.append(time.perf_counter() - start)
    if patches.grad is None:
        raise RuntimeError("the loss does not depend on the patches")
    return statistics.median(seconds[1:]), value, patches.grad


if __name__ == "__main__":
    main()
