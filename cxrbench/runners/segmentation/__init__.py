"""Segmentation: a decoder on a frozen or fine-tuned encoder, under named protocols."""

from cxrbench.runners.segmentation.runner import SegmentationRunner

__all__ = ["SegmentationRunner"]
