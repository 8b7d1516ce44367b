"""Scaffolding: the projects that `cxrbench new` writes, and the templates they come from."""
