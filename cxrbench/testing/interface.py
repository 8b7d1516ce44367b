"""Checks of the object: it is built, and has the protocols its card declares."""

from __future__ import annotations

from torch import nn

from cxrbench.building import count_parameters
from cxrbench.encoder import (
    ClosedVocabulary,
    FrozenTrunk,
    ImageEncoder,
    JointSpace,
    PairScorer,
    TextEncoder,
    ViewAware,
)
from cxrbench.image_spec import ImageSpec
from cxrbench.testing.check import NotApplicable, check, require
from cxrbench.testing.subject import Subject

_PROTOCOLS: dict[str, tuple[type, str]] = {
    "text": (TextEncoder, "encode_text"),
    "joint": (JointSpace, "project_image and project_text"),
    "pairwise": (PairScorer, "score_pairs"),
    "closed-vocabulary": (ClosedVocabulary, "classes and score_classes"),
    "frozen-trunk": (FrozenTrunk, "encode_trunk"),
    "view": (ViewAware, "views"),
}


@check("builds", "the entry imports, builds from its card and takes the weights")
def builds(subject: Subject) -> str:
    """Building in eval mode, as every run does."""
    report = subject.load_report
    module = subject.module
    require(
        module is None or not module.training,
        "the encoder does not go into eval mode",
        why="`training` is still true after eval()",
        fix="let train(mode) pass the mode on to torch.nn.Module",
    )
    name = type(subject.encoder).__name__
    if not report.total or not subject.weights.files:
        return f"{name}, {subject.weights.source} weights"
    return f"{name}, {report.matched} of {report.total} tensors loaded"


@check("meta-device", "it can be counted without being allocated", needs=("builds",))
def meta_device(subject: Subject) -> str:
    """`cxrbench info` counts parameters under torch's meta device."""
    counts = count_parameters(subject.card)
    if counts is None or subject.module is None:
        raise NotApplicable("not a torch module")
    real = sum(p.numel() for p in subject.module.parameters())
    require(
        counts.total == real,
        "the encoder has another size on the meta device",
        why=f"{counts.total:,} parameters there, {real:,} here",
        fix="build the same layers whatever the default device is",
    )
    return f"{real:,} parameters"


@check("image-spec", "image_spec and pooled_dim exist and agree with the card", needs=("builds",))
def image_spec(subject: Subject) -> str:
    """The preprocessing in force is the encoder's `image_spec`."""
    spec = getattr(subject.encoder, "image_spec", None)
    width = getattr(subject.encoder, "pooled_dim", None)
    require(
        isinstance(spec, ImageSpec),
        "the encoder has no image_spec",
        why=f"found {type(spec).__name__}",
        fix="set `self.image_spec = card.preprocessing`",
    )
    require(
        isinstance(width, int) and width > 0,
        "the encoder has no pooled_dim",
        why=f"found {width!r}",
        fix="set `self.pooled_dim` to the width of `pooled`",
    )
    declared = subject.card.preprocessing
    require(
        declared is None or spec == declared,
        "image_spec is not the preprocessing of the card",
        why=f"{spec} instead of {declared}",
        fix="use `card.preprocessing`, so that the card tells what is done",
    )
    require(
        declared is not None or "/" in subject.card.id or not subject.card.weights,
        "the card does not say how images are prepared",
        why="a reader cannot compare it with the preprocessing of the pretraining",
        fix="write `preprocessing`",
    )
    height, wide = subject.encoder.image_spec.size
    return f"{height}×{wide}, pooled_dim {width}"


@check("capabilities", "declared capabilities are the implemented ones", needs=("image-spec",))
def capabilities(subject: Subject) -> str:
    """Both ways: what is not declared is not planned, what is not implemented fails late."""
    encoder = subject.encoder
    require(
        subject.has("image") and isinstance(encoder, ImageEncoder),
        "not an image encoder",
        why="either the card lacks the capability `image` or the class lacks encode_image",
        fix="declare and implement it",
    )
    for capability, (protocol, members) in _PROTOCOLS.items():
        declared, implemented = subject.has(capability), isinstance(encoder, protocol)
        # One class may serve a model whose trunk is frozen and one whose trunk is trained.
        require(
            declared or not implemented or capability == "frozen-trunk",
            f"`{capability}` is implemented and not declared",
            why=f"{type(encoder).__name__} has {members}",
            fix=f"add {capability} to the capabilities of the card",
        )
        require(
            implemented or not declared,
            f"`{capability}` is declared and not implemented",
            why=f"{type(encoder).__name__} lacks {members}",
            fix="implement it, or remove it from the capabilities of the card",
        )
    module = encoder if isinstance(encoder, nn.Module) else None
    learns = module is not None and any(p.requires_grad for p in module.parameters())
    require(
        subject.has("trainable") == learns,
        "`trainable` contradicts the encoder",
        why=f"{'some' if learns else 'no'} parameter has requires_grad",
        fix="declare `trainable`, or freeze the parameters with requires_grad_(False)",
    )
    return ", ".join(subject.card.capabilities)
