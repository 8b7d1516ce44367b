"""What tasks of one data set have in common, and how they are told apart."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from cxrbench.figures.lines import Place, place_of
from cxrbench.leaderboard.board import Column
from cxrbench.leaderboard.family import slug
from cxrbench.leaderboard.groups import Group
from cxrbench.leaderboard.headings import Headings
from cxrbench.leaderboard.layout import FamilyLayout, Layout, ordered_metrics

__all__ = ["metrics_of", "ordered_places", "same_test", "slug", "task_words"]


def same_test(group: Group) -> Hashable:
    """Equal for tasks of one kind that are tested on the same images of one data set."""
    record = group.first
    test = record.dataset.splits.get("test")
    tested = test.sha256 if test else record.spec.task
    limit = record.spec.limit
    kind = record.dataset.kind
    return record.dataset.name, record.task_type, record.main_metric, kind, tested, str(limit)


def ordered_places(groups: Iterable[Group]) -> list[Place]:
    """Tasks and states of their data: by length first, since 1 % comes before 10 % and 100 %."""
    return sorted({place_of(group) for group in groups}, key=lambda p: (len(p[0]), p))


def task_words(place: Place, groups: Sequence[Group], layout: Layout) -> str:
    """What a task id says beyond its data set, such as `1 %`; the id where it says nothing."""
    own = [group for group in groups if place_of(group) == place]
    column = Column(task=place[0], metric=None, protocol=None)
    told = Headings(layout, metrics=False, tasks=True)(column, own).label or place[0]
    others = {place_of(group) for group in groups if group.first.spec.task == place[0]}
    # One task on two states of its data: they differ in more than words.
    return told if len(others) == 1 else f"{told} [{place[1][:6]}]"


def metrics_of(groups: Sequence[Group], family: FamilyLayout | None) -> list[str]:
    """The metrics that pages show of groups: the main one, and those that the layout names."""
    known = dict.fromkeys(metric for group in groups for metric in group.metrics)
    mains = dict.fromkeys(group.first.main_metric for group in groups)
    return ordered_metrics(known, mains, family.metrics if family else ())


def family_of(task_type: str, layout: Layout) -> FamilyLayout | None:
    """The page of a kind of task, if there is one."""
    name = layout.family_of(task_type)
    return layout.families[name] if name else None
