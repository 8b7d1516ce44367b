"""The encoders that come with cxrbench: a card and one small module each."""
