"""Report generation: a decoder on an encoder writes the report of an image."""

from cxrbench.runners.reports.runner import ReportRunner

__all__ = ["ReportRunner"]
