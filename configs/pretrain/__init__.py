"""Recipes of pretraining; installed as `cxrbench_recipes` and found by name."""
