"""Beam searches of one image in plain Python, by the words of their definitions."""

from __future__ import annotations

import math


def plain_search(next_scores, start, end, beams, longest, penalty=1.0, released=True):
    """`next_scores(ids)` gives the log-probability of every next token.

    Returns the ids of the best text, its end included, and its score.
    """
    running = [([start], 0.0)] + [([start], -1e9)] * (beams - 1)
    finished = []
    for count in range(1, longest):
        candidates = [
            (total + score, ids, token)
            for ids, total in running
            for token, score in enumerate(next_scores(tuple(ids)))
        ]
        candidates = sorted(candidates, key=lambda one: -one[0])[: 2 * beams]
        running = []
        for rank, (total, ids, token) in enumerate(candidates):
            if token != end:
                if len(running) < beams:
                    running.append(([*ids, token], total))
            elif rank < beams:
                finished.append((total / count**penalty, [*ids, token]))
        finished = sorted(finished, key=lambda one: -one[0])[:beams]
        worst = finished[-1][0] if len(finished) == beams else -math.inf
        hope = candidates[0][0] if released else running[0][1]
        if worst >= hope / count**penalty:
            break
    else:
        finished += [(total / (longest - 1) ** penalty, ids) for ids, total in running]
    score, ids = max(finished, key=lambda one: one[0])
    return ids, score


def plain_r2gen(next_scores, start, end, beams, longest):
    """The search of R2Gen: whatever ends keeps its place among the beams, 1000 lower.

    Returns the ids of the best text, its end included, and its score.
    """
    running, finished = [([start], 0.0)], []
    for count in range(1, longest):
        candidates = [
            (total + score, [*ids, token])
            for ids, total in running
            for token, score in enumerate(next_scores(tuple(ids)))
        ]
        candidates = sorted(candidates, key=lambda one: -one[0])[:beams]
        running = []
        for total, ids in candidates:
            over = ids[-1] == end or count == longest - 1
            if over:
                finished.append((total, ids))
            running.append((ids, total - 1000 * over))
    score, ids = max(finished, key=lambda one: one[0])
    return ids, score
