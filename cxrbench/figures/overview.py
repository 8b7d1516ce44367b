"""What the figures over all tasks of a protocol share."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from cxrbench.figures.lines import Line, Measure, Place, floor_of, lines_of, place_of
from cxrbench.figures.scope import Scope
from cxrbench.figures.tasks import ordered_places
from cxrbench.leaderboard.groups import Group
from cxrbench.leaderboard.ranks import places as ranks_of


@dataclass(frozen=True)
class Spoke:
    """The main metric of one task.

    Attributes:
        place: The task and the state of its data.
        name: Unique in the figure.
        measure: The metric.
        floor: Of the best constant predictor.
    """

    place: Place
    name: str
    measure: Measure
    floor: float | None


def same_data(group: Group) -> Hashable:
    """Real data and phantoms, whole and limited, are never in one figure."""
    return group.first.dataset.kind, str(group.first.spec.limit)


def spokes_of(groups: Sequence[Group]) -> list[Spoke]:
    """The tasks on which a run succeeded, in order of their data sets."""
    done = [group for group in groups if group.done]
    held = {place: [g for g in done if place_of(g) == place] for place in ordered_places(done)}
    names = [place[0] for place in held]
    found = []
    for place, own in held.items():
        metric = own[0].first.main_metric
        name = place[0] if names.count(place[0]) == 1 else f"{place[0]} [{place[1][:6]}]"
        found.append(Spoke(place, name, Measure.of(metric, own), floor_of(own, metric)))
    return sorted(found, key=lambda s: (held[s.place][0].first.dataset.name, len(s.name), s.name))


def models_and_spokes(groups: Sequence[Group]) -> tuple[list[Line], list[Spoke]]:
    """The models and the tasks of a figure."""
    return lines_of(groups), spokes_of(groups)


def places_in(spoke: Spoke, models: Sequence[Line]) -> list[int | None]:
    """The place of each model on a task; None where it has no number."""
    values = [model.cell(spoke.place, spoke.measure.id).value for model in models]
    return ranks_of(values, higher_is_better=spoke.measure.higher_is_better)


def parts(scope: Scope, least: int) -> list[list[Group]]:
    """The groups of each figure that has so many tasks at least."""
    return [part for part in scope.parts(same_data) if len(spokes_of(part)) >= least]
