"""Task runners: one per task type."""
