"""Writing reports: text decoders over what an encoder says about an image, and how they decode."""
