"""Zero-shot classification: images compared with prompts that describe findings."""

from cxrbench.runners.zero_shot.runner import ZeroShotRunner

__all__ = ["ZeroShotRunner"]
