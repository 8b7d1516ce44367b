"""What is on a film besides the body: lines and electrodes, the side marker, the shutter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxrbench.phantom.fields import bump, pipe, ramp
from cxrbench.phantom.patient import View
from cxrbench.phantom.scene import Scene


def add_devices(scene: Scene, view: View, rng: np.random.Generator) -> None:
    """Add electrodes with leads, a central line and a tube to many bedside films."""
    chance, place = rng.random(3).tolist(), rng.random(8).tolist()
    if view == "PA":
        return
    u, v, apex = scene.u, scene.v, scene.body.apex
    if chance[0] < 0.6:
        for sign, k in ((-1.0, 0), (1.0, 2)):
            u0, v0 = sign * (0.16 + 0.10 * place[k]), apex + 0.10 + 0.15 * place[k + 1]
            scene.bone += 1.6 * ramp(0.010 - np.hypot(u - u0, v - v0), 2 * scene.pixel)
            lead = u - u0 - sign * 0.5 * (v - v0) ** 2 - 0.1 * (v - v0)
            scene.bone += 0.9 * bump(lead, 0.0022) * ramp(v - v0, 0.01)
    if chance[1] < 0.35:
        path = u + 0.045 + 1.2 * np.clip(apex + 0.10 - v, 0, None) ** 1.3
        scene.bone += 0.8 * bump(path, 0.0025) * ramp(apex + 0.28 - v, 0.01)
    if chance[2] < 0.2:
        tube = pipe(u + 0.004 + 0.01 * (place[6] - 0.5), 0.009, 0.7)
        scene.bone += 0.6 * tube * ramp(apex + 0.14 - v, 0.01)


def stamp(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Put a lead letter L in an upper corner on the patient's left, on most films."""
    present, x, y = rng.random(3).tolist()
    if present > 0.8:
        return image
    size = image.shape[0]
    unit = size / 256
    top, left = int((14 + 26 * y) * unit), int((222 + 20 * x) * unit)
    tall, wide, thick = int(12 * unit), int(7 * unit), max(1, round(2.2 * unit))
    out: NDArray[np.uint8] = image.copy()
    out[top : top + tall, left : left + thick] = 250
    out[top + tall - thick : top + tall, left : left + wide] = 250
    return out


def collimate(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blacken a margin where the shutter closed, on a few films."""
    present, *margins = rng.random(5).tolist()
    if present > 0.15:
        return image
    size = image.shape[0]
    top, bottom, left, right = (int(0.06 * size * m) for m in margins)
    out = np.zeros_like(image)
    out[top : size - bottom, left : size - right] = image[top : size - bottom, left : size - right]
    return out
