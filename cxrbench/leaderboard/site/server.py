"""A small server for the page, for this machine alone."""

from __future__ import annotations

import errno
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cxrbench.errors import BadRequest
from cxrbench.leaderboard.site.figures import FOLDER
from cxrbench.leaderboard.site.page import PAGE

HOST = "127.0.0.1"
_NAMES = {HOST, "localhost"}
_FOLDERS = {(PAGE.partition("/")[0],), (FOLDER,)}


class _Handler(SimpleHTTPRequestHandler):
    """Serves the page and the figures, and only to those who ask for this machine by name.

    Without that, a page on the web whose name resolves to 127.0.0.1 could read what is served here.
    """

    def send_head(self) -> Any:
        """Answer GET and HEAD; as the base class, after a look at what is asked for and by whom."""
        if self.headers.get("Host", "").partition(":")[0] not in _NAMES:
            self.send_error(403, "Asked for under another name")
            return None
        if self.path == "/":
            self.send_response(302)
            self.send_header("Location", f"/{PAGE.removesuffix('index.html')}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        asked = Path(self.translate_path(self.path)).relative_to(self.directory)
        if asked.parts[:1] not in _FOLDERS:
            self.send_error(404)
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> None:
        """Folders are not listed."""
        self.send_error(404)

    def end_headers(self) -> None:
        """A page that was made again is seen at once, and its type is what we say it is."""
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of what is asked for."""


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of the page and its figures on 127.0.0.1, listening but not yet answering.

    Args:
        folder: That of the pages; nothing else in it is served.
        port: 0 takes a free one.

    Raises:
        BadRequest: When the port is taken or may not be used.
    """
    handler = partial(_Handler, directory=str(folder))
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        known = error.errno in {errno.EADDRINUSE, errno.EACCES}
        raise BadRequest(
            f"cannot serve on port {port}",
            why=str(error.strerror) if known else f"{type(error).__name__}: {error}",
            fix="say --port 0 for one that is free",
        ) from error
