"""Groups of report metrics, as the command line asks for them, such as `lexical`, or ids."""

from __future__ import annotations

from collections.abc import Sequence

from cxrbench.errors import UnknownNameError
from cxrbench.metrics.registry import get_metric, metric_ids
from cxrbench.metrics.text.ids import (
    BERTSCORE_IDS,
    CLINICAL,
    F1CHEXBERT,
    FINDING_IDS,
    KEYWORD_RECALL,
    NAMES,
    PRESETS,
    RADGRAPH,
    SECTION_IDS,
    Cut,
    LexicalId,
    parse_lexical,
)
from cxrbench.names import did_you_mean

_LISTED = {
    "findings": (*FINDING_IDS, KEYWORD_RECALL),
    "clinical": CLINICAL,
    "f1chexbert": F1CHEXBERT,
    "radgraph": RADGRAPH,
    "bert-score": BERTSCORE_IDS,
}
"""Groups that know no preset; some have the name of the package that is known for them."""
GROUPS = ("lexical", "sections", *_LISTED)


def expand(asked: Sequence[str], preset: str, *, cut: Cut | None, unique: bool) -> list[str]:
    """Groups, short names (`bleu4`) and ids to ids, each once.

    Args:
        asked: What was asked for.
        preset: Preset of groups and short names; ids say their own.
        cut: How references are cut, for groups and short names.
        unique: Whether every distinct reference counts once, for groups and short names.

    Raises:
        UnknownNameError: When a name or the preset is not known; close ones are suggested.
    """
    if preset not in PRESETS:
        raise UnknownNameError(
            f"unknown preset {preset!r}",
            why=f"presets are {', '.join(PRESETS)}",
            fix=did_you_mean(preset, PRESETS, "docs/report-metrics.md"),
        )
    found: list[str] = []
    for name in asked:
        if name == "lexical":
            found += [str(LexicalId(each, preset, cut, unique)) for each in NAMES]
        elif name == "sections":
            found += [known for known in SECTION_IDS if known.endswith(f"-{preset}")]
        elif name in _LISTED:
            found += _LISTED[name]
        elif name in NAMES:
            found.append(str(LexicalId(name, preset, cut, unique)))
        else:
            found.append(_known(name))
    return list(dict.fromkeys(found))


def short_name(metric_id: str) -> str:
    """`bleu4` for `bleu4-coco-dotspace`, and for other metrics their id."""
    told = parse_lexical(metric_id)
    return metric_id if told is None else told.name


def _known(name: str) -> str:
    try:
        get_metric(name)
    except UnknownNameError as error:
        known = (*GROUPS, *NAMES, *metric_ids())
        raise UnknownNameError(
            f"unknown metric {name!r}",
            why=f"groups are {', '.join(GROUPS)}; names are {', '.join(NAMES)}; or a full id",
            fix=did_you_mean(name, known, "docs/report-metrics.md"),
        ) from error
    return name
