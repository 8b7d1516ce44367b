"""RadGraph (Jain et al. 2021) and RadGraph-XL (Delbrouck et al. 2024): entities and relations.

The archives of the authors are read as they are, without the packages they come with; see
docs/decisions/clinical-metrics.md for why. Both networks are `cxrbench.readers.dygie.DyGIE`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import BertConfig

from cxrbench.atomic import write_text
from cxrbench.errors import WeightsError
from cxrbench.paths import cache_dir
from cxrbench.readers import archive
from cxrbench.readers.batches import ready, usual_device
from cxrbench.readers.dygie import DyGIE, DygieSizes
from cxrbench.readers.files import FoundReader, find_reader
from cxrbench.readers.graphs import Graph, Spans
from cxrbench.readers.kept import Kept
from cxrbench.readers.report_words import as_read, radgraph_words, radgraph_xl_words
from cxrbench.readers.resident import resident
from cxrbench.readers.tokens import token_states
from cxrbench.readers.wordpiece import WordPieces
from cxrbench.weights.choice import ResolvedFile
from cxrbench.weights.load import load

_WORDS: dict[str, Callable[[str], list[str]]] = {
    "radgraph": radgraph_words,
    "radgraph-xl": radgraph_xl_words,
}
# Of names that AllenNLP gives. Coreference and events are switched off, nothing uses the pooler.
_PRUNER = r"_relation\._mention_pruners\.[^.]+\._scorer"
_RENAME = [
    (r"_embedder\.token_embedder_bert\._matched_embedder\.transformer_model\.", "bert."),
    (r"_endpoint_span_extractor\._span_width_embedding\.", "widths."),
    (r"_ner\._ner_scorers\.[^.]+\.0\._module\._linear_layers\.", "entities.hidden."),
    (r"_ner\._ner_scorers\.[^.]+\.1\._module\.", "entities.out."),
    (
        r"_relation\._mention_pruners\.[^.]+\._scorer\.0\._module\._linear_layers\.",
        "mentions.hidden.",
    ),
    (r"_relation\._mention_pruners\.[^.]+\._scorer\.1\._module\.", "mentions.out."),
    (r"_relation\._relation_feedforwards\.[^.]+\._linear_layers\.", "relations.hidden."),
    (r"_relation\._relation_scorers\.[^.]+\.", "relations.out."),
]
_IGNORE = [r"_coref\..*", r"_events\..*", r".*\.pooler\..*", r".*\.position_ids"]
_SMALLEST_ROW = 512
"""Numbers that are kept of a report; those that need more are kept in longer rows."""


class RadGraph:
    """Reads reports; what it said of a text before is not computed again."""

    def __init__(self, found: FoundReader, device: torch.device) -> None:
        """Take the files found; the weights are read when the first new text comes.

        Args:
            found: Files of the reader `radgraph` or `radgraph-xl`.
            device: Where the network works.
        """
        self.found = found
        self._device = device
        self._archive = found[found.card.id]
        self._words = _WORDS[found.card.id]
        self._parts: tuple[DyGIE, WordPieces, int] | None = None
        self._names: tuple[tuple[str, ...], tuple[str, ...]] | None = None

    @classmethod
    def load(cls, reader: str = "radgraph", *, device: torch.device | None = None) -> RadGraph:
        """Find it on this machine, or fetch it; it stays in memory.

        Args:
            reader: `radgraph` or `radgraph-xl`.
            device: None: a GPU where there is one.

        Raises:
            ReaderUnavailable: When its files are neither here nor to be had.
            WeightsError: When one is not the declared file.
        """
        return resident(cls, find_reader(reader), device or usual_device())

    def read(self, texts: Sequence[str]) -> list[Graph]:
        """The graph of each report; that of a report without words is empty.

        Args:
            texts: N reports.

        Raises:
            WeightsError: When the archive is not whole, or does not fill the network completely.
        """
        words = {text: self._words(text) for text in dict.fromkeys(texts)}
        read = [text for text, found in words.items() if found]
        graphs: dict[str, Graph] = {}
        if read:
            entities, relations = self._labels()
            for text, spans in self._kept(read, words, _SMALLEST_ROW).items():
                graphs[text] = spans.graph(words[text], entities, relations)
        return [graphs.get(text, ()) for text in texts]

    def _kept(
        self, texts: Sequence[str], words: dict[str, list[str]], size: int
    ) -> dict[str, Spans]:
        """Spans of each text; what does not fit into a row is kept in longer ones."""

        def compute(rows: list[int]) -> npt.NDArray[np.int32]:
            spans = self._spans([words[texts[row]] for row in rows])
            return np.stack([one.row(size) for one in spans])

        kept = Kept(f"{self.found.card.id}-{size}", self.found.digest)
        title = f"{self.found.card.title} reads reports"
        rows = kept.read(texts, compute, row_bytes=4 * size, title=title)
        whole = {
            text: Spans.of_row(row) for text, row in zip(texts, rows, strict=True) if row[0] <= size
        }
        longer = [text for text in texts if text not in whole]
        if longer:
            most = int(max(row[0] for row in rows))
            whole |= self._kept(longer, words, 1 << (most - 1).bit_length())
        return whole

    def _spans(self, reports: Sequence[Sequence[str]]) -> list[Spans]:
        """The spans of reports of at least one word each."""
        network, pieces, most = self._network()
        start, end = pieces([""])[0]
        segments: list[list[int]] = []
        of_report: list[list[list[int]]] = []
        places: list[range] = []
        for words in reports:
            by_word = pieces.of_words([as_read(word) for word in words])
            flat = [piece for one in by_word for piece in one]
            parts = [flat[i : i + most - 2] for i in range(0, len(flat), most - 2)] or [[]]
            places.append(range(len(segments), len(segments) + len(parts)))
            segments += [[start, *part, end] for part in parts]
            of_report.append(by_word)
        states = token_states(segments, network.pieces, pad=pieces.pad, device=self._device)
        found = []
        for by_word, place in zip(of_report, places, strict=True):
            joined = torch.cat([states[segment][1:-1] for segment in place])
            found.append(network(_means(joined, [len(one) for one in by_word])))
        return found

    def _labels(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Labels of entities and names of relations."""
        if self._names is None:
            # In a file of their own: an archive is read to its end to find them.
            kept = cache_dir() / "readers" / "labels" / f"{self.found.digest[:32]}.json"
            if not kept.is_file():
                with archive.unpacked(self._archive, weights=False) as folder:
                    write_text(kept, json.dumps(_labels(folder)))
            entities, relations = json.loads(kept.read_text())
            self._names = tuple(entities), tuple(relations)
        return self._names

    def _network(self) -> tuple[DyGIE, WordPieces, int]:
        """The network, its word pieces, and how many of them it takes at once."""
        if self._parts is None:
            bert = BertConfig.from_json_file(str(self.found[f"{self.found.card.id}-config"]))
            with archive.unpacked(self._archive) as folder:
                sizes, most = _sizes(folder, self._archive)
                network = DyGIE(bert, sizes)
                load(network, self.found.card, [_weights(self.found, folder)])
            most = min(most, int(bert.max_position_embeddings))
            vocabulary = self.found[f"{self.found.card.id}-vocabulary"]
            pieces = WordPieces(vocabulary, most=most, size=int(bert.vocab_size))
            ready(network, self._device, "float32")
            self._parts = network, pieces, most
        return self._parts


