"""What a report says of the 14 findings of CheXpert, read by rules: for tests and quick checks."""

from cxrbench.reports.findings.mention import OTHER, Mention, Status
from cxrbench.reports.findings.reader import FINDINGS, read_findings, statuses

__all__ = ["FINDINGS", "OTHER", "Mention", "Status", "read_findings", "statuses"]
