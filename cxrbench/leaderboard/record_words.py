"""What a record says, in words: for `cxrbench show` and for the pages."""

from __future__ import annotations

from cxrbench.results.record import Record

_SOURCES = {
    "card": "those of its card",
    "path": "given with --weights",
    "random": "random",
    "none": "it has none",
}


def weights_words(record: Record) -> list[str]:
    """Where the weights are from and how many of them were used; not their hashes."""
    weights = record.weights
    parts = [_SOURCES[weights.source]]
    parts += ["trained on phantoms"] if weights.phantom else []
    if weights.total:
        order = ", by order" if weights.by_order else ""
        parts.append(f"{weights.matched:,} of {weights.total:,} tensors matched{order}")
    return parts


def selection_words(record: Record) -> str:
    """How the reported model was chosen."""
    chosen = record.selection
    if chosen is None:
        return "nothing: there was no choice"
    what = [f"epoch {chosen.epoch}"] if chosen.epoch is not None else []
    what += [f"{name} = {value}" for name, value in chosen.hyperparameters.items()]
    value = "undefined" if chosen.value is None else f"{chosen.value:.4f}"
    return f"{', '.join(what) or 'best'}, by {chosen.metric} on {chosen.split} ({value})"


def settings_words(record: Record) -> list[str]:
    """Settings of a run that the protocol leaves open; not its seed."""
    spec = record.spec
    mode = spec.recipe.get("preprocessing_mode")
    settings = [f"precision {spec.precision}"]
    settings += [f"{mode} preprocessing"] if mode else []
    settings += [f"{spec.micro_batch} images at once"] if spec.micro_batch else []
    settings += [f"--limit {spec.limit}"] if spec.limit else []
    return settings


def data_words(record: Record) -> str:
    """The data set, its release and its layout, and whether it is real."""
    data = record.dataset
    kind = "phantom" if data.kind == "phantom" else "real"
    return ", ".join(filter(None, (data.title, data.release, data.layout, kind)))


def code_words(record: Record) -> str:
    """The commit that measured; empty where none is known."""
    git = record.provenance.git
    commit = str(git.get("commit", ""))[:12]
    return commit + (" with changes" if git.get("dirty") else "")
