r"""How the two models of RadGraph divide a report into words.

Both get words that blanks divide, after blanks were put around punctuation. The rules are those of
the authors' code (package `radgraph` 0.1.18), written anew.
"""

from __future__ import annotations

import re

_BESIDE_MARK = re.compile(r"(?<! )(?=[/,:.!?()])|(?<=[/,:.!?()])(?! )")
_RUN = re.compile(r"\w+|[^\w\s]+")
_ESCAPES = (("\\n", "  "), ("\\f", "  "), ("\\u2122", "      "), ("\n", " "), ('\\"', "``"))
"""Written-out escapes that some corpora have in their texts."""
_APART = ((").", ") ."), ("%.", "% ."), (".'", ". '"), ("%,", "% ,"), ("%)", "% )"))


def radgraph_words(report: str) -> list[str]:
    """The words of a report as the model of 2021 reads them; / , : . ! ? ( ) stand alone."""
    return _BESIDE_MARK.sub(" ", report).split()


def radgraph_xl_words(report: str) -> list[str]:
    """The words of a report as RadGraph-XL reads them: runs of letters, and of other marks."""
    for written, meant in _ESCAPES:
        report = report.replace(written, meant)
    divided = " ".join(_RUN.findall(report))
    for together, apart in _APART:
        divided = divided.replace(together, apart)
    return divided.split()


def as_read(word: str) -> str:
    """A word as it is given to the network, which differs for two of them."""
    return word[1:] if word in ("/.", "/?") else word
