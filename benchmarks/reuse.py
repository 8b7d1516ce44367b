"""What is gained by decoding images once and computing frozen features once.

    python benchmarks/reuse.py

Prints the times of both ways and their ratio, measured in this process on phantom radiographs.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

IMAGES, SIDE, MODEL = 48, 1024, "timm/resnet18"


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CXRBENCH_CACHE"] = folder
        _measure(Path(folder))


def _measure(folder: Path) -> None:
    import numpy as np
    from PIL import Image

    from cxrbench.building import build
    from cxrbench.data.images import read_grey
    from cxrbench.data.prepared import prepare
    from cxrbench.data.rowstore import RowStore
    from cxrbench.data.samples import Sample, Split
    from cxrbench.data.transforms import apply_geometry
    from cxrbench.encoder import ImageEncoder
    from cxrbench.phantom.world import PhantomWorld
    from cxrbench.registry import Registry
    from cxrbench.training.features import Extractor, pooled
    from cxrbench.weights.choice import Weights

    card = Registry.discover().model(MODEL).card
    encoder, _ = build(card, Weights("random"), seed=0)
    if not isinstance(encoder, ImageEncoder):
        raise TypeError(f"{MODEL} encodes no images")
    spec = encoder.image_spec
    world = PhantomWorld(patients=40, seed=0, size=256)
    samples = []
    for number, (_, study) in zip(range(IMAGES), world, strict=False):
        path = folder / f"{number}.png"
        drawn = Image.fromarray(world.render(study.patient, study.number).image)
        drawn.resize((SIDE, SIDE)).save(path)
        samples.append(Sample(id=path.name, patient=str(study.patient), image=path))
    split = Split(tuple(samples), np.zeros((len(samples), 1), np.float32), official=False)

    def decode() -> None:
        for sample in samples:
            apply_geometry(read_grey(sample.image), spec)

    images = RowStore(folder / "images")
    first = _seconds(lambda: prepare(images, samples, spec))
    _compare(
        f"{len(samples)} PNG of {SIDE} px to {spec.size[0]} px",
        "decode and resize", _seconds(decode),
        "read prepared rows", _seconds(lambda: images.stack(split.ids)),
        f"preparing once took {first:.2f} s",
    )  # fmt: skip

    features = RowStore(folder / "features")
    extractor = Extractor(images, spec, "cpu", "32", 16, context=False)
    compute = _seconds(lambda: extractor.fill(features, split, pooled(encoder), "features"))
    again = _seconds(lambda: extractor.fill(features, split, pooled(encoder), "features"))
    read = _seconds(lambda: features.stack(split.ids))
    _compare(
        f"features of {len(samples)} images by {MODEL}",
        "compute", compute, "find and read", again + read, "",
    )  # fmt: skip


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _compare(
    title: str, slow_name: str, slow: float, fast_name: str, fast: float, remark: str
) -> None:
    print(f"{title}: {slow_name} {slow:.3f} s, {fast_name} {fast:.4f} s, ratio {slow / fast:.0f}x"
          f"{'; ' + remark if remark else ''}")  # fmt: skip


if __name__ == "__main__":
    main()
