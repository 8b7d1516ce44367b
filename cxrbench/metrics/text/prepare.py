"""What is done to texts before n-grams are counted; every preset is another number.

| preset | what is done |
|---|---|
| `coco-dotspace` | a blank before every full stop, runs of blanks squeezed; case and commas stay |
| `ptb-lower` | the PTB tokenizer of pycocoevalcap: lower case, tokens split, punctuation dropped |
| `raw` | nothing |
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cxrbench.metrics.base import MetricUnavailable
from cxrbench.metrics.text import java

_BLANKS = re.compile(" +")
# The tokenizer takes each of these for the end of a line.
_LINE_ENDS = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_DROPPED = frozenset(
    ("''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--")
) | {"...", ";"}
"""Tokens that the COCO caption evaluation counts as punctuation."""


def prepare(texts: Sequence[str], preset: str) -> list[str]:
    """Texts as a preset wants them; tokens are what blanks divide.

    Args:
        texts: As they were written.
        preset: One of `cxrbench.metrics.text.ids.PRESETS`.

    Raises:
        MetricUnavailable: When the preset needs Java and there is none.
    """
    if preset == "raw":
        return list(texts)
    if preset == "coco-dotspace":
        return [_BLANKS.sub(" ", text.replace(".", " .")) for text in texts]
    return ptb_lower(texts)


def ptb_lower(texts: Sequence[str]) -> list[str]:
    """Tokens of the PTB tokenizer in lower case, without punctuation, divided by blanks.

    One Java process reads all texts, a line each.

    Raises:
        MetricUnavailable: When Java is absent or fails.
    """
    lines = [_LINE_ENDS.sub(" ", text) for text in texts]
    written = [position for position, line in enumerate(lines) if line.strip()]
    if not written:
        return [""] * len(lines)
    command = [java.java(), *java.FLAGS, "-cp", str(java.jar(java.PTB))]
    command += ["edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
    command += ["-encoding", "UTF-8"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts"
        content = "\n".join(lines[position] for position in written) + "\n"
        file.write_text(content, encoding="utf-8", errors="replace", newline="\n")
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            [*command, str(file)], capture_output=True, check=False
        )
    found = done.stdout.decode("utf-8", "replace").removesuffix("\n").split("\n")
    if done.returncode or len(found) != len(written):
        last = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"])[-1]
        raise MetricUnavailable(
            "the PTB tokenizer failed",
            why=f"{len(found)} lines came back for {len(written)} texts; Java says: {last}",
            fix="check `java -version`; presets without it are coco-dotspace and raw",
        )
    tokens = [""] * len(lines)
    for position, line in zip(written, found, strict=True):
        kept = [word for word in line.rstrip().split(" ") if word not in _DROPPED]
        tokens[position] = " ".join(kept)
    return tokens
