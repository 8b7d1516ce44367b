"""Recipes of report generation."""
