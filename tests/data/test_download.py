"""Downloads: verified, whole, over https, or not at all."""

from __future__ import annotations

import hashlib
import io
import urllib.error
import urllib.request

import pytest

from cxrbench.download import download
from cxrbench.errors import DataError

URL = "https://example.org/list.txt"
CONTENT = b"one\ntwo\n"
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def serve(monkeypatch):
    """Answers every request with `content`, which may be an error; counts requests."""
    asked = []

    def set_answer(content):
        def urlopen(url, timeout):
            asked.append(url)
            if isinstance(content, Exception):
                raise content
            return content if hasattr(content, "read") else io.BytesIO(content)

        monkeypatch.setattr(urllib.request, "urlopen", urlopen)
        return asked

    return set_answer


@pytest.mark.parametrize("sha256", [SHA, None])
def test_the_declared_file_is_kept(tmp_path, serve, sha256):
    asked = serve(CONTENT)
    target = tmp_path / "a" / "list.txt"
    assert download(URL, target, sha256=sha256) == target
    assert target.read_bytes() == CONTENT
    assert asked == [URL]


def test_another_content_is_refused_and_nothing_is_kept(tmp_path, serve):
    serve(CONTENT + b"three\n")
    with pytest.raises(DataError, match="not the declared file") as caught:
        download(URL, tmp_path / "list.txt", sha256=SHA)
    assert URL in caught.value.why
    assert SHA[:12] in caught.value.why
    assert list(tmp_path.iterdir()) == []


def test_a_refused_file_leaves_the_old_one(tmp_path, serve):
    serve(b"other")
    (tmp_path / "list.txt").write_bytes(b"old")
    with pytest.raises(DataError):
        download(URL, tmp_path / "list.txt", sha256=SHA)
    assert (tmp_path / "list.txt").read_bytes() == b"old"


class Breaking(io.BytesIO):
    def read(self, *args):
        if self.tell():
            raise ConnectionResetError("connection reset by peer")
        return super().read(3)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(urllib.error.URLError("name not known"), "name not known"),
     (urllib.error.HTTPError(URL, 404, "Not Found", None, None), "Not Found"),
     (TimeoutError("timed out"), "timed out"), (Breaking(CONTENT), "connection reset")],
)  # fmt: skip
def test_a_failed_transfer_says_why_and_keeps_nothing(tmp_path, serve, answer, reason):
    serve(answer)
    with pytest.raises(DataError, match="cannot fetch") as caught:
        download(URL, tmp_path / "list.txt", sha256=None)
    assert URL in caught.value.why
    assert reason in caught.value.why
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["http://example.org/x", "file:///etc/passwd", "ftp://x/y", ""])
def test_only_https_is_fetched(tmp_path, serve, url):
    asked = serve(CONTENT)
    with pytest.raises(DataError, match="not https"):
        download(url, tmp_path / "x", sha256=None)
    assert asked == []
    assert list(tmp_path.iterdir()) == []


def test_offline_is_a_data_error_too(tmp_path):
    with pytest.raises(DataError, match="cannot fetch"):
        download(URL, tmp_path / "x", sha256=None)
