"""The conformance suite: what every encoder promises, checked on generated images.

A plugin's own test needs one line, `assert_conforms("my-encoder")`; `cxrbench check` runs the
same suite from the command line.
"""

from cxrbench.testing.report import Report, Result
from cxrbench.testing.suite import CHECKS, assert_conforms, check_encoder

__all__ = ["CHECKS", "Report", "Result", "assert_conforms", "check_encoder"]
