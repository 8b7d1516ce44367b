"""CheXbert, read from a checkpoint of its true form, against a plain forward pass."""

import numpy as np
import pytest
import reader_files
import torch
from reader_files import SIZES, chexbert_parts, small_card, write_chexbert, write_vocabulary
from transformers import BertConfig, BertTokenizer

from cxrbench.errors import WeightsError
from cxrbench.readers import find_reader, reader_card
from cxrbench.readers.chexbert import CheXbert
from cxrbench.readers.observations import OBSERVATIONS

TEXTS = (
    "No pleural effusion.",
    "The heart is normal in size and the lungs are clear, there is no pneumonia .",
    "",
    "  Small LEFT pleural\n\n effusion,\tand a tube in place. ",
    "Edema " * 60,
    "No pleural effusion.",
    "Cardiomegaly: mild.",
)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXRBENCH_READERS", str(tmp_path / "readers"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "readers" / "chexbert"


@pytest.fixture
def parts(folder):
    found = chexbert_parts()
    write_chexbert(folder, *found)
    return found


def reader(**options):
    return CheXbert.load(find_reader(small_card("chexbert")), **options)


def one_by_one(parts, folder, texts=TEXTS):
    """Classes and embeddings as the authors compute them, a report at a time."""
    bert, heads = parts
    tokenizer = BertTokenizer(vocab=str(folder / "vocab.txt"), do_lower_case=True)
    most = SIZES["max_position_embeddings"]
    classes, states = [], []
    for text in texts:
        pieces = tokenizer.tokenize(" ".join(text.split()))[: most - 2]
        ids = tokenizer.convert_tokens_to_ids(["[CLS]", *pieces, "[SEP]"])
        with torch.inference_mode():
            state = bert(input_ids=torch.tensor([ids])).last_hidden_state[0, 0]
            classes.append([int(head(state).argmax()) for head in heads])
        states.append(state.numpy())
    return np.array(classes), np.stack(states)


def test_labels_and_embeddings_are_those_of_a_plain_pass_in_the_order_of_the_texts(parts, folder):
    classes, states = one_by_one(parts, folder)
    assert len({tuple(row) for row in classes.tolist()}) > 3  # the texts are told apart
    found = reader().label(TEXTS)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, classes)
    np.testing.assert_allclose(reader().embed(TEXTS), states, rtol=1e-4, atol=1e-5)


def test_a_text_that_was_read_before_needs_no_network(parts, folder, monkeypatch):
    first = reader().label(TEXTS)
    embedded = reader().embed(TEXTS)
    again = CheXbert(find_reader(small_card("chexbert")), torch.device("cpu"))
    monkeypatch.setattr(CheXbert, "build", lambda self, config: pytest.fail("was built"))
    np.testing.assert_array_equal(again.label(TEXTS[::-1]), first[::-1])
    np.testing.assert_array_equal(again.embed(TEXTS[:2]), embedded[:2])


def test_blanks_and_line_breaks_change_nothing(parts, monkeypatch):
    spaced = [" \n".join(text.split()) for text in TEXTS]
    first = reader().label(TEXTS)
    again = CheXbert(find_reader(small_card("chexbert")), torch.device("cpu"))
    monkeypatch.setattr(CheXbert, "build", lambda self, config: pytest.fail("was built"))
    np.testing.assert_array_equal(again.label(spaced), first)


def test_other_weights_say_other_things(parts, folder):
    first = reader().label(TEXTS)
    write_chexbert(folder, *chexbert_parts(seed=5))
    assert (reader().label(TEXTS) != first).any()


def test_half_precision_is_kept_apart(parts):
    exact = reader().embed(TEXTS)
    rough = reader(precision="bfloat16").embed(TEXTS)
    assert rough.dtype == np.float32
    assert 0 < np.abs(rough - exact).max() < 1
    np.testing.assert_array_equal(reader().embed(TEXTS), exact)


def test_a_converted_checkpoint_on_one_device_is_read_as_well(parts, folder):
    expected = reader().label(TEXTS)
    content = torch.load(folder / "chexbert.pth", weights_only=True)["model_state_dict"]
    plain = {name.removeprefix("module."): value for name, value in content.items()}
    plain["bert.embeddings.position_ids"] = torch.arange(SIZES["max_position_embeddings"])[None]
    torch.save({"model_state_dict": plain}, folder / "chexbert.pth")
    np.testing.assert_array_equal(reader().label(TEXTS), expected)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda s: s.pop("module.linear_heads.13.bias"), "1 missing: linear_heads.13.bias"),
        (lambda s: s.update({"module.linear_heads.14.bias": torch.zeros(2)}), "1 unexpected"),
        (lambda s: s.update({"module.linear_heads.0.bias": torch.zeros(2)}), "1 wrong shape"),
    ],
)
def test_a_checkpoint_that_does_not_fill_the_network_is_refused(parts, folder, damage, why):
    content = torch.load(folder / "chexbert.pth", weights_only=True)
    damage(content["model_state_dict"])
    torch.save(content, folder / "chexbert.pth")
    with pytest.raises(WeightsError, match="does not fit chexbert") as caught:
        reader().label(TEXTS)
    assert why in caught.value.why


def test_a_pickle_that_could_run_code_is_refused(parts, folder, tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    torch.save({"model_state_dict": {}, "more": Harm()}, folder / "chexbert.pth")
    with pytest.raises(WeightsError):
        reader().label(TEXTS)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["[PAD]", "[UNK]", "[CLS]", "a"], "no [SEP]"),
        ([*reader_files.VOCABULARY, "one", "more"], "pieces, the network knows"),
    ],
)
def test_a_vocabulary_of_another_model_is_refused(parts, folder, words, why):
    write_vocabulary(folder, words)
    with pytest.raises(WeightsError, match="cannot read the vocabulary") as caught:
        reader().label(TEXTS)
    assert why in caught.value.why


def test_the_card_is_bert_base_and_its_observations_are_14():
    card = reader_card("chexbert")
    usual = BertConfig().to_dict()
    assert {name: usual[name] for name in card.config} == card.config
    assert len(OBSERVATIONS) == len(set(OBSERVATIONS)) == 14


@pytest.mark.slow
def test_a_checkpoint_of_the_true_shapes_is_read(folder):
    parts = chexbert_parts(**reader_card("chexbert").config)
    write_chexbert(folder, *parts)
    words = [f"word{i}" for i in range(30522 - len(reader_files.VOCABULARY))]
    write_vocabulary(folder, [*reader_files.VOCABULARY, *words])
    card = small_card("chexbert", **reader_card("chexbert").config)
    found = CheXbert.load(find_reader(card))
    texts = TEXTS[:3]
    bert, heads = parts
    tokenizer = BertTokenizer(vocab=str(folder / "vocab.txt"), do_lower_case=True)
    with torch.inference_mode():
        rows = [
            bert(**tokenizer([text], return_tensors="pt")).last_hidden_state[0, 0] for text in texts
        ]
        classes = [[int(head(row).argmax()) for head in heads] for row in rows]
    np.testing.assert_array_equal(found.label(texts), classes)
    assert found.embed(texts).shape == (3, 768)
