"""Runs that differ in their seed alone: what a cell of a table stands on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cxrbench.hashing import sha256_json
from cxrbench.leaderboard.board import INCOMPLETE, OTHER_SPLIT, OVERLAP, Cell, SeedValue
from cxrbench.leaderboard.tables import data_key, model_name
from cxrbench.results.record import Record
from cxrbench.results.statistics import seed_summary


@dataclass(frozen=True)
class Group:
    """The runs of one model on one task with one set of settings.

    Attributes:
        done: Records of runs that succeeded, by seed.
        failed: Records of those that failed, by seed.
    """

    done: tuple[Record, ...]
    failed: tuple[Record, ...]

    @property
    def first(self) -> Record:
        """A record that tells what all have in common."""
        return (*self.done, *self.failed)[0]

    @property
    def data_key(self) -> str:
        """Equal for groups whose numbers stand on the same data."""
        return data_key(self.first)

    @property
    def metrics(self) -> list[str]:
        """All metrics of its records."""
        return list(dict.fromkeys(metric for record in self.done for metric in record.metrics))

    @property
    def row_key(self) -> str:
        """Equal for runs of one model, weights and settings on whatever task."""
        spec = self.first.spec
        parts = [model_name(self.first), spec.encoder, spec.weights, spec.precision]
        return sha256_json([*parts, spec.micro_batch])[:16]

    @property
    def recipe(self) -> str:
        """A short hash of the recipe, which tells apart what nothing else does."""
        return sha256_json(self.first.spec.recipe)[:8]

    def cell(self, metric: str) -> Cell:
        """The number of these runs, without rank and without what is published."""
        seeds = tuple(
            SeedValue(record.spec.seed, record.metrics[metric].value, record.run_id)
            for record in self.done
            if metric in record.metrics
        )
        if not seeds and (self.done or not self.failed):
            return Cell()
        known = [seed.value for seed in seeds if seed.value is not None]
        summary = seed_summary(known) if known else None
        first = self.done[0].metrics.get(metric) if self.done else None
        expected = len(self.done) + len(self.failed)
        return Cell(
            value=summary.mean if summary else None,
            sd=summary.sd if summary else None,
            n=len(known),
            expected=expected,
            seeds=seeds,
            failed_run_ids=tuple(record.run_id for record in self.failed),
            ci95=first.ci95 if first else None,
            marks=self._marks(incomplete=0 < len(known) < expected),
            notes=self._notes(known),
        )

    def _marks(self, *, incomplete: bool) -> tuple[str, ...]:
        splits = self.first.dataset.splits.values()
        other = self.first.dataset.kind == "real" and not all(s.official for s in splits)
        found = {OVERLAP: bool(self.first.overlaps), OTHER_SPLIT: other, INCOMPLETE: incomplete}
        return tuple(mark for mark, applies in found.items() if applies)

    def _notes(self, known: Sequence[float]) -> tuple[str, ...]:
        record = self.first
        notes = []
        if record.dataset.leaks:
            shared = ", ".join(f"{count} {where}" for where, count in record.dataset.leaks.items())
            notes.append(f"leak: images shared by splits ({shared})")
        if record.context_used:
            notes.append("clinical context used")
        if len(known) > 1 and len(set(known)) == 1:
            notes.append("the seed changes nothing")
        return tuple(notes)

    def row_notes(self) -> tuple[str, ...]:
        """What sets the model and its settings apart from others of its name."""
        record = self.first
        notes = []
        if record.spec.micro_batch is not None:
            notes.append(f"{record.spec.micro_batch} training images at once")
        if record.spec.precision != "32":
            notes.append(f"precision {record.spec.precision}")
        if record.weights.source == "path":
            # Two checkpoints of one model are two rows, which nothing else tells apart.
            digests = ", ".join(digest[:8] for _, digest in sorted(record.weights.sha256.items()))
            notes.append(f"weights {digests}")
        return tuple(notes)


def groups_of(records: Iterable[Record]) -> list[Group]:
    """The groups of records, in an order that depends on their content alone.

    Seeds that are ranked and seeds that are not (or for other reasons) are groups of their own.
    """
    found: dict[tuple[str, tuple[str, ...]], list[Record]] = defaultdict(list)
    for record in records:
        found[record.spec.group_id, tuple(sorted(record.unranked_because))].append(record)
    made = []
    for _, group in sorted(found.items()):
        by_seed = sorted(group, key=lambda record: (record.spec.seed, record.run_id))
        made.append(
            Group(
                done=tuple(record for record in by_seed if record.status == "ok"),
                failed=tuple(record for record in by_seed if record.status == "failed"),
            )
        )
    return made
