"""The tables of one page."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cxrbench.leaderboard.assemble import Draft, Key, assemble
from cxrbench.leaderboard.board import Table
from cxrbench.leaderboard.groups import Group
from cxrbench.leaderboard.headings import Headings, metric_heading, tells_more
from cxrbench.leaderboard.layout import FamilyLayout, Layout, begins_with, ordered_metrics
from cxrbench.leaderboard.quotes import Quote
from cxrbench.leaderboard.tables import describe_data

_UNTOLD = "protocol not told"


@dataclass(frozen=True)
class FamilyInput:
    """What a page is made of.

    Attributes:
        id: Of the page.
        page: Its layout.
        layout: That of all pages.
        groups: The runs of its tasks.
        quotes: The published rows that belong to it.
        all_groups: All ranked runs, for tables that reach over several kinds of task.
        all_quotes: All published rows, for what measured values are held against.
    """

    id: str
    page: FamilyLayout
    layout: Layout
    groups: Sequence[Group]
    quotes: Sequence[Quote]
    all_groups: Sequence[Group]
    all_quotes: Sequence[Quote]


def family_tables(given: FamilyInput) -> tuple[tuple[Table, ...], tuple[Table, ...]]:
    """The tables of a page, and those of all metrics of each task.

    Raises:
        MixedError: When numbers that were made in different ways would stand in one column.
    """
    ranked = [group for group in given.groups if not group.first.unranked_because]
    unranked = [group for group in given.groups if group.first.unranked_because]
    below = [quote for quote in given.quotes if not quote.table.alone]
    tables = _by_protocol(given, ranked, below, ranked=True)
    tables += _as_printed(given)
    tables += _by_protocol(given, unranked, [], ranked=False)
    details = [*_details(given, ranked, ranked=True), *_details(given, unranked, ranked=False)]
    return tuple(tables), tuple(details)


def _by_protocol(
    given: FamilyInput, groups: Sequence[Group], quotes: Sequence[Quote], *, ranked: bool
) -> list[Table]:
    runs: dict[str | None, list[Group]] = defaultdict(list)
    rows: dict[str | None, list[Quote]] = defaultdict(list)
    for group in groups:
        runs[group.first.spec.protocol].append(group)
    for quote in quotes:
        rows[quote.table.protocol].append(quote)
    made = []
    for protocol in sorted({*runs, *rows}, key=given.layout.protocol_place):
        own, quoted = runs[protocol], rows[protocol]
        keys = _keys(given, own, quoted)
        others = sorted(str(name) for name, found in rows.items() if found and name)
        notes = _elsewhere(others) if ranked and not quoted else ()
        notes = notes if ranked else _reasons(own)
        if given.page.together:
            parts = [("", keys)]
        else:
            metrics = dict.fromkeys(key.metric for key in keys)
            parts = [(metric, [k for k in keys if k.metric == metric]) for metric in metrics]
        for metric, part in parts:
            title = ": ".join(filter(None, (protocol or _UNTOLD, metric)))
            draft = Draft(
                id=slug(given.id, protocol or "untold", metric, "" if ranked else "unranked"),
                title=title if ranked else f"{title}, not ranked",
                protocol=protocol,
                ranked=ranked,
                keys=part,
                groups=own,
                quotes=quoted,
                all_quotes=given.all_quotes,
                notes=(*notes, *_quoted_notes(quoted, part)),
            )
            made.append(_made(given, draft))
    return made


def _keys(given: FamilyInput, groups: Sequence[Group], quotes: Sequence[Quote]) -> list[Key]:
    """The columns of a protocol, in order."""
    states: dict[str, dict[str, Group]] = defaultdict(dict)
    held: dict[str, set[str]] = defaultdict(set)
    mains = set()
    for group in groups:
        task = group.first.spec.task
        states[task].setdefault(group.data_key, group)
        # A run that failed has a place all the same, where its main metric would stand.
        held[task] |= {*group.metrics, group.first.main_metric}
        mains.add(group.first.main_metric)
    quoted = dict.fromkeys(
        (entry.task or "", entry.metric or "")
        for quote in quotes
        for entry in quote.entries
        if entry.cell.value is not None
    )
    extra = list(dict.fromkeys(metric for _, metric in quoted))
    known = {*(metric for metrics in held.values() for metric in metrics), *extra}
    order = [*given.page.metrics, *map(_literal, extra)]
    metrics = ordered_metrics(known, mains, order)
    tasks = {*states, *(task for task, _ in quoted)}
    keys = []
    for metric in metrics:
        for task in tasks:
            here = states[task] if metric in held[task] else {}
            keys += [Key(task, metric, data_key) for data_key in here]
            if (task, metric) in quoted and len(here) != 1:
                keys.append(Key(task, metric))
    return sorted(keys, key=lambda key: _place(given, states, metrics, key))


def _place(
    given: FamilyInput, states: dict[str, dict[str, Group]], metrics: Sequence[str], key: Key
) -> tuple[object, ...]:
    """Data sets in their order, then tasks by length first: 1 % comes before 10 % and 100 %."""
    groups = states[key.task]
    group = groups.get(key.data_key) or next(iter(groups.values()), None)
    known = [*given.layout.names, *_titles(given)]
    named = begins_with(key.task, known) or key.task.rpartition("-")[0]
    dataset = group.first.dataset.name if group else named
    data = describe_data(groups[key.data_key].first) if key.data_key else "￿"
    where = (*given.layout.dataset_place(dataset), len(key.task), key.task, data, key.data_key)
    return (*where, metrics.index(key.metric))


def _titles(given: FamilyInput) -> dict[str, str]:
    """Data set to title, of all that were run."""
    facts = (group.first.dataset for group in (*given.all_groups, *given.groups))
    return {dataset.name: dataset.title for dataset in facts}


def _made(given: FamilyInput, draft: Draft) -> Table:
    """The table, with what papers call its metrics below it."""
    places = Counter((key.task, key.metric) for key in draft.keys)
    headings = Headings(
        layout=given.layout,
        metrics=given.page.together,
        tasks=tells_more(key.task for key in draft.keys),
        titles=_titles(given),
        states=frozenset(task for (task, _), count in places.items() if count > 1),
    )
    table = assemble(draft, headings)
    if not given.page.together:
        named = metric_heading(table.columns[0])
        title = draft.title.replace(table.columns[0].metric or "", named)
        table = replace(table, title=title)
    return replace(table, notes=(*table.notes, *_called(table)))


def _called(table: Table) -> tuple[str, ...]:
    """What papers call the metrics of a table."""
    said = dict.fromkeys(
        f"“{name}” is `{column.metric}`"
        for column in table.columns
        for name in filter(None, column.printed_as.split(", "))
        if column.metric is not None
    )
    return (f"As printed: {', '.join(said)}.",) if said else ()


def _elsewhere(protocols: Sequence[str]) -> tuple[str, ...]:
    if not protocols:
        return ()
    names = " and ".join(protocols)
    return (f"Published numbers were measured in another way: they stand under {names}.",)


def _quoted_notes(quotes: Iterable[Quote], keys: Sequence[Key]) -> tuple[str, ...]:
    """What is to be said of the printed tables that have a column here."""
    here = {(key.task, key.metric) for key in keys}
    tables = [quote.table for quote in quotes
              if any((entry.task, entry.metric) in here for entry in quote.entries)]  # fmt: skip
    return tuple(dict.fromkeys(note for table in tables for note in table.notes))


def _reasons(groups: Iterable[Group]) -> tuple[str, ...]:
    """Why runs are not ranked."""
    found = {reason for group in groups for reason in group.first.unranked_because}
    return (f"Not ranked: {', '.join(sorted(found))}.",)


def _as_printed(given: FamilyInput) -> list[Table]:
    """Tables of papers that stay together, with measured rows of the models they name above."""
    printed: dict[tuple[str, int], list[Quote]] = defaultdict(list)
    for quote in given.quotes:
        if quote.table.alone:
            printed[quote.paper.id, quote.paper.tables.index(quote.table)].append(quote)
    found = []
    for (paper, place), quotes in sorted(printed.items()):
        table = quotes[0].table
        models = {quote.row.model for quote in quotes} - {None}
        groups = [group for group in given.all_groups
                  if group.first.spec.model in models
                  and group.first.spec.protocol == table.protocol]  # fmt: skip
        draft = Draft(
            id=slug(given.id, "as printed", paper, table.table, str(place)),
            title=f"{quotes[0].paper.cited}, {table.where}: {table.title}",
            protocol=table.protocol,
            ranked=True,
            keys=_printed_keys(quotes[0], groups),
            groups=groups,
            quotes=quotes,
            all_quotes=given.all_quotes,
            notes=tuple(table.notes),
        )
        several = len(table.columns) > 1
        headings = Headings(given.layout, metrics=True, tasks=several, titles=_titles(given))
        made = assemble(draft, headings)
        found.append(replace(made, notes=(*made.notes, *_called(made))))
    return found


def _printed_keys(quote: Quote, groups: Sequence[Group]) -> list[Key]:
    states: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        states[group.first.spec.task].add(group.data_key)
    keys = []
    for entry in quote.entries:
        own = states[entry.task or ""]
        # Nothing measured is known to be what a paper leaves untold, so papers alone stand there.
        data_key = next(iter(own)) if len(own) == 1 and entry.metric is not None else ""
        keys.append(Key(entry.task or entry.group, entry.metric or entry.printed_as, data_key))
    return keys


def _details(given: FamilyInput, groups: Iterable[Group], *, ranked: bool) -> list[Table]:
    """For every task, protocol and state of the data, a table of all metrics."""
    apart: dict[tuple[str, str, str], list[Group]] = defaultdict(list)
    for group in groups:
        apart[group.first.spec.task, group.first.spec.protocol, group.data_key].append(group)
    found = []
    for (task, protocol, data_key), own in sorted(
        apart.items(), key=lambda item: (len(item[0][0]), *item[0])
    ):
        first = own[0].first
        metrics = dict.fromkeys([first.main_metric, *(m for group in own for m in group.metrics)])
        name = "" if ranked else "unranked"
        draft = Draft(
            id=slug(given.id, "all", task, protocol, data_key[:8], name),
            title=f"{task}, {protocol}, {describe_data(first)}{'' if ranked else ', not ranked'}",
            protocol=protocol,
            ranked=ranked,
            keys=[Key(task, metric, data_key) for metric in metrics],
            groups=own,
            all_quotes=given.all_quotes,
        )
        found.append(assemble(draft, Headings(given.layout, metrics=True, tasks=False)))
    return found


def slug(*parts: str) -> str:
    """An id made of words, usable as an anchor: lower case letters, digits, `-` and `.`."""
    return "-".join(re.sub(r"[^a-z0-9.]+", "-", p.lower()).strip("-") for p in parts if p)


def _literal(metric: str) -> str:
    """A glob that fits this metric id alone."""
    return re.sub(r"([\[*?])", r"[\1]", metric)
