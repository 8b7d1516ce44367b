"""Metrics of generated reports: how much their words resemble those of the reference."""
