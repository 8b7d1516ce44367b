"""Beam search over a batch of images, without a loop over images or beams.

The search is that of `transformers`, one of whose rules changed between its versions: when an image
is done. See `STOP_RULES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from cxrbench.errors import BadRequest
from cxrbench.generation.ngrams import repeating

StopRule = Literal["transformers", "released"]
STOP_RULES: Mapping[StopRule, str] = {
    "transformers": "the best beam that goes on, as in transformers 5",
    "released": "the best candidate of the step, ends included, as in transformers 4",
}
"""An image is done when K texts are finished and even the worst of them scores no less than this.

Both are scored for their length so far. `released` never stops before the other: right after a text
finished that is better than all others, it goes on for at least one more token.
"""


@dataclass(frozen=True)
class SearchSettings:
    """How texts are decoded.

    Attributes:
        beams: K; one is greedy decoding.
        max_length: Longest text in tokens, start token included.
        length_penalty: p of the score: log-probability of the text / n^p for n tokens, the end
            token counted, the start token not. With p = 0 the result is that of R2Gen's search, in
            which a text that ends takes the place of a beam: what the place would have held is less
            likely than the text, and so is all that comes of it.
        stop: See `STOP_RULES`.
        block_ngrams: No text has a run of so many tokens twice, the start token counted; the
            likelihoods of the others stay as they are. None: nothing is blocked.
    """

    beams: int = 1
    max_length: int = 100
    length_penalty: float = 1.0
    stop: StopRule = "transformers"
    block_ngrams: int | None = None

    def __post_init__(self) -> None:
        if self.beams < 1 or self.max_length < 2:
            raise BadRequest(
                "cannot decode texts",
                why=f"{self.beams} beams and a longest text of {self.max_length} tokens",
                fix="ask for at least 1 beam, and 2 tokens, of which the first is given",
            )
        if self.block_ngrams is not None and self.block_ngrams < 1:
            raise BadRequest(
                "cannot decode texts",
                why=f"there are no runs of {self.block_ngrams} tokens",
                fix="block runs of at least 1 token, or none",
            )


GREEDY = SearchSettings()


class Steps(Protocol):
    """What a search drives; `cxrbench.generation.steps.DecodingSteps` is one."""

    def begin(self, start: Tensor) -> Tensor:
        """The first token of every image, B, to B×1×V logits."""
        ...

    def next(self, parents: Tensor, tokens: Tensor) -> Tensor:
        """B×K beams that are continued and tokens to continue them with, to B×K×V logits."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Forget all other images."""
        ...


@dataclass(frozen=True)
class Decoded:
    """The best text of every image.

    Attributes:
        ids: B×N int64, start token first, the end token included where there is one, then
            padding; N is the length of the longest.
        lengths: B int64, without the padding.
        scores: B float64; see `SearchSettings.length_penalty`.
    """

    ids: Tensor
    lengths: Tensor
    scores: Tensor

    def rows(self) -> list[list[int]]:
        """The ids of each text without the padding."""
        pairs = zip(self.ids.tolist(), self.lengths.tolist(), strict=True)
        return [ids[:length] for ids, length in pairs]


@dataclass
class _State:
    """The images that are not done.

    Attributes:
        rows: B int64, their numbers in the batch.
        texts: B×K×N int64 of the running beams.
        running: B×K, their log-probabilities, the best first.
        finished: B×K float64, scores of finished texts, -inf where there is none yet.
        best: B×N int64, the best finished text.
        length: B int64, its length.
    """

    rows: Tensor
    texts: Tensor
    running: Tensor
    finished: Tensor
    best: Tensor
    length: Tensor

    def select(self, rows: Tensor) -> _State:
        return _State(**{name: tensor[rows] for name, tensor in vars(self).items()})


