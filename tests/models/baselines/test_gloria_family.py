"""GLoRIA and AFLoc: what reference vectors, which hold no strings, do not show."""

from __future__ import annotations

import pytest
import torch
from cxrbench_models.afloc import grounding_map
from cxrbench_models.gloria import Gloria, local_similarity
from cxrbench_models.parts.words import plain, slots_of, sum_by_slot
from cxrbench_models.reference.afloc import sentence_units

from cxrbench.registry import Registry

SMALL = {"vocab_size": 1200, "dim": 16, "layers": 4, "heads": 2, "intermediate": 16}


def small(**config):
    card = Registry.discover([]).model("gloria").card
    text = {**SMALL, "max_tokens": 97, "lowercase": True}
    torch.manual_seed(0)
    return Gloria(card.model_copy(update={"config": {"text": text, **config}})).eval()


@pytest.mark.parametrize(
    ("text", "words", "with_stops"),
    [
        ("1. No Edema.\n2. Clear.", "no edema clear", "no edema . clear ."),
        ("Heart: 5.5 cm, na\u00efve", "heart 5 cm nave", "heart 5 cm nave"),
        ("cardiomegaly", "cardiomegaly", "cardiomegaly"),
        (" . , ", "", "."),
    ],
)
def test_texts_become_plain_words(text, words, with_stops):
    assert plain(text) == words
    assert plain(text, stops=True) == with_stops


def test_pieces_are_summed_in_the_slot_of_their_word():
    continues = torch.tensor([[False, False, True, True, False], [False, True, False, False, True]])
    mask = torch.tensor([[True] * 5, [True, True, True, False, False]])
    slots = slots_of(continues, mask)
    assert slots.tolist() == [[0, 1, 1, 1, 2], [0, 0, 1, -1, -1]]
    values = torch.tensor([[1.0, 2, 4, 8, 16], [1, 2, 4, 8, 16]]).unsqueeze(-1)
    found = sum_by_slot(values, slots).squeeze(-1)
    assert found.tolist() == [[1, 14, 16, 0, 0], [3, 4, 0, 0, 0]]


def test_a_text_is_divided_by_the_full_length_and_the_same_in_any_batch():
    encoder = small()
    with torch.inference_mode():
        alone = encoder.encode_text(["no edema"])
        beside = encoder.encode_text(["no edema", "a very much longer text about the lungs"])
        states = encoder.text(encoder.text.tokens(["no edema"])).hidden_states[1:]
    assert torch.allclose(alone[0], sum(state[0] for state in states).sum(dim=0) / 97, atol=1e-6)
    assert torch.allclose(alone[0], beside[0], atol=1e-6)


def test_case_and_punctuation_do_not_reach_the_text_tower():
    encoder = small()
    with torch.inference_mode():
        first, second = encoder.encode_text(["1. No edema.", "no EDEMA"])
    assert torch.allclose(first, second, atol=1e-6)


def test_the_grid_is_of_the_scaled_input_unless_the_config_says_otherwise():
    pixels = torch.zeros(1, 3, 224, 224)
    with torch.inference_mode():
        assert small().features(pixels).grid.shape == (1, 1024, 19, 19)
        assert small(upsample=None).features(pixels).grid.shape == (1, 1024, 14, 14)


def test_local_similarity_is_what_loops_over_words_and_cells_give():
    torch.manual_seed(0)
    local, words = torch.randn(2, 6, 2, 3), torch.randn(4, 6)
    expected = []
    for image in local:
        cells = [image[:, row, column] for row in range(2) for column in range(3)]
        shares = [torch.stack([cell @ word for word in words]).softmax(0) for cell in cells]
        agreements = []
        for number, word in enumerate(words):
            weights = torch.stack([4 * share[number] for share in shares]).softmax(0)
            found = sum(weight * cell for weight, cell in zip(weights, cells, strict=True))
            agreements.append(found @ word / (found.norm() * word.norm()))
        expected.append(max(agreements))
    assert torch.allclose(local_similarity(local, words), torch.stack(expected), atol=1e-6)


def test_sentences_end_at_full_stops_but_for_one_before_the_end():
    words = torch.arange(8.0).unsqueeze(-1)
    stops = torch.tensor([0, 0, 0, 1, 0, 0, 1, 0], dtype=torch.bool)
    # Start, words 1 and 2, words 4 to 6, end.
    assert sentence_units(words, stops).flatten().tolist() == [0, 1.5, 5, 7]


def test_grounding_is_the_cosine_of_every_cell_with_every_text():
    torch.manual_seed(0)
    local, texts = torch.randn(2, 5, 3, 4), torch.randn(3, 5)
    found = grounding_map(local, texts)
    assert found.shape == (2, 3, 3, 4)
    one = torch.cosine_similarity(local[1, :, 2, 3], texts[0], dim=0)
    assert torch.allclose(found[1, 0, 2, 3], one, atol=1e-6)
