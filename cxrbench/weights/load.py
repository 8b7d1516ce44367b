"""Filling an encoder completely, or refusing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from cxrbench.cards import ModelCard
from cxrbench.errors import WeightsError
from cxrbench.weights.choice import ResolvedFile, Weights
from cxrbench.weights.mapping import Filled, Match, is_counter, is_required, match_files
from cxrbench.weights.read import read_tensors
from cxrbench.weights.report import LoadReport


@runtime_checkable
class UsesFiles(Protocol):
    """An encoder that reads side files, such as a tokenizer."""

    def use_file(self, name: str, path: Path) -> None:
        """Take the weights entry `name` of the card, found at `path`."""
        ...


def fill(encoder: object, card: ModelCard, weights: Weights) -> LoadReport:
    """Give the encoder its weights, in place; random ones it has already.

    Raises:
        WeightsError: See `load`.
    """
    if weights.loads:
        return load(encoder, card, weights.files)
    use_side_files(encoder, weights.files)
    return LoadReport(0, 0)


def load(encoder: object, card: Filled, files: Sequence[ResolvedFile]) -> LoadReport:
    """Load the files into the encoder, in place.

    Raises:
        WeightsError: When fewer encoder tensors match than the card demands, or a file holds
            tensors of an unknown kind or that nothing takes and the card does not ignore; the
            encoder is then left untouched.
    """
    report = _load_tensors(encoder, card, files)
    use_side_files(encoder, files)
    return report


def use_side_files(encoder: object, files: Sequence[ResolvedFile]) -> None:
    """Hand files without tensors to an encoder that reads them."""
    if isinstance(encoder, UsesFiles):
        for file in files:
            if not file.holds_tensors:
                encoder.use_file(file.entry.name, file.path)


def match(
    wanted: Mapping[str, Tensor], card: Filled, files: Sequence[ResolvedFile]
) -> tuple[dict[str, Tensor], LoadReport]:
    """Read the files and match them with an encoder's `state_dict`, which is not changed.

    Raises:
        WeightsError: When the files do not fill the encoder as its card demands.
    """
    read = ((f.entry, read_tensors(f.path, f.entry.wrapper)) for f in files if f.holds_tensors)
    whole = match_files(card, wanted, read)
    required = sum(is_required(card, name) for name in wanted)
    report = LoadReport(
        matched=required - len(whole.missing),
        total=required,
        by_order=whole.by_order,
        complete=all(name in whole.tensors or is_counter(name) for name in wanted),
    )
    _refuse_partial(card, files, whole, report)
    return whole.tensors, report


def _load_tensors(encoder: object, card: Filled, files: Sequence[ResolvedFile]) -> LoadReport:
    if not files or not isinstance(encoder, nn.Module):
        return LoadReport(0, 0)
    tensors, report = match(encoder.state_dict(), card, files)
    encoder.load_state_dict(tensors, strict=False)
    return report


def _refuse_partial(
    card: Filled, files: Sequence[ResolvedFile], found: Match, report: LoadReport
) -> None:
    complete = report.total == 0 or report.matched / report.total >= card.min_match
    # Tensors left over tell of another network, such as a deeper one of which half would be filled.
    if complete and not found.wrong_shape and not found.unexpected:
        return
    parts = [f"{report.matched} of {report.total} encoder tensors match", *found.problems]
    names = ", ".join(file.path.name for file in files)
    raise WeightsError(
        f"the checkpoint {names} does not fit {card.id}",
        why="; ".join(parts),
        fix="give the checkpoint this card describes, or correct the mapping on the card; what the "
        "encoder has no use for goes into `ignore` there",
    )
