"""Suites of runs; installed as `cxrbench_suites` and found by name."""
