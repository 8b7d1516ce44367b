"""What the reference vectors of each encoder hold, computed (see `cxrbench.testing.golden`)."""
