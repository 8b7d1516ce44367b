"""From tissue to grey values: attenuation, scatter, noise and the display curve."""

from __future__ import annotations

from math import exp

import numpy as np
from numpy.typing import NDArray

from cxrbench.phantom.fields import Field, blurred
from cxrbench.phantom.patient import View
from cxrbench.phantom.scene import Scene

MU_SOFT = 0.20
"""Linear attenuation of soft tissue at diagnostic energies, per centimetre."""
MU_BONE = 0.34
"""That of bone beyond the soft tissue it takes the place of, per centimetre."""


def attenuation(scene: Scene, thickness: Field) -> Field:
    """The line integral of attenuation, size x size, dimensionless.

    Args:
        scene: The scene with all findings drawn.
        thickness: Thickness of the body in centimetres, lungs included.
    """
    air = (1 - scene.body.density) * scene.lung
    air = np.maximum(air - scene.heart * scene.inside, 0)
    air = np.maximum(air - scene.vessels - scene.opacity * scene.inside, 0)
    tissue = np.maximum(thickness - air + scene.soft, 0)
    body = thickness > 0.3
    return MU_SOFT * tissue + MU_BONE * scene.bone * body


def expose(line: Field, view: View, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The 8-bit image (size x size, bright is dense) that a detector makes of line integrals.

    Args:
        line: Line integrals of attenuation.
        view: AP films are taken at the bedside: more scatter, more noise, flatter.
        rng: Draws exposure, window and quantum noise.
    """
    bedside = view == "AP"
    dose, level, width, gamma = rng.standard_normal(4).tolist()
    beam = np.exp(-line)
    share = (0.30 if bedside else 0.18) * exp(0.3 * dose)
    beam = (beam + share * blurred(beam, 0.05)) / (1 + share)
    beam = blurred(beam, 0.0018)
    grain = rng.standard_normal(beam.shape, dtype=np.float32)
    sigma = (0.016 if bedside else 0.010) * exp(0.25 * dose)
    signal = -np.log(beam) + sigma * grain / np.sqrt(beam / np.float32(0.06))
    low, high = np.quantile(signal[::4, ::4], (0.10, 0.985))
    low, high = max(float(low), 0.5) - 0.25 + 0.2 * level, float(high) + 0.1 + 0.16 * width
    tone = np.clip((signal - low) / (high - low), 0, 1) ** exp(0.2 * gamma)
    curve = tone * tone * (3 - 2 * tone)
    grey: NDArray[np.uint8] = (255 * (0.55 * tone + 0.45 * curve) + 0.5).astype(np.uint8)
    return grey
