"""Beam search: against transformers, and against a plain one for the released rule."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from generation_world import PAD, decoder, memory
from plain_beam_search import plain_r2gen, plain_search
from transformers import GenerationConfig

from cxrbench.errors import BadRequest
from cxrbench.generation.ngrams import repeating
from cxrbench.generation.search import Decoded, SearchSettings, beam_search
from cxrbench.generation.steps import DecodingSteps

NO_END = -1
PENALTIES = (1.0, 1.0, 0.6, 1.7, 0.0)
# Seeds of `problem` in which the two rules give different texts.
RULES_DIFFER_IN = (26, 74, 81, 96)


def ours(model, seen, end, **options):
    settings = SearchSettings(**options)
    start = torch.zeros(len(seen), dtype=torch.int64)
    return beam_search(DecodingSteps(model, seen, settings.beams), start, end, PAD, settings)


def theirs(model, seen, end, *, beams, max_length, length_penalty=1.0, block_ngrams=None):
    start = torch.zeros(len(seen), 1, dtype=torch.int64)
    return model.generate(
        start,
        attention_mask=torch.ones_like(start),
        encoder_hidden_states=seen,
        generation_config=GenerationConfig(
            num_beams=beams, max_length=max_length, length_penalty=length_penalty,
            eos_token_id=end, pad_token_id=PAD, bos_token_id=0, do_sample=False,
            early_stopping=False, return_dict_in_generate=True, output_scores=True,
            no_repeat_ngram_size=block_ngrams,
        ),
    )  # fmt: skip


def problem(seed):
    """A decoder, memories, an end token that its texts have somewhere, and options."""
    draw = torch.Generator().manual_seed(seed)

    def number(low, high):
        return int(torch.randint(low, high, (), generator=draw))

    model = decoder(seed, sharpness=(1, 2, 4)[seed % 3])
    size = number(1, 7)
    options = {
        "beams": (1, 2, 3, 5, 10)[number(0, 5)],
        "max_length": number(2, 24),
        "length_penalty": PENALTIES[number(0, 5)],
    }
    seen = memory(seed, size, number(1, 9))
    free = ours(model, seen, NO_END, **options).ids[:, 1:]
    return model, seen, int(free[number(0, size), number(0, free.shape[1])]), options


def check_seeds(seeds, **more):
    """Ids equal those of `generate`; returns how many texts ended early."""
    early = 0
    for seed in seeds:
        model, seen, end, options = problem(seed)
        options |= more
        found, expected = (way(model, seen, end, **options) for way in (ours, theirs))
        assert found.ids.tolist() == expected.sequences.tolist(), seed
        if options["beams"] > 1:
            torch.testing.assert_close(
                found.scores.float(), expected.sequences_scores, rtol=1e-4, atol=1e-4
            )
        early += int((found.lengths < options["max_length"]).sum())
    return early


def test_texts_are_those_of_transformers():
    assert check_seeds(range(40)) > 25


@pytest.mark.parametrize("length", [2, 3])
def test_no_run_of_tokens_is_written_twice_as_in_transformers(length):
    assert check_seeds(range(8), block_ngrams=length) > 4
    free, blocked = (
        ours(decoder(3), memory(3, 6), NO_END, beams=2, max_length=24, block_ngrams=given)
        for given in (None, length)
    )
    assert twice(free, length) and not twice(blocked, length)


def twice(found, length):
    """Whether any text has a run of tokens more than once."""
    runs = [
        [tuple(ids[i : i + length]) for i in range(len(ids) - length + 1)] for ids in found.rows()
    ]
    return any(len(set(own)) < len(own) for own in runs)


def test_what_repeats_is_found_by_its_definition():
    texts = torch.randint(4, (3, 2, 9), generator=torch.Generator().manual_seed(0))
    texts[0, 0] = 2
    for length in (1, 2, 3, 4, 9, 10):
        found = repeating(texts, length, 5)
        for row, image in enumerate(texts.tolist()):
            for beam, ids in enumerate(image):
                runs = {tuple(ids[i : i + length]) for i in range(len(ids) - length + 1)}
                last = ids[len(ids) - length + 1 :]
                expected = [(*last, token) in runs for token in range(5)]
                assert found[row, beam].tolist() == expected


@pytest.mark.slow
def test_texts_are_those_of_transformers_in_many_more_cases():
    assert check_seeds(range(40, 1200)) > 500


def plain(model, seen, end, *, beams, max_length, length_penalty, released):
    """The texts of each image by itself, from the network without any cache."""
    how = (0, end, beams, max_length, length_penalty, released)
    return [plain_search(next_scores(model, one), *how) for one in seen]


def next_scores(model, one):
    """Log-probabilities of the next token after ids, of one image."""

    @cache
    def scores(ids):
        with torch.no_grad():
            logits = model(torch.tensor([ids]), encoder_hidden_states=one[None]).logits
        return logits[0, -1].log_softmax(-1).tolist()

    return scores


@pytest.mark.parametrize("stop", ["released", "transformers"])
def test_both_rules_are_what_their_definition_says(stop):
    differ = 0
    for seed in (5, 12, 30, 33, *RULES_DIFFER_IN):
        model, seen, end, options = problem(seed)
        seen, options = seen[:3], {**options, "max_length": min(12, options["max_length"])}
        found = ours(model, seen, end, stop=stop, **options)
        expected = plain(model, seen, end, released=stop == "released", **options)
        assert found.rows() == [ids for ids, _ in expected]
        assert found.scores.tolist() == pytest.approx([s for _, s in expected], abs=1e-4)
        other = ours(model, seen, end, stop="transformers", **options)
        differ += found.rows() != other.rows()
    assert (differ > 2) == (stop == "released")


class Chain:
    """Steps of a language whose next word depends on the last one alone."""

    def __init__(self, seed, words=9):
        draw = torch.Generator().manual_seed(seed)
        self.table = torch.randn(words, words, generator=draw) * 2

    def begin(self, start):
        return self.table[start][:, None]

    def next(self, parents, tokens):
        return self.table[tokens]

    def keep(self, rows):
        pass

    def scores(self, ids):
        return self.table[ids[-1]].log_softmax(-1).tolist()


@pytest.mark.parametrize("stop", ["released", "transformers"])
def test_without_a_length_penalty_the_result_is_that_of_r2gen(stop):
    early = 0
    for seed in range(200):
        chain, beams, longest = Chain(seed), 1 + seed % 4, 2 + seed % 11
        start = torch.arange(3)
        settings = SearchSettings(beams, longest, 0.0, stop)
        found = beam_search(chain, start, 0, PAD, settings)
        expected = [plain_r2gen(chain.scores, one, 0, beams, longest) for one in start.tolist()]
        assert found.rows() == [ids for ids, _ in expected], seed
        assert found.scores.tolist() == pytest.approx([s for _, s in expected], abs=1e-5)
        early += int((found.lengths < longest).sum())
    assert early > 100


def test_one_beam_takes_the_most_likely_token_until_the_end():
    for seed in range(12):
        model, seen, end, options = problem(seed)
        found = ours(model, seen, end, beams=1, max_length=options["max_length"])
        for one, row in zip(seen, found.rows(), strict=True):
            ids = [0]
            while len(ids) < options["max_length"] and (len(ids) == 1 or ids[-1] != end):
                with torch.no_grad():
                    logits = model(torch.tensor([ids]), encoder_hidden_states=one[None]).logits
                ids.append(int(logits[0, -1].argmax()))
            assert row == ids


def test_an_image_does_not_depend_on_the_others():
    for seed in range(8):
        model, seen, end, options = problem(seed)
        whole = ours(model, seen, end, **options)
        alone = [ours(model, one[None], end, **options) for one in seen]
        assert whole.rows() == [one.rows()[0] for one in alone]
        single = torch.cat([one.scores for one in alone])
        torch.testing.assert_close(whole.scores, single, rtol=1e-5, atol=1e-5)
        back = ours(model, seen.flip(0), end, **options)
        assert back.rows() == whole.rows()[::-1]


def test_rows_are_filled_up_with_padding_to_the_longest():
    found = Decoded(torch.tensor([[0, 5, 1], [0, 5, 6]]), torch.tensor([2, 3]), torch.zeros(2))
    assert found.rows() == [[0, 5], [0, 5, 6]]
    model, seen, end, options = problem(8)
    found = ours(model, seen, end, **options)
    assert found.ids.shape[1] == found.lengths.max()
    for ids, length in zip(found.ids.tolist(), found.lengths.tolist(), strict=True):
        assert set(ids[length:]) <= {PAD} and (ids[length - 1] == end or length == len(ids))


def test_no_images_give_no_texts():
    found = ours(decoder(0), memory(0, 0), 3, beams=2, max_length=5)
    assert found.ids.shape == (0, 1) and found.rows() == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"beams": 0}, "0 beams"),
        ({"max_length": 1}, "longest text of 1"),
        ({"beams": 21}, "vocabulary of 40"),
        ({"block_ngrams": 0}, "no runs of 0"),
    ],
)
def test_what_cannot_be_decoded_is_refused(options, reason):
    with pytest.raises(BadRequest) as error:
        ours(decoder(0), memory(0, 1), 3, **options)
    assert reason in error.value.why
