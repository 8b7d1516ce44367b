"""Where cxrbench keeps what it can make again, and how a site names its data."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_dir() -> Path:
    """`CXRBENCH_CACHE`, else the user's cache folder. Everything in it can be made again."""
    configured = os.environ.get("CXRBENCH_CACHE")
    return Path(configured) if configured else platformdirs.user_cache_path("cxrbench")
