"""Data: reading radiographs, verified splits, transforms, and rows kept for reuse."""
