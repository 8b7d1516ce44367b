"""Reading a page back."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any


class Parts(HTMLParser):
    """The tags of a page, and what stands in its style and scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, str] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag in {"style", "script"}:
            self._open = given.get("id") or tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside[self._open] = self.inside.get(self._open, "") + data

    def handle_endtag(self, tag: str) -> None:
        if tag in {"style", "script"}:
            self._open = ""

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        """Attributes of the tags of a name that have these among theirs."""
        return [given for name, given in self.tags
                if name == tag and wanted.items() <= given.items()]  # fmt: skip

    @property
    def data(self) -> dict[str, Any]:
        """The dialogs."""
        return json.loads(self.inside["data"])
