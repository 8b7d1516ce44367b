"""The Java programs that pycocoevalcap brings along: METEOR 1.5 and the PTB tokenizer.

Java itself is not a Python package, so that it may be absent. Then these metrics have no value and
say why; all others go on.
"""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from cxrbench.metrics.base import MetricUnavailable

METEOR = "meteor/meteor-1.5.jar"
PTB = "tokenizer/stanford-corenlp-3.4.1.jar"
FLAGS = ("-Dfile.encoding=UTF-8", "-Xmx2G", "-XX:+UseSerialGC", "-Xmn600m")
"""Texts are UTF-8 whatever the locale; the memory is what pycocoevalcap allows METEOR; the
last two collect garbage with one thread and rarely, which saves a tenth of the processor time."""


def java() -> str:
    """The Java program: that of `JAVA_HOME`, else the first on the path.

    Raises:
        MetricUnavailable: When there is none.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    found = found or shutil.which("java")
    if found is None:
        raise MetricUnavailable(
            "Java was not found",
            why="METEOR and the PTB tokenizer are Java programs, and no `java` is on the path",
            fix="install a Java runtime (8 or newer), or set JAVA_HOME",
        )
    return found


def jar(name: str) -> Path:
    """A Java archive of pycocoevalcap.

    Raises:
        MetricUnavailable: When the package is not complete.
    """
    spec = find_spec("pycocoevalcap")
    folders = (spec.submodule_search_locations if spec else None) or []
    for folder in folders:
        if (Path(folder) / name).is_file():
            return Path(folder) / name
    raise MetricUnavailable(
        "pycocoevalcap is not installed completely",
        why=f"it has no {name}",
        fix="pip install --force-reinstall pycocoevalcap",
    )
