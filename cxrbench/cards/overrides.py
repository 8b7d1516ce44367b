"""Changes of a YAML file that are said on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from cxrbench.cards.base import merge
from cxrbench.errors import BadRequest


def with_overrides(
    content: dict[str, Any], overrides: Iterable[str], examples: str, fields: str
) -> dict[str, Any]:
    """The content with what each override says in place of its own.

    Args:
        content: What a file says.
        overrides: `KEY=VALUE` with dots between the levels of KEY and YAML in VALUE.
        examples: Of overrides, for the error.
        fields: Where the fields are described.

    Raises:
        BadRequest: When an override cannot be read.
    """
    for override in overrides:
        key, equals, text = override.partition("=")
        try:
            value: Any = yaml.safe_load(text) if equals and key else None
        except yaml.YAMLError:
            equals = ""
        if not (equals and key):
            raise BadRequest(
                f"cannot read --set {override}",
                why=f"expected KEY=VALUE, such as {examples}",
                fix=f"see the fields of {fields}",
            )
        for part in reversed(key.split(".")):
            value = {part: value}
        content = merge(content, value)
    return content
