"""RaTEScore: entities and affinities by hand, and both networks against plain transformers."""

import json

import numpy as np
import pytest
import torch
from token_reader_files import write_ratescore
from transformers import MPNetTokenizer

from cxrbench.errors import WeightsError
from cxrbench.readers import ratescore, resident
from cxrbench.readers.affinity import Affinity
from cxrbench.readers.card import reader_card
from cxrbench.readers.entities import Found, find_entities
from cxrbench.readers.ratescore import RateScore


def entities(labels):
    tokens = ["[CLS]", *(f"t{i}" for i in range(1, len(labels) - 1)), "[SEP]"]
    return find_entities(tokens, labels)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ("O B-A O O", [(1, 1, "A")]),
        ("O B-A I-A I-A O O", [(1, 3, "A")]),
        ("O B-A B-B I-B O O", [(1, 1, "A"), (2, 3, "B")]),
        ("O B-A I-A B-B O O", [(1, 2, "A"), (3, 3, "B")]),
        ("O B-A I-B O O", [(1, 2, "A")]),  # the type is that of the first token
        ("O I-A I-A O O", []),  # nothing began
        ("B-A O O O", []),  # not in the frame
        ("O O B-A I-A I-A", [(2, 3, "A")]),  # runs into the frame: ends before it
        # As in the package: what runs into the frame is lost behind a neighbour.
        ("O B-A B-B I-B I-B", [(1, 1, "A")]),
        ("O O O", []),
    ],
)
def test_entities_of_labels(labels, found):
    assert entities(labels.split()) == found


def vectors(**angles):
    """Unit vectors in the plane, by angle in degrees."""
    radians = {name: np.deg2rad(angle) for name, angle in angles.items()}
    return {n: torch.tensor([np.cos(r), np.sin(r)]).float() for n, r in radians.items()}


AFFINITY = Affinity(
    {"ANATOMY": 0, "DISEASE": 1, "NON-DISEASE": 2},
    np.array([[0.5, 0.1, 0.2], [0.3, 0.8, 0.4], [0.6, 0.7, 0.9]]),
    0.25,
)
PLANE = vectors(lung=0, heart=60, effusion=90)


def test_a_side_by_hand():
    own = [Found("lung", "ANATOMY"), Found("effusion", "NON-DISEASE")]
    others = [Found("heart", "ANATOMY"), Found("effusion", "DISEASE")]
    # The lung meets the heart (cosine 0.5, weight 0.5), the denied effusion the stated one
    # (cosine 1, weight 0.7, times 0.25).
    expected = (0.5 * 0.5 + 0.7 * 1 * 0.25) / (0.5 + 0.7)
    assert AFFINITY.side(own, others, PLANE) == pytest.approx(expected)
    # The other way round the heart meets the effusion, to which 30 degrees are left.
    back = (0.2 * np.cos(np.pi / 6) + 0.4 * 1 * 0.25) / (0.2 + 0.4)
    assert AFFINITY.side(others, own, PLANE) == pytest.approx(back)
    score = AFFINITY.score(own, others, PLANE)
    assert score == pytest.approx(2 * expected * back / (expected + back))


def test_a_report_without_entities_has_one_half():
    one = [Found("lung", "ANATOMY")]
    assert AFFINITY.score(one, [], PLANE) == AFFINITY.score([], one, PLANE) == 0.5
    assert AFFINITY.score([], [], PLANE) == 0.5
    assert AFFINITY.score(one, one, PLANE) == pytest.approx(1)


def test_the_card_has_a_weight_for_every_pair():
    affinity = Affinity.of(reader_card("ratescore").config)
    assert affinity.weights.shape == (5, 5)
    assert affinity.weights[affinity.places["DISEASE"], affinity.places["ANATOMY"]] > 0.99


REPORTS = (
    ("No acute effusion. The heart size is normal.", "Effusion, left."),
    ("Small left pleural effusion.", "small right pleural effusion. lungs are clear."),
    ("The lungs are clear.", ""),
    ("Small left pleural effusion.", "Small left pleural effusion."),
    ("no", "The lungs are clear. Left effusion. heart"),
)


def split(texts):
    return [[one.strip() for one in text.split(". ") if len(one.strip()) > 2] for text in texts]


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXRBENCH_READERS", str(tmp_path / "readers"))
    monkeypatch.setattr(resident, "_last", {})
    monkeypatch.setattr(ratescore, "split_sentences", split)


def naive(tmp_path, networks):
    """One sentence and one entity at a time."""
    tagger, synonyms, tokenizer = networks
    affinity = Affinity.of(reader_card("ratescore").config)
    names = MPNetTokenizer(str(tmp_path / "readers/ratescore/vocab.txt"))
    scores = []
    with torch.inference_mode():
        for pair in REPORTS:
            sides = []
            for text in pair:
                found = []
                for sentence in split([text])[0]:
                    encoded = tokenizer.encode(sentence)
                    best = tagger(torch.tensor([encoded.ids])).logits[0].argmax(dim=1)
                    labels = [tagger.config.id2label[int(i)] for i in best]
                    for first, last, kind in find_entities(encoded.tokens, labels):
                        words = encoded.tokens[first : last + 1]
                        found.append(Found("".join(words).replace("▁", " ").strip(), kind))
                sides.append(found)
            vectors = {}
            for one in {found for side in sides for found in side}:
                ids = names(one.text, return_tensors="pt")["input_ids"]
                state = synonyms(ids).last_hidden_state[0, 0]
                vectors[one.text] = state / state.norm()
            scores.append(affinity.score(*sides, vectors))
    return scores


def test_reports_score_as_one_sentence_after_the_other(tmp_path):
    networks = write_ratescore(tmp_path / "readers")
    found = RateScore.load().compare(*zip(*REPORTS, strict=True))
    np.testing.assert_allclose(found, naive(tmp_path, networks), atol=1e-5)
    assert len(set(found.round(6))) >= 3


def test_scores_are_kept_and_sentences_not_asked_for_again(tmp_path, monkeypatch):
    write_ratescore(tmp_path / "readers")
    references, generated = zip(*REPORTS, strict=True)
    first = RateScore.load().compare(references, generated)
    monkeypatch.setattr(ratescore, "split_sentences", lambda texts: pytest.fail("asked again"))
    again = RateScore.load().compare(references[::-1], generated[::-1])
    np.testing.assert_array_equal(again, first[::-1])


def test_networks_of_other_types_are_refused(tmp_path):
    write_ratescore(tmp_path / "readers", types=("ANATOMY", "DEVICE"))
    with pytest.raises(WeightsError) as caught:
        RateScore.load().compare(["Left effusion"], ["Left effusion"])
    assert "DEVICE" in caught.value.why


def test_a_network_that_does_not_fit_is_refused(tmp_path):
    write_ratescore(tmp_path / "readers")
    path = tmp_path / "readers/ratescore/ratescore-synonyms-config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_hidden_layers": 3}))
    with pytest.raises(WeightsError, match="does not fit ratescore"):
        RateScore.load().compare(["Left effusion"], ["Left effusion"])
