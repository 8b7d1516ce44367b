"""Metrics of what reports say, as models that read them tell it (`cxrbench.readers`)."""
