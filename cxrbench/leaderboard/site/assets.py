"""The templates, the style and the script, and the policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

_SCRIPTS = ("theme.js", "sort.js", "filter.js", "dialog.js", "start.js")


@lru_cache
def environment() -> Environment:
    """Where templates are found; everything they are given is escaped."""
    found = Environment(
        loader=PackageLoader("cxrbench.leaderboard.site"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    found.filters["code"] = _code
    return found


@lru_cache
def style() -> Markup:
    """The style sheet."""
    return Markup(_text("style.css"))  # noqa: S704  (a file of this package)


@lru_cache
def script() -> Markup:
    """All scripts, in a scope of their own."""
    body = "\n".join(_text(name) for name in _SCRIPTS)
    return Markup(f'(() => {{\n"use strict";\n{body}}})();\n')  # noqa: S704  (files of this package)


def policy() -> str:
    """A content security policy: this style and this script, pictures beside the page, no more.

    The two are named by their hashes, since `'self'` means nothing for a page opened from the disk
    in some browsers, and a page of one file cannot be torn apart.
    """
    parts = {
        "default-src": "'none'",
        "script-src": _source(script()),
        "style-src": _source(style()),
        "img-src": "'self' file:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in parts.items())


def data_block(value: Any) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    safe = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(safe)  # noqa: S704  (what could end the element is escaped above)


def _code(text: str) -> Markup:
    """Text with `code` in it, as Markdown has it."""
    parts = [Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
             for place, part in enumerate(text.split("`"))]  # fmt: skip
    return Markup("").join(parts)


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _text(name: str) -> str:
    return files("cxrbench.leaderboard.site").joinpath("static", name).read_text(encoding="utf-8")
