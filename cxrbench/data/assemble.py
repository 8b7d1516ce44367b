"""From all radiographs of a download to the verified splits of a task."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from cxrbench.cards import DatasetCard
from cxrbench.data.collection import Collection, Download
from cxrbench.data.samples import LabelledImages, Split
from cxrbench.data.splits import SplitList, has_list, is_official, read_list, shared_patients
from cxrbench.errors import DataError

BY_ID = "id"
_ROLE = re.compile(r"(train(_\d+)?|val|test)$")
_TRAIN = re.compile(r"train(_\d+)?$")
_FEW = re.compile(r"(?<=train)_\d+$")


def assemble(
    download: Download,
    found: Collection,
    lists: Mapping[str, str],
    labels: Sequence[str],
    *,
    disjoint: bool = True,
    lookup: str = BY_ID,
) -> LabelledImages:
    """Choose the splits.

    Args:
        download: Where the collection comes from.
        found: All radiographs.
        lists: Split to the name of its list.
        labels: The columns wanted, in order.
        disjoint: Refuse splits that share a patient; `data verify` shows them instead.
        lookup: How a line of a list finds its image. Any other way than by id is that of a
            released code; what it mixes up is not refused but told by `LabelledImages.leaks`.

    Raises:
        DataError: When an id is told twice, a list names an image that is not there or does not
            tell its images apart, a patient is in two splits (unless `disjoint` is off), or this
            download cannot be looked up that way.
    """
    card = download.card
    position = _positions(card, found)
    columns = [found.labels.index(label) for label in labels]
    splits: dict[str, Split] = {}
    for name, stem in lists.items():
        chosen = read_list(download.root, card, stem, found.lists, found.origin)
        if lookup == BY_ID:
            meant = _meant(chosen, stem, position, found, card)
        else:
            meant = _looked_up(chosen, lookup, found, card)
        rows = [_row_of(key, stem, chosen, position, found, card) for key in meant]
        samples = tuple(found.samples[row] for row in rows)
        values = found.values[np.asarray(rows, dtype=np.intp)][:, columns]
        mentions = None if found.mentions is None else found.mentions[rows][:, columns]
        # Whether a list is the official one does not depend on what a code makes of its lines.
        told = rows if lookup == BY_ID else [position[k] for k in chosen.ids if k in position]
        patients = len({found.samples[row].patient for row in told})
        counts = (found.values[np.asarray(told, dtype=np.intp)][:, columns] == 1).sum(axis=0)
        positives = dict(zip(labels, counts.tolist(), strict=True))
        official = is_official(card, stem, chosen, patients, positives)
        splits[name] = Split(samples, values, official, mentions)
    if disjoint and lookup == BY_ID and (error := overlap(card, splits)) is not None:
        raise error
    return LabelledImages(
        download.root,
        found.layout,
        tuple(labels),
        splits,
        len(found.samples) + len(found.absent),
        len(found.absent),
        found.form,
        found.notes,
    )


def present_lists(
    download: Download, found: Collection, lists: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Those of `lists` that this form of the download has.

    Returns:
        Those that are beside the data, told by it, or to be had at their address; and the names
        of those that should be and are not.
    """
    cards = download.card.splits
    own = {split: stem for split, stem in lists.items() if cards[stem].form in ("", found.form)}
    there = {
        split: stem
        for split, stem in own.items()
        if has_list(download.root, download.card, stem, found.lists)
    }
    return there, sorted(set(own.values()) - set(there.values()))


def overlap(card: DatasetCard, splits: Mapping[str, Split]) -> DataError | None:
    """What is wrong when splits share a patient: train, its subsets, val and test.

    Lists whose names begin alike belong together: `cogaze_train` and `cogaze_test`.
    """
    families: dict[str, dict[str, dict[str, str]]] = {}
    for name, split in splits.items():
        told = _ROLE.search(name)
        if told:
            family = families.setdefault(name[: told.start()], {})
            family[name] = {s.id: s.patient for s in split.samples}
    for family in families.values():
        judged = {name: ids for name, ids in family.items() if not _TRAIN.search(name)}
        # Training lists lie within each other, so each is compared with the others alone.
        training = [{name: family[name]} for name in family if _TRAIN.search(name)]
        for one in training or [{}]:
            error = shared_patients(card, {**one, **judged})
            if error is not None:
                return error
    return None


def strangers(splits: Mapping[str, Split]) -> dict[str, list[str]]:
    """Ids of few-label lists, such as `train_1`, that are not in their `train`."""
    found = {}
    for name, split in splits.items():
        whole = splits.get(_FEW.sub("", name))
        if _FEW.search(name) and whole is not None:
            outside = sorted(set(split.ids) - set(whole.ids))
            if outside:
                found[name] = outside
    return found


def _positions(card: DatasetCard, found: Collection) -> dict[str, int]:
    position = {sample.id: row for row, sample in enumerate(found.samples)}
    if len(position) < len(found.samples):
        (key, count), *_ = Counter(sample.id for sample in found.samples).most_common(1)
        raise DataError(
            f"{card.name} holds an image twice",
            why=f"{key} is told {count} times in {found.layout}",
            fix="use the download as it is published, unchanged",
        )
    return position


def _meant(
    chosen: SplitList,
    stem: str,
    position: Mapping[str, int],
    found: Collection,
    card: DatasetCard,
) -> list[str]:
    """The ids of a list, each once, with what stands for an id replaced by it.

    A list of ids alone means these. Where any line is no id and stands for one, the others may do
    so too, and one that is an id and stands for another as well is refused.
    """
    if not found.aliases:
        return list(chosen.ids)
    ids = {key for key in chosen.ids if key in position or key in found.absent}
    plain = not any(key in found.aliases and key not in ids for key in chosen.ids)
    names: dict[str, str] = {}
    for key in chosen.ids:
        own = (key,) if key in ids else ()
        other = () if plain else found.aliases.get(key, ())
        several = tuple(dict.fromkeys((*own, *other))) or (key,)
        why = f"{key} may mean {' or '.join(several[:3])}" if len(several) > 1 else ""
        if several[0] in names:
            why = f"{names[several[0]]} and {key} are the same image"
        if why:
            raise DataError(
                f"the list {stem} of {card.name} does not tell its images apart",
                why=f"{chosen.source}: {why}",
                fix=f"write whole ids there, such as {several[0]}",
            )
        names[several[0]] = key
    return list(names)


def _looked_up(chosen: SplitList, lookup: str, found: Collection, card: DatasetCard) -> list[str]:
    """The ids of the images that a released code finds for the lines of a list."""
    if lookup not in found.lookups:
        raise DataError(
            f"images of {card.name} cannot be looked up by {lookup}",
            why=f"its files ({found.layout}) do not tell what is found that way",
            fix="choose a protocol that looks images up by id, or see `cxrbench data where`",
        )
    names = found.lookups[lookup]
    return [names.get(key, key) for key in chosen.ids]


def _row_of(
    key: str,
    stem: str,
    chosen: SplitList,
    position: Mapping[str, int],
    found: Collection,
    card: DatasetCard,
) -> int:
    row = position.get(key)
    if row is not None:
        return row
    if key in found.absent:
        absent = [i for i in chosen.ids if i in found.absent]
        raise DataError(
            f"{len(absent)} image(s) of the list {stem} of {card.name} are missing",
            why=f"{chosen.source} names {key}, expected at {found.absent[key]}",
            fix="complete the download; `cxrbench data where` says where it is to be had",
        )
    unknown = [i for i in chosen.ids if i not in position and i not in found.absent]
    raise DataError(
        f"the list {stem} of {card.name} names an image without labels",
        why=f"{chosen.source}: {key} is nowhere in {found.layout} ({len(unknown)} such ids)",
        fix="use a list made for this release, with ids as `cxrbench data where` shows them",
    )