@torch.no_grad()
def beam_search(
    steps: Steps, start: Tensor, end: int, pad: int, settings: SearchSettings
) -> Decoded:
    """Decode the most likely texts.

    The result of an image does not depend on the others: it leaves the batch when it is done.

    Args:
        steps: Computes logits.
        start: B int64, the first token of each text.
        end: Token that ends a text.
        pad: Token that fills up.
        settings: Beams, length and rules.

    Raises:
        BadRequest: When there are more beams than the vocabulary can tell apart.
    """
    size, longest = len(start), settings.max_length
    blank = start.new_full((size, longest), pad)
    blank[:, 0] = start
    out = Decoded(blank.clone(), torch.ones_like(start), torch.zeros_like(start).double())
    state = _State(
        rows=torch.arange(size, device=start.device),
        texts=blank[:, None].clone(),
        running=torch.zeros(size, 1, device=start.device),
        finished=torch.full_like(blank[:, :1].double(), -torch.inf).repeat(1, settings.beams),
        best=blank,
        length=torch.ones_like(start),
    )
    logits = _enough(steps.begin(start), settings) if size else blank
    for count in range(1, longest if size else 0):
        last = count == longest - 1
        done, parents = _advance(state, logits, count, end, last, settings)
        if last or bool(done.any()):
            _write(out, state, done | last)
            going = (~done).nonzero()[:, 0]
            if last or not len(going):
                break
            state, parents = state.select(going), parents[going]
            steps.keep(going)
        logits = steps.next(parents, state.texts[:, :, count])
    width = int(out.lengths.max()) if size else 1
    return Decoded(out.ids[:, :width], out.lengths, out.scores)


def _advance(
    state: _State, logits: Tensor, count: int, end: int, last: bool, settings: SearchSettings
) -> tuple[Tensor, Tensor]:
    """Add a token, the `count`-th, to every beam.

    Returns:
        B booleans, whether an image is done; B×K, which beam each of the new ones continues.
    """
    beams, length = settings.beams, float(count**settings.length_penalty)
    likelihood = logits.float().log_softmax(-1)
    if settings.block_ngrams is not None:
        blocked = repeating(state.texts[:, :, :count], settings.block_ngrams, logits.shape[-1])
        likelihood = likelihood.masked_fill(blocked, -torch.inf)
    # As many for each beam as can be needed, then of all beams: far quicker than all at once.
    each = likelihood.topk(2 * beams)
    totals, places = (state.running[..., None] + each.values).flatten(1).topk(2 * beams)
    tokens, parents = each.indices.flatten(1).gather(1, places), places // (2 * beams)
    ends, scores = tokens == end, totals.double() / length
    # Ends beyond the K best candidates do not count. At the last step the K best are the texts.
    closing = ends | last
    closing[:, beams:] = False
    closed = scores.masked_fill(~closing, -torch.inf)
    _remember_best(state, closed, parents, tokens, count)
    state.finished = torch.cat([state.finished, closed], dim=1).topk(beams).values
    # The first K that are no ends; there are as many, because a beam ends in one way.
    going = ends.byte().argsort(dim=1, stable=True)[:, :beams]
    parents, state.running = parents.gather(1, going), totals.gather(1, going)
    state.texts = _pick(state.texts, parents)
    state.texts[:, :, count] = tokens.gather(1, going)
    hope = totals[:, 0] if settings.stop == "released" else state.running[:, 0]
    return state.finished[:, -1] >= hope.double() / length, parents


def _remember_best(
    state: _State, closed: Tensor, parents: Tensor, tokens: Tensor, count: int
) -> None:
    """Keep the best text that was just finished where it beats the best so far."""
    score, which = closed.max(dim=1, keepdim=True)
    text = _pick(state.texts, parents.gather(1, which))[:, 0]
    text[:, count] = tokens.gather(1, which)[:, 0]
    better = score > state.finished[:, :1]
    state.best = torch.where(better, text, state.best)
    state.length = state.length.masked_fill(better[:, 0], count + 1)


def _pick(texts: Tensor, beams: Tensor) -> Tensor:
    """B×K×N texts and B×J numbers of beams to B×J×N."""
    return texts.gather(1, beams[..., None].expand(-1, -1, texts.shape[2]))


def _write(out: Decoded, state: _State, done: Tensor) -> None:
    """Put what is done in its place of the batch."""
    rows = state.rows[done]
    out.ids[rows], out.lengths[rows] = state.best[done], state.length[done]
    out.scores[rows] = state.finished[done, 0]


def _enough(logits: Tensor, settings: SearchSettings) -> Tensor:
    if logits.shape[-1] < 2 * settings.beams:
        raise BadRequest(
            "cannot decode texts",
            why=f"{settings.beams} beams and a vocabulary of {logits.shape[-1]} tokens",
            fix=f"ask for at most {logits.shape[-1] // 2} beams",
        )
    return logits
