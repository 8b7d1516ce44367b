"""Checks of training: gradients arrive where they should, and a frozen trunk is frozen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.linalg import vector_norm

from cxrbench.encoder import ParameterGroups
from cxrbench.testing.check import CheckFailed, NotApplicable, check, require
from cxrbench.testing.compare import same
from cxrbench.testing.subject import TEXTS, Subject, parts, rows


@check("frozen-trunk", "features from the kept trunk equal those from pixels", needs=("shapes",))
def frozen_trunk(subject: Subject) -> str:
    """The trunk's output is computed once and kept: it may depend on nothing but the pixels."""
    if not subject.has("frozen-trunk"):
        raise NotApplicable("no frozen trunk")
    encoder = subject.encoder
    few = _few(subject.module)
    with _training_mode(subject.module):
        training: Tensor = encoder.encode_trunk(subject.pixels[:few])
    require(
        not training.requires_grad,
        "the trunk is declared frozen and is trained",
        why="the output of encode_trunk carries a gradient, which is lost when it is kept",
        fix="freeze its parameters with requires_grad_(False), or drop `frozen-trunk`",
    )
    with torch.inference_mode():
        kept: Tensor = encoder.encode_trunk(subject.pixels)
    same(
        {"trunk": training},
        {"trunk": kept[:few]},
        subject.tolerance,
        "the trunk gives something else in training mode",
        fix="keep the trunk in eval mode when train() is called",
    )
    batch = replace(subject.batch, pixels=None, trunk=kept)
    found = same(
        parts(subject.encode(batch)),
        parts(subject.features),
        subject.tolerance,
        "features from the kept trunk output differ from those from pixels",
        fix="let encode_image go on from batch.trunk exactly as from its own trunk",
    )
    subject.kept_trunk = kept.clone()  # which later checks may start from
    return found


@check("gradients", "gradients reach the parameters that are trained", needs=("shapes",))
def gradients(subject: Subject) -> str:
    """A backward pass in training mode from everything the encoder returns."""
    module = subject.module
    if module is None or not subject.has("trainable"):
        raise NotApplicable("nothing is trained")
    trained = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
    with _training_mode(module):
        _loss(subject).backward()  # type: ignore[no-untyped-call]
        # The largest value: not finite where any is not, and the least to compute.
        sizes = {n: float(vector_norm(p.grad, math.inf)) for n, p in trained if p.grad is not None}
    reached = {name for name, size in sizes.items() if size != 0}
    bad = sorted(name for name, size in sizes.items() if not math.isfinite(size))
    require(
        bool(reached),
        "no gradient reaches any parameter",
        why=f"{len(trained)} tensors have requires_grad, the gradient of all is missing or zero",
        fix="do not detach, and do not use no_grad or inference_mode in encode_image",
    )
    if bad:
        raise CheckFailed(
            "a gradient is not finite",
            why=f"{', '.join(bad[:3])}",
            fix="look for a square root or norm at zero",
        )
    unread = sorted({name for name, _ in trained} - reached)
    rest = f"; not: {', '.join(unread[:3])}{' …' if len(unread) > 3 else ''}" if unread else ""
    return f"{len(reached)} of {len(trained)} trained tensors{rest}"


@check("parameter-groups", "groups are disjoint and hold all trained parameters", needs=("builds",))
def parameter_groups(subject: Subject) -> str:
    """Recipes give each group its own learning rate; a parameter left out is not trained."""
    encoder, module = subject.encoder, subject.module
    if module is None or not isinstance(encoder, ParameterGroups):
        raise NotApplicable("no groups: all parameters share one learning rate")
    groups = {name: list(group) for name, group in encoder.parameter_groups().items()}
    ids = [id(p) for group in groups.values() for p in group]
    require(
        len(ids) == len(set(ids)),
        "a parameter is in two groups",
        why=f"{len(ids) - len(set(ids))} are listed twice",
        fix="put each parameter into one group",
    )
    trained = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
    left_out = [name for name, p in trained if id(p) not in set(ids)]
    require(
        not left_out,
        "a trained parameter is in no group",
        why=f"{', '.join(left_out[:3])} ({len(left_out)} in all)",
        fix="add it to a group, or freeze it",
    )
    return ", ".join(f"{name} {len(group)}" for name, group in groups.items())


@contextmanager
def _training_mode(module: nn.Module | None) -> Iterator[None]:
    """Training mode, with buffers (batch norm's) and the random state put back afterwards."""
    if module is None:
        yield
        return
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    with torch.random.fork_rng():
        module.train()
        try:
            yield
        finally:
            module.zero_grad(set_to_none=True)
            module.eval()
            with torch.no_grad():
                for name, buffer in module.named_buffers():
                    buffer.copy_(buffers[name])


def _few(module: nn.Module | None) -> int:
    """The fewest images that can be trained on: batch norm needs two."""
    modules = [] if module is None else module.modules()
    return 2 if any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in modules) else 1


def _loss(subject: Subject) -> Tensor:
    """A sum in which every output counts with another sign."""
    encoder = subject.encoder
    few = rows(subject.light_batch, range(_few(subject.module)))
    outputs = list(parts(encoder.encode_image(few)).values())
    if subject.has("text"):
        outputs.append(encoder.encode_text(TEXTS))
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros((), device=subject.device)
    for output in outputs:
        weight = torch.randn(output.shape, generator=generator).to(output.device)
        total = total + nn.functional.mse_loss(output, weight)
    return total
