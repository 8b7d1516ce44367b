"""What the three kinds of card share: strict pydantic models read from YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from cxrbench.errors import PluginError

# The C parser of libyaml where it is there: several times faster, and safe like the other.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Card(BaseModel):
    """Base of the cards: immutable, and an unknown field is an error.

    Validators are built on first use, so that listing models does not wait for those of tasks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML mapping.

    Raises:
        PluginError: When the file is not valid YAML or not a mapping.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise PluginError(
            f"cannot read the card {path.name}",
            why=f"{path}: not valid YAML ({str(error).splitlines()[0]})",
            fix="correct the file",
        ) from error
    if not isinstance(content, dict):
        raise PluginError(
            f"cannot read the card {path.name}",
            why=f"{path}: expected a mapping, found {type(content).__name__}",
            fix="start the file with `id: ...`",
        )
    return content


def merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """`base` with `override` on top; nested mappings are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in override.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged
