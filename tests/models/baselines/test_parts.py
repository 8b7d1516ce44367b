"""The parts of the baselines, against torchvision, timm and transformers."""

from __future__ import annotations

import json

import pytest
import timm
import torch
import torchvision
from cxrbench_models.parts.resnet import ResNet
from cxrbench_models.parts.text import TextSettings, TextTower, mean_of_own
from cxrbench_models.parts.tokenizer import TextTokenizer
from cxrbench_models.parts.tokens import Tokens
from cxrbench_models.parts.vit import VisionTransformer
from transformers import BertConfig, BertModel, BertTokenizerFast, RobertaTokenizerFast

from cxrbench.errors import WeightsError

TEXTS = [
    "No acute findings.",
    "",
    "Small left pleural effusion (unchanged), 2.5 cm; heart size: normal.",
    "Größe ÄNDERT sich – naïve",
    "effusion " * 40,
]


@pytest.fixture(scope="module", autouse=True)
def _same_numbers_every_time():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def word_pieces():
    """A BERT vocabulary with its special tokens where they are, pieces and single characters."""
    fixed = ["[PAD]", *(f"[unused{n}]" for n in range(1, 100)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = ["no", "No", "acute", "find", "##ings", "ple", "##ural", "eff", "##usion", "heart"]
    letters = [chr(code) for code in range(33, 127)]
    return fixed + words + letters + [f"##{letter}" for letter in letters]


def byte_pairs():
    """A RoBERTa vocabulary: every byte, and what a few merges make of them."""
    from tokenizers.pre_tokenizers import ByteLevel

    merges = [("e", "f"), ("ef", "f"), ("Ġ", "a"), ("u", "s"), ("us", "i"), ("o", "n"), ("Ġa", "c")]
    symbols = ["<s>", "<pad>", "</s>", "<unk>", *sorted(ByteLevel.alphabet())]
    symbols += [left + right for left, right in merges] + ["<mask>"]
    return {symbol: row for row, symbol in enumerate(symbols)}, merges


@pytest.fixture
def bert_file(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(word_pieces()) + "\n")
    return tmp_path / "vocab.txt"


@pytest.fixture
def roberta_files(tmp_path):
    vocabulary, merges = byte_pairs()
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    lines = "\n".join(" ".join(pair) for pair in merges)
    (tmp_path / "merges.txt").write_text(f"#version: 0.2\n{lines}\n")
    return {"vocabulary": tmp_path / "vocab.json", "merges": tmp_path / "merges.txt"}


def same_tokens(tokens, expected):
    assert tokens.ids.tolist() == expected["input_ids"]
    assert tokens.mask.long().tolist() == expected["attention_mask"]


@pytest.mark.parametrize("lowercase", [False, True])
def test_word_pieces_are_those_of_transformers(bert_file, lowercase):
    theirs = BertTokenizerFast.from_pretrained(bert_file.parent, do_lower_case=lowercase)
    ours = TextTokenizer("bert", 20, lowercase=lowercase, files={"tokenizer": bert_file})
    same_tokens(ours(TEXTS), theirs(TEXTS, padding=True, truncation=True, max_length=20))
    assert ours.pad_id == theirs.pad_token_id


def test_byte_pairs_are_those_of_transformers(roberta_files):
    theirs = RobertaTokenizerFast.from_pretrained(roberta_files["merges"].parent)
    ours = TextTokenizer("roberta", 20, files=roberta_files)
    same_tokens(ours(TEXTS), theirs(TEXTS, padding=True, truncation=True, max_length=20))
    assert ours.pad_id == theirs.pad_token_id == 1


def test_a_whole_tokenizer_file_is_read_as_it_is(bert_file, tmp_path):
    BertTokenizerFast.from_pretrained(bert_file.parent, do_lower_case=False).save_pretrained(
        tmp_path / "saved"
    )
    whole = TextTokenizer("bert", 20, files={"tokenizer": tmp_path / "saved" / "tokenizer.json"})
    apart = TextTokenizer("bert", 20, files={"tokenizer": bert_file})
    assert torch.equal(whole(TEXTS).ids, apart(TEXTS).ids)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_without_files_texts_are_told_apart_and_padded(kind):
    tokenizer = TextTokenizer(kind, 30)
    tokens = tokenizer(["effusion", "edema", ""])
    assert tokens.ids.shape == tokens.mask.shape == (3, 10)
    assert tokens.mask.sum(1).tolist() == [10, 7, 2]
    assert (tokens.ids[~tokens.mask] == tokenizer.pad_id).all()
    assert len({tuple(row) for row in tokens.ids.tolist()}) == 3
    assert tokenizer(["x" * 100]).ids.shape == (1, 30)
    assert int(tokens.ids.max()) < 28996


def test_files_that_do_not_fit_are_refused(bert_file, roberta_files, tmp_path):
    moved = tmp_path / "moved.txt"
    moved.write_text("\n".join(word_pieces()[1:]))
    with pytest.raises(WeightsError, match="does not fit"):
        TextTokenizer("bert", 20, files={"tokenizer": moved})
    with pytest.raises(WeightsError, match="not whole"):
        TextTokenizer("roberta", 20, files={"vocabulary": roberta_files["vocabulary"]})
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(WeightsError, match="cannot read"):
        TextTokenizer("bert", 20, files={"tokenizer": tmp_path / "tokenizer.json"})


SMALL = TextSettings(
    vocab_size=400, dim=16, layers=2, heads=2, intermediate=32, positions=40, max_tokens=20,
    pooler=True,
)  # fmt: skip


def test_a_text_tower_is_the_bert_of_transformers(bert_file):
    tower = TextTower(SMALL).eval()
    tower.use_file("tokenizer", bert_file)
    config = BertConfig(
        vocab_size=400, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=40,
    )  # fmt: skip
    theirs = BertModel(config).eval()
    theirs.load_state_dict(tower.bert.state_dict())
    for text in TEXTS[:3]:
        tokens = tower.tokens([text])
        with torch.inference_mode():
            found, expected = tower(tokens), theirs(tokens.ids)
        torch.testing.assert_close(found.last_hidden_state, expected.last_hidden_state)
        torch.testing.assert_close(found.pooler_output, expected.pooler_output)
        assert len(found.hidden_states) == 3


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_padding_reaches_no_own_token(kind):
    settings = SMALL.model_copy(update={"kind": kind, "types": 1 if kind == "roberta" else 2})
    tower = TextTower(settings.model_copy(update={"vocab_size": 1200})).eval()
    alone, among = tower.tokens(["No edema."]), tower.tokens(["No edema.", *TEXTS])
    assert among.ids.shape[1] > alone.ids.shape[1]
    with torch.inference_mode():
        found = tower(among).last_hidden_state[:1, : alone.ids.shape[1]]
        torch.testing.assert_close(found, tower(alone).last_hidden_state, atol=1e-5, rtol=0)


def test_a_byte_pair_tokenizer_waits_for_both_files(roberta_files):
    tower = TextTower(SMALL.model_copy(update={"kind": "roberta", "vocab_size": 300}))
    before = tower.tokens(["effusion"]).ids
    tower.use_file("vocabulary", roberta_files["vocabulary"])
    assert torch.equal(tower.tokens(["effusion"]).ids, before)
    tower.use_file("merges", roberta_files["merges"])
    assert tower.tokens(["effusion"]).ids.shape[1] < before.shape[1]
    with pytest.raises(WeightsError, match="no use for the file config"):
        tower.use_file("config", roberta_files["merges"])


def test_the_mean_leaves_padding_out():
    states = torch.tensor([[[1.0, 2], [3, 4], [100, 100]], [[5.0, 6], [7, 8], [9, 10]]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    assert mean_of_own(states, mask).tolist() == [[2, 3], [7, 8]]
    tokens = Tokens(torch.ones(1, 2, dtype=torch.int64), torch.ones(1, 2, dtype=torch.bool))
    assert tokens.to(torch.device("meta")).ids.device.type == "meta"


def test_resnet50_is_torchvisions():
    theirs = torchvision.models.resnet50().eval()
    ours = ResNet().eval()
    state = {name: t for name, t in theirs.state_dict().items() if not name.startswith("fc.")}
    ours.net.load_state_dict(state)  # the same names and shapes, none left over
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        outputs = ours(pixels)
        x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(pixels))))
        for number, output in enumerate(outputs, 1):
            x = getattr(theirs, f"layer{number}")(x)
            torch.testing.assert_close(output, x)
    assert [tuple(output.shape[1:]) for output in outputs] == [
        (256, 16, 16), (512, 8, 8), (1024, 4, 4), (2048, 2, 2),
    ]  # fmt: skip


def test_a_resnet_may_end_early_and_look_at_more_pixels():
    short = ResNet(last=3)
    assert not [name for name in short.state_dict() if "layer4" in name or ".fc." in name]
    assert len(short(torch.zeros(1, 3, 32, 32))) == 3
    scaled = ResNet(last=1, upsample=40).scaled(torch.rand(1, 3, 20, 20))
    assert scaled.shape == (1, 3, 40, 40)
    corners = torch.rand(1, 3, 5, 5)
    seen = ResNet(last=1, upsample=9).scaled(corners)
    # With aligned corners the corners, and every second pixel, are those of the input.
    torch.testing.assert_close(seen[:, :, ::2, ::2], corners)


VIT = {"img_size": 32, "patch_size": 8, "embed_dim": 12, "depth": 2, "num_heads": 2}


def test_a_vision_transformer_is_timms():
    ours = VisionTransformer("vit_base_patch16_224", **VIT).eval()
    theirs = timm.create_model("vit_base_patch16_224", num_classes=0, **VIT).eval()
    theirs.load_state_dict(ours.net.state_dict())
    pixels = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(ours(pixels), theirs.forward_features(pixels))
        torch.testing.assert_close(ours.net.norm(ours.blocks(pixels)), ours(pixels))
        assert not torch.allclose(ours.blocks(pixels), ours(pixels), atol=0.1)
    assert ours.prefix == 1


@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_the_grid_lies_row_by_row_without_the_first_tokens(prefix):
    kinds = {"class_token": prefix > 0, "reg_tokens": max(prefix - 1, 0)}
    pool = "token" if prefix else "avg"
    net = VisionTransformer("vit_base_patch16_224", **VIT, **kinds, global_pool=pool)
    assert net.prefix == prefix
    tokens = torch.arange(prefix + 16.0).reshape(1, -1, 1).expand(2, -1, 12)
    grid = net.grid(tokens)
    assert grid.shape == (2, 12, 4, 4)
    assert grid[1, 3].tolist() == [[prefix + 4.0 * row + c for c in range(4)] for row in range(4)]
