"""Pictures of what an encoder does: `cxrbench explain`."""
