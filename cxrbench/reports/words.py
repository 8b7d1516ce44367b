"""Words that two texts have in common, in the same order."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def common_length(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Length of the longest common subsequence.

    All cells of a row of the usual table are kept in the bits of one integer (Hyyrö 2004,
    "Bit-parallel LCS-length computation revisited"), which is exact and many times faster.

    Args:
        first: Words.
        second: Words.
    """
    places: dict[Hashable, int] = {}
    for position, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << position
    full = (1 << len(first)) - 1
    row = full
    for word in second:
        matched = row & places.get(word, 0)
        row = (row + matched | row - matched) & full
    return len(first) - row.bit_count()


def common_places(
    first: Sequence[Hashable], second: Sequence[Hashable]
) -> tuple[list[int], list[int]]:
    """Positions of one longest common subsequence in both sequences, in order.

    Args:
        first: Words.
        second: Words.
    """
    table = [[0] * (len(second) + 1)]
    for word in first:
        above, row = table[-1], [0]
        for column, other in enumerate(second):
            row.append(above[column] + 1 if word == other else max(above[column + 1], row[column]))
        table.append(row)
    here, there, places = len(first), len(second), (list[int](), list[int]())
    while here and there:
        if first[here - 1] == second[there - 1]:
            here, there = here - 1, there - 1
            places[0].append(here)
            places[1].append(there)
        elif table[here - 1][there] >= table[here][there - 1]:
            here -= 1
        else:
            there -= 1
    return places[0][::-1], places[1][::-1]
