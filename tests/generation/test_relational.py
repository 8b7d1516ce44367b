"""R2Gen's relational transformer."""

from __future__ import annotations

import math

import pytest
import torch
from generation_world import memory
from torch.nn import functional as F

from cxrbench.errors import BadRequest
from cxrbench.generation.relational import RelationalGenerator, RelationalSettings
from cxrbench.generation.relational.layers import ConditionalNorm, Norm
from cxrbench.generation.relational.memory import RelationalMemory
from cxrbench.generation.relational.steps import RelationalSteps
from cxrbench.generation.search import SearchSettings, beam_search
from cxrbench.generation.teacher import teacher_forced
from cxrbench.generation.words import WordTokenizer

REPORTS = (
    "No effusion. The heart is normal.",
    "Large left effusion.",
    "The lungs are clear.",
    "Right-sided pacemaker. No pneumothorax.",
)
SIZES = {
    "vocab_size": 24, "dim": 16, "feed_forward": 20, "heads": 4, "layers": 2, "slots": 3,
    "slot_heads": 2, "positions": 32,
}  # fmt: skip


def generator(tokenizer=None, seed=0, **changes):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return RelationalGenerator(RelationalSettings(**{**SIZES, **changes}), 6, tokenizer)


@pytest.fixture(scope="module")
def words():
    return WordTokenizer.learn(REPORTS, least_count=1)


def slow_attention(layer, heads, queries, states):
    """Each query and head by itself."""
    width = queries.shape[1] // heads
    query, key, value = layer.query(queries), layer.key(states), layer.value(states)
    found = torch.zeros_like(query)
    for row in range(len(queries)):
        for start in range(0, queries.shape[1], width):
            part = slice(start, start + width)
            scores = [float(query[row, part] @ own) / math.sqrt(width) for own in key[:, part]]
            total = sum(map(math.exp, scores))
            for score, own in zip(scores, value[:, part], strict=True):
                found[row, part] += math.exp(score) / total * own
    return layer.out(found)


def slow_memory(network, slots, heads, word):
    """The equations of the paper, for one image and one word."""
    related = slow_attention(network.attention, heads, slots, torch.stack([*slots, word])) + slots
    new = network.mlp(related) + related
    dim = len(word)
    accept, forget = (
        torch.stack([
            word @ network.word_gates.weight[part].T + network.word_gates.bias[part]
            + slot.tanh() @ network.slot_gates.weight[part].T + network.slot_gates.bias[part]
            for slot in slots
        ])
        for part in (slice(0, dim), slice(dim, 2 * dim))
    )  # fmt: skip
    return forget.sigmoid() * slots + accept.sigmoid() * new.tanh()


@torch.no_grad()
def test_the_memory_follows_the_equations_of_the_paper():
    torch.manual_seed(0)
    network = RelationalMemory(8, 3, 2, dropout=0.0)
    texts = memory(1, 2, tokens=4, dim=8)
    found = network(texts)
    assert found.shape == (2, 4, 24)
    for text, after in zip(texts, found, strict=True):
        slots = torch.eye(3, 8)
        for word, expected in zip(text, after, strict=True):
            slots = slow_memory(network, slots, 2, word)
            torch.testing.assert_close(slots.flatten(), expected, rtol=1e-5, atol=1e-6)


def test_normalisations_divide_by_the_sample_standard_deviation():
    hidden, slots = memory(0, 2, 3, 8), memory(1, 2, 3, 24)
    expected = torch.empty_like(hidden)
    for place in range(3):
        for row in range(2):
            own = hidden[row, place]
            mean = own.sum() / 8
            spread = math.sqrt(((own - mean) ** 2).sum() / 7)
            expected[row, place] = (own - mean) / (spread + 1e-6)
    torch.testing.assert_close(Norm(8)(hidden), expected)
    torch.manual_seed(0)
    norm = ConditionalNorm(8, 24)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    scale = norm.weight + norm.scale[2](F.relu(norm.scale[0](slots)))
    shift = norm.bias + norm.shift[2](F.relu(norm.shift[0](slots)))
    torch.testing.assert_close(norm(hidden, slots), scale * expected + shift)


def test_a_word_sees_neither_later_words_nor_padding():
    model, seen = generator().eval(), memory(0, 2, dim=6)
    whole = model.logits(seen, teacher_forced([[0, 3, 4, 5, 6, 0], [0, 7, 0]], 0))
    short = model.logits(seen[:1], teacher_forced([[0, 3, 4, 0]], 0))
    torch.testing.assert_close(whole[:1, :3], short, rtol=1e-4, atol=1e-5)
    alone = model.logits(seen[1:], teacher_forced([[0, 7, 0]], 0))
    torch.testing.assert_close(whole[1:, :2], alone, rtol=1e-4, atol=1e-5)
    other = model.logits(seen.flip(0), teacher_forced([[0, 3, 4, 5, 6, 0], [0, 7, 0]], 0))
    assert (other[0] - whole[0]).abs().max() > 1e-3  # the image matters


