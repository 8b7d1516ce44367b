"""Fetching a public file by address and SHA-256."""

from __future__ import annotations

import hashlib
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from cxrbench.atomic import atomic_path
from cxrbench.errors import DataError

_TIMEOUT_SECONDS = 60


def download(url: str, target: Path, *, sha256: str | None) -> Path:
    """Fetch `url` to `target`, whole and verified, or not at all.

    Args:
        url: An https address.
        target: Where the file goes.
        sha256: Expected hash; None where the owners publish none.

    Raises:
        DataError: When the address cannot be reached or the content is not the declared one.
    """
    if not url.startswith("https://"):
        raise DataError(
            f"cannot fetch {target.name}",
            why=f"the address {url or '(none)'} is not https",
            fix="place the file by hand",
        )
    with atomic_path(target) as temporary:
        try:
            with (
                urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as source,  # noqa: S310
                temporary.open("wb") as sink,
            ):
                shutil.copyfileobj(source, sink)
        except (urllib.error.URLError, OSError) as error:
            raise DataError(
                f"cannot fetch {target.name}",
                why=f"{url}: {getattr(error, 'reason', error)}",
                fix=f"check the network, or download the file by hand and place it at {target}",
            ) from error
        digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
        if sha256 and digest != sha256:
            raise DataError(
                f"{target.name} is not the declared file",
                why=f"{url}: sha256 {digest[:12]}…, expected {sha256[:12]}…",
                fix="the address may serve another version: report it; nothing was kept",
            )
    return target
