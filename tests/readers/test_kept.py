"""What readers said before is not computed again."""

import numpy as np
import pytest

from cxrbench.paths import cache_dir
from cxrbench.readers import Kept


class Reader:
    """Says how long a text is."""

    def __init__(self, texts):
        self.texts, self.read = texts, []

    def __call__(self, rows):
        self.read += [self.texts[row] for row in rows]
        return np.array([[len(self.texts[row]), 7] for row in rows], np.float32)


def read(texts, digest="d" * 64):
    reader = Reader(texts)
    found = Kept("lengths", digest).read(texts, reader, row_bytes=8, title="reading")
    return found, reader.read


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))


def test_each_text_is_read_once_the_longest_first_and_the_order_kept():
    found, asked = read(["bb", "a", "bb", "", "ccc", "a"])
    assert found.tolist() == [[2, 7], [1, 7], [2, 7], [0, 7], [3, 7], [1, 7]]
    assert asked == ["ccc", "bb", "a", ""]
    found, asked = read(["dddd", "a", "ccc"])
    assert found[:, 0].tolist() == [4, 1, 3]
    assert asked == ["dddd"]


def test_other_weights_read_again():
    read(["a"])
    assert read(["a"])[1] == []
    assert read(["a"], "e" * 64)[1] == ["a"]


def test_texts_read_together_are_not_those_read_alone():
    assert set(read([("a", "b"), ("b", "a")])[1]) == {("a", "b"), ("b", "a")}
    found, asked = read([("b", "a"), ("ab", ""), "ab"])
    assert found[:, 0].tolist() == [2, 2, 2]
    assert ("b", "a") not in asked
    assert set(asked) == {("ab", ""), "ab"}


def test_no_text_is_written():
    secret = "Small left pleural effusion"
    read([secret, (secret, secret)])
    written = [path for path in cache_dir().rglob("*") if path.is_file()]
    assert written
    assert not any(secret.encode() in path.read_bytes() for path in written)


def test_what_was_read_before_a_crash_is_there():
    texts = [str(row) * 3 for row in range(600)]

    def fail_later(rows):
        if any(int(texts[row][:1]) < 2 for row in rows) and len(done) > 1:
            raise KeyboardInterrupt
        done.append(rows)
        return np.zeros((len(rows), 2), np.float32)

    done = []
    with pytest.raises(KeyboardInterrupt):
        Kept("lengths", "d" * 64).read(texts, fail_later, row_bytes=8, title="reading")
    _, asked = read(texts)
    assert 0 < len(asked) <= 600 - 256
    assert len(asked) == 600 - sum(map(len, done))
