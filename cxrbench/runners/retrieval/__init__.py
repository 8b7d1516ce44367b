"""Retrieval: images ask for reports, and reports for images."""

from cxrbench.runners.retrieval.runner import RetrievalRunner

__all__ = ["RetrievalRunner"]
