"""One request for figures: which there are, and drawing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrbench.errors import BadRequest
from cxrbench.figures.kinds import parse_kinds, sheets_of
from cxrbench.figures.library import Library
from cxrbench.figures.scope import Scope, Selection, chosen
from cxrbench.figures.sheet import Sheet
from cxrbench.leaderboard.collect import collect
from cxrbench.leaderboard.layout import read_layout
from cxrbench.results.store import Store


@dataclass(frozen=True)
class Planned:
    """What can be drawn.

    Attributes:
        sheets: The figures.
        library: Their predictions.
        hidden: Records left out because they are not ranked.
        absent: Kinds that were asked for, or are drawn by default, and have no figure.
    """

    sheets: tuple[Sheet, ...]
    library: Library
    hidden: int
    absent: tuple[str, ...]


def plan(
    store: Store, pages: Path, kinds: Sequence[str], selection: Selection, replicates: int
) -> Planned:
    """The figures of the records in a store and of those that were shared.

    Args:
        store: Records with their predictions.
        pages: Folder of the pages; `records/` in it holds shared records, without predictions.
        kinds: Kinds of figures; none: all but those on request.
        selection: Which records.
        replicates: Bootstrap replicates of bands.

    Raises:
        BadRequest: When a record cannot be read, or nothing can be drawn.
        UnknownNameError: When a kind, model, task or protocol is not known.
    """
    wanted = parse_kinds(kinds)
    groups, hidden = chosen(collect(store.folder, pages), selection)
    library = Library(store)
    scope = Scope(groups, read_layout(pages), library, replicates)
    found = {kind: list(sheets_of(kind, scope)) for kind in wanted}
    sheets = tuple(sheet for each in found.values() for sheet in each)
    if not sheets:
        raise BadRequest(
            f"no figure of the kind {', '.join(wanted)} can be drawn",
            why=_REASON,
            fix="choose other kinds, tasks or models; cxrbench list runs shows what there is",
        )
    return Planned(sheets, library, hidden, tuple(kind for kind in wanted if not found[kind]))


_REASON = (
    "the records chosen lack what it needs: a task of its type, several tasks or amounts of "
    "training data, stored predictions of labels, or models that are ranked"
)
