"""Prompts of zero-shot classification, as data: ten for each finding."""
