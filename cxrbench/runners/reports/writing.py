"""Writing the reports of the test split, so that what was written is not written again."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from cxrbench.atomic import write_text
from cxrbench.progress import track
from cxrbench.runners.base import Job
from cxrbench.runners.reports.module import ReportWriter
from cxrbench.runners.reports.recipe import Decoding
from cxrbench.training.features import autocast, to_device
from cxrbench.training.loading import ResumableLoader


def write_reports(
    module: ReportWriter, loader: ResumableLoader, decoding: Decoding, job: Job, path: Path
) -> list[str]:
    """The reports of all batches of a loader, in order.

    Args:
        module: Trained.
        loader: In order.
        decoding: How they are written.
        job: The run.
        path: A file that grows by the texts of each batch; the texts of a killed process are
            taken from it.
    """
    device = job.machine.device
    module.to(device).eval()
    to_device(module.reader.encoder, device)
    size = loader.size
    texts = _written(path, size)
    done = len(texts) // size
    loader.load_state_dict({"served": done})
    with path.open("a", encoding="utf-8") as file:
        for batch in track(loader, "writing reports", total=len(loader) - done):
            with torch.inference_mode(), autocast(device, job.spec.precision):
                found = module.write(batch.to(device), decoding)
            file.writelines(json.dumps(text) + "\n" for text in found)
            file.flush()
            texts += found
    return texts


def _written(path: Path, size: int) -> list[str]:
    """The texts of the batches that are whole; what a killed process left of others is cut off."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    whole = whole[: len(whole) // size * size]
    if len(whole) < len(lines):
        write_text(path, "".join(whole))
    return [json.loads(line) for line in whole]
