"""cxrbench: a benchmark and evaluation harness for chest X-ray vision-language encoders."""

__version__ = "0.1.0"
