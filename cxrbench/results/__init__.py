"""Results: the record, the store that keeps it, provenance and seed statistics."""
