"""Checks of the card alone: what a reader of a leaderboard must be able to look up."""

from __future__ import annotations

import re

from cxrbench.cards import ModelCard
from cxrbench.testing.check import check, require
from cxrbench.testing.subject import Subject
from cxrbench.weights.choice import TENSOR_SUFFIXES

_HASH = re.compile(r"[0-9a-f]{64}")


@check("card-facts", "paper or reason, code licence, preprocessing and widths are declared")
def facts(subject: Subject) -> str:
    """A licence that is unknown has to be written down as unknown."""
    card = subject.card
    require(
        bool(card.title.strip() and card.family.strip()),
        "the card names no title or family",
        why="tables are labelled with them",
        fix="write `title` and `family`",
    )
    require(
        card.paper is not None or bool(card.code_url or card.quirks),
        "the card does not say where the encoder comes from",
        why="it has neither paper, nor code_url, nor a quirk that explains it",
        fix="write `paper`, or say in `quirks` what the encoder is",
    )
    require(
        not card.code_url or "code_licence" in card.model_fields_set,
        "the card does not state the licence of the code",
        why=f"code_url is {card.code_url}",
        fix="write `code_licence`; `none stated` is an answer",
    )
    missing = [name for name in _expected_dims(card) if getattr(card.dims, name) is None]
    require(
        not missing,
        "the card does not declare what widths to expect",
        why=f"dims.{missing[0] if missing else ''} is missing for a declared capability",
        fix="write it; `cxrbench check` compares it with what the encoder returns",
    )
    require(
        ("context" in card.capabilities) == bool(card.context_fields),
        "capability `context` and context_fields contradict each other",
        why=f"capabilities: {', '.join(card.capabilities)}; context_fields: {card.context_fields}",
        fix="declare both, or neither",
    )
    return f"{card.status}; {card.paper.title if card.paper else 'no paper'}"


@check("card-weights", "status, source, licence, hash and pretraining data of the weights fit")
def weights(subject: Subject) -> str:
    """`verified` weights have a hash; weights come with a licence and with what they saw."""
    card = subject.card
    withheld = [file for file in card.weights if file.access == "none"]
    require(
        (card.status == "no-weights") == (not card.weights or bool(withheld)),
        f"status `{card.status}` contradicts the weights of the card",
        why=f"it lists {len(card.weights)} file(s), {len(withheld)} of them with access `none`",
        fix="list the files under `weights`, or say `status: no-weights`",
    )
    for file in card.weights:
        where = f"weights {file.name}"
        require(
            "licence" in file.model_fields_set,
            f"{where}: no licence",
            why="who may use the weights is unknown to a reader",
            fix="write `licence`; `unknown` is an answer",
        )
        require(
            file.source == "manual" or bool(file.repo),
            f"{where}: no `repo`",
            why=f"source is {file.source}, and nothing says where",
            fix="write the hub repository, or the address of the file",
        )
        require(
            file.sha256 is None or bool(_HASH.fullmatch(file.sha256)),
            f"{where}: sha256 is no SHA-256",
            why=f"'{file.sha256}' is not 64 small hexadecimal digits",
            fix="write the output of `sha256sum`",
        )
        require(
            card.status != "verified" or file.sha256 is not None,
            f"{where}: no sha256 on a card with status `verified`",
            why="nothing says which file was verified",
            fix="write `sha256`, or say `status: declared`",
        )
        _check_patterns(where, [*file.ignore, *(pattern for pattern, _ in file.rename)])
    _check_patterns("optional_tensors", card.optional_tensors)
    known = card.pretraining_data or [name for file in card.weights for name in file.trained_on]
    require(
        bool(known) or not card.weights,
        "the card does not say what the weights were trained on",
        why="without it nobody sees that test images were used in pretraining",
        fix="write `pretraining_data`, by id (imagenet-1k, …)",
    )
    tensors = sum(file.file.endswith(TENSOR_SUFFIXES) for file in card.weights)
    return f"{tensors} checkpoint(s), trained on {', '.join(known)}" if card.weights else "none"


def _expected_dims(card: ModelCard) -> list[str]:
    if "/" in card.id:  # a member of a family: its card is made by code, for any member
        return []
    of = {"image": "pooled", "text": "text", "joint": "joint"}
    return [dim for capability, dim in of.items() if capability in card.capabilities]


def _check_patterns(where: str, patterns: list[str]) -> None:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            require(
                False,
                f"{where}: a pattern is no regular expression",
                why=f"'{pattern}': {error}",
                fix="correct it; a literal dot is written \\.",
            )
