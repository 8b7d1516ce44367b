"""Small decoders and memories with random values, for the tests of generation."""

from __future__ import annotations

import torch

from cxrbench.generation.decoder import DecoderSettings, build_decoder

PAD = 1


def settings(**changes):
    sizes = {"vocab_size": 40, "dim": 16, "layers": 2, "heads": 2, "positions": 32, "dropout": 0.1}
    return DecoderSettings(**{**sizes, **changes})


def decoder(seed, sharpness=6.0, **changes):
    """In eval mode; `sharpness` spreads the logits, so that beams differ in more than rounding."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build_decoder(settings(**changes))
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)
        model.transformer.ln_f.weight.data.mul_(sharpness / 2)
    return model.eval()


def memory(seed, size, tokens=5, dim=16):
    return torch.randn(size, tokens, dim, generator=torch.Generator().manual_seed(seed))
