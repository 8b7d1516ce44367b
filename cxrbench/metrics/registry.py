"""Metric ids to metrics: the built-in ones, and those of installed plugins.

A plugin registers an entry point in the group `cxrbench.metrics` whose value is `module:METRICS`,
an iterable of metrics. A broken plugin costs only itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from cxrbench.errors import PluginError, UnknownNameError
from cxrbench.metrics.base import Metric
from cxrbench.metrics.text.ids import (
    BERTSCORE_IDS,
    CHEXBERT_IDS,
    FINDING_IDS,
    KEYWORD_RECALL,
    LEXICAL_IDS,
    RADCLIQ_IDS,
    RADGRAPH_IDS,
    SECTION_IDS,
    SRR_IDS,
    parse_lexical,
)
from cxrbench.names import did_you_mean

GROUP = "cxrbench.metrics"

# Each with the query's own study among the candidates, then without.
_RETRIEVAL = (
    *(f"{name}@{k}" for name in ("precision", "hit") for k in (1, 5, 10)),
    "recall@5", "recall@10", "mrr", "ndcg@10", "median-rank",
)  # fmt: skip
_PAIR = ("pair-hit@1", "pair-hit@5", "pair-hit@10", "pair-mrr", "pair-median-rank")

# Imported only when asked for: other families may bring heavy libraries.
_BUILTIN = {
    "auroc-macro": "cxrbench.metrics.auroc",
    "auroc-micro": "cxrbench.metrics.auroc",
    "auprc-macro": "cxrbench.metrics.auprc",
    "auprc-micro": "cxrbench.metrics.auprc",
    "f1-binary@0.5": "cxrbench.metrics.f1",
    "f1-macro@0.5": "cxrbench.metrics.f1",
    "f1-micro@0.5": "cxrbench.metrics.f1",
    "f1-macro@val-threshold": "cxrbench.metrics.f1",
    "f1-binary@val-threshold": "cxrbench.metrics.f1",
    "f1-binary@best-on-test": "cxrbench.metrics.f1_on_test",
    "f1-macro@best-on-test": "cxrbench.metrics.f1_on_test",
    "f1-micro@best-global-on-test": "cxrbench.metrics.f1_on_test",
    "accuracy-top1": "cxrbench.metrics.accuracy",
    "accuracy-elementwise@0.5": "cxrbench.metrics.accuracy",
    "sensitivity@0.5": "cxrbench.metrics.rates",
    "specificity@0.5": "cxrbench.metrics.rates",
    "balanced-accuracy@0.5": "cxrbench.metrics.rates",
    "roc-sensitivity@specificity-0.90": "cxrbench.metrics.operating_point",
    "brier-macro": "cxrbench.metrics.brier",
    "ece-15": "cxrbench.metrics.calibration",
    "dice-image-empty1": "cxrbench.metrics.dice",
    "dice-image-positives": "cxrbench.metrics.dice",
    "dice-pooled-fg": "cxrbench.metrics.dice",
    "mdice-pooled-with-bg": "cxrbench.metrics.dice",
    "iou-image-positives": "cxrbench.metrics.iou",
    "iou-pooled-fg": "cxrbench.metrics.iou",
    "miou-pooled-with-bg": "cxrbench.metrics.iou",
    "hausdorff95-positives": "cxrbench.metrics.hausdorff",
    "lesion-image-sensitivity": "cxrbench.metrics.lesions",
    "lesion-image-specificity": "cxrbench.metrics.lesions",
    **{
        f"{direction}-{name}": "cxrbench.metrics.retrieval"
        for direction in ("i2t", "t2i")
        for name in (*_RETRIEVAL, *(f"{name}-no-own" for name in _RETRIEVAL), *_PAIR)
    },
    **dict.fromkeys(LEXICAL_IDS, "cxrbench.metrics.text.lexical"),
    **dict.fromkeys(SECTION_IDS, "cxrbench.metrics.text.sections"),
    **dict.fromkeys(FINDING_IDS, "cxrbench.metrics.text.findings"),
    KEYWORD_RECALL: "cxrbench.metrics.text.keywords",
    **dict.fromkeys(CHEXBERT_IDS, "cxrbench.metrics.text.clinical.chexbert"),
    **dict.fromkeys(SRR_IDS, "cxrbench.metrics.text.clinical.srr"),
    **dict.fromkeys(RADGRAPH_IDS, "cxrbench.metrics.text.clinical.radgraph"),
    **dict.fromkeys(BERTSCORE_IDS, "cxrbench.metrics.text.clinical.bertscore"),
    **dict.fromkeys(RADCLIQ_IDS, "cxrbench.metrics.text.clinical.radcliq"),
    "semscore": "cxrbench.metrics.text.clinical.semscore",
    "ratescore": "cxrbench.metrics.text.clinical.ratescore",
}


@dataclass
class _Plugins:
    metrics: dict[str, Metric] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    conflicts: dict[str, PluginError] = field(default_factory=dict)
    broken: list[PluginError] = field(default_factory=list)


def get_metric(metric_id: str) -> Metric:
    """The metric of that id.

    Raises:
        UnknownNameError: When no metric has that id; close ids are suggested.
        PluginError: When two sides offer the id.
    """
    plugins = _plugins()
    if metric_id in plugins.conflicts:
        raise plugins.conflicts[metric_id]
    if metric_id in plugins.metrics:
        return plugins.metrics[metric_id]
    if metric_id in _BUILTIN:
        offered: tuple[Metric, ...] = import_module(_BUILTIN[metric_id]).METRICS
        return next(metric for metric in offered if metric.id == metric_id)
    lexical = parse_lexical(metric_id)
    if lexical is not None:  # on cut references, of which there is one for every length
        made: Metric = import_module("cxrbench.metrics.text.lexical").make(lexical)
        return made
    broken = "".join(f"; {error.what}" for error in plugins.broken)
    raise UnknownNameError(
        f"unknown metric {metric_id!r}",
        why=f"no built-in metric and no plugin offers it{broken}",
        fix=did_you_mean(metric_id, metric_ids(), "docs/metrics.md"),
    )


def metric_ids() -> list[str]:
    """All known ids, the built-in ones first."""
    return [*_BUILTIN, *(name for name in _plugins().owners if name not in _BUILTIN)]


def plugin_problems() -> list[PluginError]:
    """What is wrong with the installed metric plugins, for a health check."""
    plugins = _plugins()
    return [*plugins.broken, *plugins.conflicts.values()]


@lru_cache(maxsize=1)
def _plugins() -> _Plugins:
    """Load every entry point once."""
    plugins = _Plugins()
    for entry in sorted(entry_points(group=GROUP), key=lambda e: (e.name, e.value)):
        owner = f"{entry.dist.name if entry.dist else 'an unnamed distribution'} ({entry.value})"
        try:
            offered = _load(entry, owner)
        except PluginError as error:
            plugins.broken.append(error)
            continue
        for metric in offered:
            other = plugins.owners.get(metric.id, "cxrbench" if metric.id in _BUILTIN else None)
            if other is None:
                plugins.owners[metric.id] = owner
                plugins.metrics[metric.id] = metric
            else:
                plugins.conflicts[metric.id] = PluginError(
                    f"two metrics are called {metric.id!r}",
                    why=f"both {other} and {owner} offer it",
                    fix="rename the metric in the plugin, or uninstall the plugin",
                )
    return plugins


def _load(entry: EntryPoint, owner: str) -> list[Metric]:
    """The metrics of one entry point.

    Raises:
        PluginError: When it cannot be imported or holds something else.
    """
    try:
        offered = list(entry.load())
    except Exception as error:  # whatever a stranger's module raises is that plugin's fault
        raise PluginError(
            f"the metric plugin {owner} is broken",
            why=f"loading it raised {type(error).__name__}: {error}",
            fix="repair or uninstall the plugin",
        ) from error
    wrong = [type(item).__name__ for item in offered if not isinstance(item, Metric)]
    if wrong:
        raise PluginError(
            f"the metric plugin {owner} is broken",
            why=f"it offers {', '.join(wrong)}, which lacks attributes of Metric",
            fix="derive the metrics from BaseMetric or LabelMetric of cxrbench.metrics",
        )
    return offered
