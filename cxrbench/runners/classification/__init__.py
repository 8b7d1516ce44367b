"""Classification: fine-tuning and linear probing under named protocols."""

from cxrbench.runners.classification.runner import ClassificationRunner

__all__ = ["ClassificationRunner"]
