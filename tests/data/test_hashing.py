"""Hashes against hashlib, and when a remembered one is used."""

from __future__ import annotations

import hashlib
import os

import pytest

from cxrbench import hashing
from cxrbench.hashing import sha256_file, sha256_ids, sha256_json, sha256_text


@pytest.mark.parametrize("size", [0, 1, hashing._BLOCK, 2 * hashing._BLOCK + 3])
def test_a_file(tmp_path, size):
    content = bytes(range(256)) * (size // 256 + 1)
    path = tmp_path / "x"
    path.write_bytes(content[:size])
    assert sha256_file(path) == hashlib.sha256(content[:size]).hexdigest()


def test_an_unchanged_file_is_not_read_again(tmp_path, own_cache):
    path = tmp_path / "x"
    path.write_text("a")
    first = sha256_file(path)
    (memory,) = (own_cache / "hashes").iterdir()
    memory.write_text(memory.read_text().replace(first, "remembered"))
    assert sha256_file(path) == "remembered"


@pytest.mark.parametrize("change", ["content", "size", "moved"])
def test_a_changed_file_is_hashed_again(tmp_path, change):
    path = tmp_path / "x"
    path.write_text("a")
    os.utime(path, ns=(10**18, 10**18))
    sha256_file(path)
    if change == "moved":
        (tmp_path / "y").write_text("b")
        os.utime(tmp_path / "y", ns=(10**18 + 1, 10**18 + 1))
        (tmp_path / "y").replace(path)
    else:
        path.write_text("b" if change == "content" else "bb")
        ns = 10**18 + (1 if change == "content" else 0)
        os.utime(path, ns=(ns, ns))
    assert sha256_file(path) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("junk", ["", "{", "[]", "3", '{"stamp": 1}', "\x00"])
def test_a_broken_memory_is_ignored(tmp_path, own_cache, junk):
    path = tmp_path / "x"
    path.write_text("a")
    expected = sha256_file(path)
    (memory,) = (own_cache / "hashes").iterdir()
    memory.write_text(junk)
    assert sha256_file(path) == expected


def test_two_paths_to_one_file_share_the_memory(tmp_path, own_cache):
    (tmp_path / "x").write_text("a")
    (tmp_path / "y").symlink_to(tmp_path / "x")
    assert sha256_file(tmp_path / "x") == sha256_file(tmp_path / "y")
    assert len(list((own_cache / "hashes").iterdir())) == 1


def test_ids_are_a_set_in_no_order():
    expected = hashlib.sha256(b"a\nb\nc").hexdigest()
    assert sha256_ids(["c", "a", "b"]) == sha256_ids(iter("abc")) == expected
    assert sha256_ids(["a", "b"]) != sha256_ids(["a b"])


def test_json_does_not_depend_on_the_order_of_keys():
    assert sha256_json({"a": 1, "b": [1, 2]}) == sha256_json({"b": [1, 2], "a": 1})
    assert sha256_json({"a": [1, 2]}) != sha256_json({"a": [2, 1]})
    assert sha256_json({"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()
    with pytest.raises(ValueError, match="not JSON compliant"):
        sha256_json(float("nan"))


def test_text_is_utf_8():
    assert sha256_text("é") == hashlib.sha256("é".encode()).hexdigest()
