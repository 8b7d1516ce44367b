"""Records that may be shared: packing those of runs, and checking those that others send."""

from cxrbench.results.submission.findings import INCLUDABLE, Finding, Include
from cxrbench.results.submission.known import Known
from cxrbench.results.submission.pack import Packed, pack
from cxrbench.results.submission.shareable import shareable, to_text
from cxrbench.results.submission.validate import Checked, check_file, check_files, check_record

__all__ = [
    "INCLUDABLE",
    "Checked",
    "Finding",
    "Include",
    "Known",
    "Packed",
    "check_file",
    "check_files",
    "check_record",
    "pack",
    "shareable",
    "to_text",
]
