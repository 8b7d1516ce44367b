"""RadGraph, read from an archive of its true form, against what the authors' package reads."""

import io
import json
from pathlib import Path

import pytest
import radgraph_files
import torch
from radgraph_files import BERT, members, pack, write_radgraph

from cxrbench.errors import WeightsError
from cxrbench.readers import ReaderUnavailable, radgraph, resident
from cxrbench.readers.radgraph import RadGraph

RECORDED = json.loads((Path(__file__).parents[1] / "fixtures/radgraph_graphs.json").read_text())
TEXTS = RECORDED["texts"]


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("CXRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXRBENCH_READERS", str(tmp_path / "readers"))
    monkeypatch.setattr(resident, "_last", {})


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "readers"


def plain(graph):
    return [[one.words, one.label, [list(r) for r in one.relations]] for one in graph]


@pytest.mark.parametrize("kind", ["radgraph", "radgraph-xl"])
def test_graphs_are_those_of_the_package(kind, folder):
    """Some texts are longer than the 14 word pieces that the small encoder takes at once."""
    write_radgraph(folder, kind)
    found = RadGraph.load(kind).read(TEXTS)
    assert [plain(graph) for graph in found] == RECORDED["graphs"][kind]
    assert sum(len(one.relations) for graph in found for one in graph) > 100


def test_reports_are_read_alike_alone_and_together_and_without_words_not_at_all(folder):
    write_radgraph(folder)
    reader = RadGraph.load()
    texts = ["", TEXTS[1], " \n", TEXTS[5], TEXTS[1]]
    together = reader.read(texts)
    assert together[0] == together[2] == ()
    assert together[1] == together[4]
    resident._last.clear()
    assert RadGraph.load().read([TEXTS[5]]) == [together[3]]
    assert reader.read([]) == []


def test_what_was_read_is_kept_without_its_words(folder, tmp_path, monkeypatch):
    write_radgraph(folder)
    first = RadGraph.load().read(TEXTS)
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept
    assert not any(b"effusion" in path.read_bytes() for path in kept)
    resident._last.clear()
    monkeypatch.setattr(RadGraph, "_network", lambda self: pytest.fail("it reads again"))
    assert RadGraph.load().read(TEXTS) == first


def test_large_graphs_take_longer_rows(folder, monkeypatch):
    write_radgraph(folder)
    whole = RadGraph.load().read(TEXTS)
    monkeypatch.setattr(radgraph, "_SMALLEST_ROW", 16)
    assert RadGraph.load().read(TEXTS) == whole
    assert RadGraph.load().read(TEXTS[::-1]) == whole[::-1]


def test_an_archive_may_have_folders_and_more_files(folder):
    files = {f"./model/{name}": content for name, content in members().items()}
    write_radgraph(folder, files=files | {"./model/meta.json": b"{}", "../../escaped.txt": b"x"})
    assert plain(RadGraph.load().read(TEXTS[:1])[0]) == RECORDED["graphs"]["radgraph"][0]
    assert not list(folder.parent.rglob("escaped.txt"))


def without(name):
    return {key: value for key, value in members().items() if not key.endswith(name)}


def changed(**tensors):
    stream = io.BytesIO()
    torch.save(radgraph_files.weights() | tensors, stream)
    return members() | {"weights.th": stream.getvalue()}


WIDTHS = "_endpoint_span_extractor._span_width_embedding.weight"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (without("weights.th"), "it has no weights.pt"),
        (without("config.json"), "it has no config.json"),
        (without("relation_labels.txt"), "0 vocabularies of relation_labels"),
        (members() | {"vocabulary/x__ner_labels.txt": b"\nA\n"}, "2 vocabularies of ner_labels"),
        (members() | {"config.json": b"[]"}, "no JSON object"),
        (members() | {"config.json": b"{}"}, "'model'"),
        (members(coref=1.0), "it has coref switched on"),
        (changed(**{WIDTHS: torch.zeros(4, 4)}), "wrong shape"),
        (changed(**{"_relation.more": torch.zeros(2)}), "unexpected"),
    ],
)
def test_what_is_no_such_model_is_refused(files, said, folder):
    write_radgraph(folder, files=files)
    with pytest.raises(WeightsError) as caught:
        RadGraph.load().read(TEXTS[:1])
    assert said in caught.value.why


def test_a_checkpoint_that_lacks_a_tensor_is_refused(folder):
    stream = io.BytesIO()
    torch.save({k: v for k, v in radgraph_files.weights().items() if k != WIDTHS}, stream)
    write_radgraph(folder, files=members() | {"weights.th": stream.getvalue()})
    with pytest.raises(WeightsError, match="does not fit radgraph"):
        RadGraph.load().read(TEXTS[:1])


def test_half_a_download_is_refused(folder):
    path = write_radgraph(folder)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="no archive"):
        RadGraph.load().read(TEXTS[:1])


def test_what_is_absent_is_told(folder):
    write_radgraph(folder)
    (folder / "radgraph" / "vocab.txt").unlink()
    with pytest.raises(ReaderUnavailable) as caught:
        RadGraph.load()
    assert "vocab.txt" in caught.value.why


def test_an_archive_of_other_names_of_its_data_is_read(folder):
    """PhysioNet's is the same network; the name of its data set in the vocabulary may differ."""
    files = {name.replace("radgraph__", "None__"): value for name, value in members().items()}
    state = {
        name.replace("radgraph__", "None__"): tensor
        for name, tensor in radgraph_files.weights().items()
    }
    stream = io.BytesIO()
    torch.save(state, stream)
    pack(folder / "radgraph" / "radgraph.tar.gz", files | {"weights.th": stream.getvalue()})
    (folder / "radgraph" / "config.json").write_text(json.dumps(BERT))
    words = "".join(f"{word}\n" for word in radgraph_files.WORDS)
    (folder / "radgraph" / "vocab.txt").write_text(words)
    assert plain(RadGraph.load().read(TEXTS[:1])[0]) == RECORDED["graphs"]["radgraph"][0]
