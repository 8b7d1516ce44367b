"""Training on Lightning: losses, optimisers, schedules, resumable loading and the fit loop."""