def _means(states: Tensor, lengths: Sequence[int]) -> Tensor:
    """(P, D) states of pieces to (W, D) means of the pieces of each word; 0 of a word without."""
    counts = torch.tensor(lengths, device=states.device)
    word = torch.repeat_interleave(torch.arange(len(lengths), device=states.device), counts)
    sums = torch.zeros(len(lengths), states.shape[1], device=states.device)
    sums.index_add_(0, word, states)
    return sums / counts.clamp(min=1)[:, None]


def _labels(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    entities = archive.vocabulary(folder, "ner_labels")
    return entities[1:], archive.vocabulary(folder, "relation_labels")


def _sizes(folder: Path, path: Path) -> tuple[DygieSizes, int]:
    """What the settings say, and the length of the segments that the encoder reads.

    Raises:
        WeightsError: When they lack something, or are those of a network that does more.
    """
    config = archive.settings(folder)
    entities, relations = _labels(folder)
    try:
        model: dict[str, Any] = config["model"]
        layers = model["feedforward_params"]
        dims = layers["hidden_dims"]
        dims = dims if isinstance(dims, list) else [dims] * int(layers["num_layers"])
        modules, weights = model["modules"], model["loss_weights"]
        sizes = DygieSizes(
            max_span_width=int(model["max_span_width"]),
            width_dim=int(model["feature_size"]),
            hidden=tuple(int(dim) for dim in dims),
            spans_per_word=float(modules["relation"]["spans_per_word"]),
            entities=entities,
            relations=relations,
        )
        more = [name for name in ("coref", "events") if float(weights[name]) > 0]
        propagates = int(modules["coref"].get("coref_prop", 0)) > 0
        most = int(model["embedder"]["token_embedders"]["bert"]["max_length"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(
            f"the settings of {path.name} are not those of a RadGraph model",
            why=f"config.json: {type(error).__name__}: {error}",
            fix="fetch the archive again, complete",
        ) from error
    if more or propagates:
        raise WeightsError(
            f"{path.name} is another model than RadGraph",
            why=f"it has {' and '.join(more) or 'coreference propagation'} switched on",
            fix="give the archive that the card names",
        )
    return sizes, most


def _weights(found: FoundReader, folder: Path) -> ResolvedFile:
    """The weights of the unpacked archive, and how their names map onto the network."""
    packed = next(file for file in found.files if file.entry.name == found.card.id)
    mapping = {"file": archive.WEIGHTS, "rename": _RENAME, "ignore": _IGNORE}
    entry = packed.entry.model_copy(update=mapping)
    return ResolvedFile(entry, folder / archive.WEIGHTS, packed.sha256)
