"""Random numbers that depend on what they are for and not on what was drawn before."""

from __future__ import annotations

import hashlib

import torch


def derive(*parts: int | str) -> int:
    """A 63-bit seed from any parts, the same on every machine."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def reseed(*parts: int | str) -> None:
    """Seed torch's global generators from the parts.

    Called before every training step, so that dropout after a restart draws what it would have
    drawn without one.
    """
    torch.manual_seed(derive(*parts))
