"""A plugin for the tests of report generation."""
