"""What a training of reports leaves: generator and encoder in one file, to start from again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from cxrbench.atomic import atomic_path
from cxrbench.errors import WeightsError
from cxrbench.runners.reports.generators import FIT, INIT_TOKENS, TOKENS

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = "weights.safetensors"
INIT = "init.safetensors"
"""In the folder of a run, the weights that it starts from."""


def export(run: Path, folder: Path) -> Path:
    """Write the chosen weights of a finished run, and the tokens of its decoder.

    Names begin with `generator.` and, where the encoder was trained, `encoder.`; what was frozen is
    not in the file.

    Args:
        run: Folder of the run.
        folder: Where to write.

    Raises:
        WeightsError: When the run has no weights any more.
    """
    best = run / FIT / "best.ckpt"
    if not best.exists():
        raise WeightsError(
            f"{run.name} has no trained weights any more",
            why=f"{best} is missing",
            fix="train it again with --overwrite",
        )
    state = torch.load(best, map_location="cpu", weights_only=True)["state_dict"]
    tensors = {name: tensor.contiguous().clone() for name, tensor in state.items()}
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / WEIGHTS) as temporary:
        save_file(tensors, temporary)
    tokens = [path for path in (run / INIT_TOKENS, run / FIT / TOKENS) if path.exists()]
    if tokens:
        with atomic_path(folder / TOKENS) as temporary:
            shutil.copyfile(tokens[0], temporary)
    return folder / WEIGHTS


def start_from(path: Path, module: nn.Module) -> None:
    """Fill a module with weights that `export` wrote.

    Raises:
        WeightsError: When they do not fill all that is trained.
    """
    try:
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            "cannot read the weights to start from",
            why=f"{path.name}: {error}",
            fix="give the folder that `cxrbench train-report` wrote",
        ) from error
    frozen = {name for name, p in module.named_parameters() if not p.requires_grad}
    wanted = {k: v.shape for k, v in module.state_dict().items() if k not in frozen}
    shapes = {name: tensor.shape for name, tensor in found.items()}
    differing = sorted(
        name for name in wanted.keys() | shapes.keys() if wanted.get(name) != shapes.get(name)
    )
    if differing:
        raise WeightsError(
            "the weights to start from do not fit",
            why=f"{len(differing)} tensors differ, such as {differing[0]}",
            fix="start with the model, the generator and the tokens they were trained with",
        )
    module.load_state_dict(found, strict=False)
