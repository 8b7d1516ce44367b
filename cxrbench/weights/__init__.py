"""Weights: found, hashed, read without running code, and loaded completely or not at all."""