@pytest.mark.parametrize("beams", [1, 3])
def test_steps_give_what_teacher_forcing_gives(beams):
    model, seen = generator(seed=beams).eval(), memory(2, 3, dim=6)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        steps = RelationalSteps(model.network, model.projection(seen), beams)
        texts = torch.zeros(3, 1, 1, dtype=torch.int64)
        found = steps.begin(texts[:, 0, 0])
        for step in range(10):
            if step == 6:
                kept = torch.tensor([0, 2])
                steps.keep(kept)
                seen, texts, found = seen[kept], texts[kept], found[kept]
            for row, image in enumerate(texts.tolist()):
                for beam, ids in enumerate(image):
                    forced = teacher_forced([[*ids, 1]], 0)
                    expected = model.logits(seen[row : row + 1], forced)[0, -1]
                    torch.testing.assert_close(found[row, beam], expected, rtol=1e-4, atol=1e-4)
            size = len(seen)
            parents = torch.randint(texts.shape[1], (size, beams), generator=draw)
            tokens = torch.randint(24, (size, beams), generator=draw)
            past = torch.stack([own[which] for own, which in zip(texts, parents, strict=True)])
            texts = torch.cat([past, tokens[..., None]], dim=2)
            found = steps.next(parents, tokens)


def test_the_loss_is_the_mean_over_all_tokens_but_padding():
    model, seen = generator().eval(), memory(0, 2, dim=6)
    texts = [[0, 7, 8, 9, 0], [0, 5, 0]]
    alone = [
        F.cross_entropy(
            model.logits(seen[row : row + 1], teacher_forced([text], 0))[0],
            torch.tensor(text[1:]),
            reduction="none",
        )
        for row, text in enumerate(texts)
    ]
    found = model.loss_of(seen, teacher_forced(texts, 0))
    torch.testing.assert_close(found, torch.cat(alone).mean(), rtol=1e-5, atol=1e-6)


def test_gradients_reach_the_memory_and_every_parameter(words):
    model = generator(words, vocab_size=words.vocab_size)
    seen = memory(0, 4, dim=6).requires_grad_()
    model.loss(seen, REPORTS).backward()
    assert seen.grad.abs().sum() > 0
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    # A key's bias moves all weights of an attention alike, which changes nothing.
    still = [n for n, p in model.named_parameters() if p.grad.abs().max() < 1e-12]
    assert [name for name in still if not name.endswith("key.bias")] == []


def test_it_learns_four_reports_and_writes_them_as_words(words):
    model = generator(
        words, vocab_size=words.vocab_size, dim=32, feed_forward=32, dropout=0.0, visual_dropout=0.0
    )
    seen = memory(0, 4, dim=6)
    optimizer = torch.optim.Adam(model.parameters(), 0.005)
    for _ in range(40):
        optimizer.zero_grad()
        model.loss(seen, REPORTS, 60).backward()
        optimizer.step()
    for settings in (SearchSettings(1, 32), SearchSettings(3, 32, 0.0, block_ngrams=3)):
        written = model.generate(seen, settings)
        assert written == model.within(REPORTS, 60)
        assert written == model.generate(seen, settings)
    assert written[3] == "right-sided pacemaker . no pneumothorax ."
    assert model.training  # as before


def test_an_image_does_not_depend_on_the_others():
    model, seen = generator(seed=3).eval(), memory(3, 5, dim=6)
    model.network.output.weight.data.mul_(5)
    options = {"start": 0, "end": 0, "pad": 0}
    settings = SearchSettings(3, 20, 0.0)
    whole = model.generate_ids(seen, settings, **options).rows()
    alone = [model.generate_ids(one[None], settings, **options).rows()[0] for one in seen]
    assert whole == alone and len(set(map(tuple, whole))) > 1


def test_the_memory_is_read_once():
    model, calls = generator().eval(), []
    for layer in model.network.decoder:
        layer.image.key.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        steps = RelationalSteps(model.network, model.projection(memory(0, 2, dim=6)), 4)
        beam_search(steps, torch.zeros(2, dtype=torch.int64), 0, 0, SearchSettings(4, 8))
    assert len(calls) == len(model.network.decoder)


def test_size_by_layers():
    """Over the last map of a ResNet, 2048 channels, and the 760 words of IU X-Ray."""
    with torch.device("meta"):
        model = RelationalGenerator(RelationalSettings(), 2048)
    square, norm = 512 * 512 + 512, 2 * 512
    encoder = 3 * (4 * square + 2 * square + 2 * norm) + norm
    adjusted = norm + 2 * (3 * 512 * 512 + 512 + square)
    decoder = 3 * (8 * square + 2 * square + 3 * adjusted) + norm
    relational = 4 * square + 2 * square + 2 * 2 * square
    words = 761 * 512 + (761 * 512 + 761)
    total = encoder + decoder + relational + words + (2048 * 512 + 512)
    assert sum(p.numel() for p in model.parameters()) == total == 35_973_369


def test_what_cannot_be_is_refused(words):
    with pytest.raises(BadRequest, match="does not fit the decoder"):
        generator(words, vocab_size=5)
    with pytest.raises(BadRequest, match="cannot read or write"):
        generator().loss(memory(0, 1, dim=6), ["a"])
    with pytest.raises(BadRequest) as error:
        generator(words, vocab_size=words.vocab_size).generate(
            memory(0, 1, dim=6), SearchSettings(max_length=33)
        )
    assert "32 positions" in error.value.why
