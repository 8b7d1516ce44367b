"""The vessels of the lungs: branching tubes that fan out from the hila."""

from __future__ import annotations

from math import cos, sin
from typing import NamedTuple

import numpy as np

from cxrbench.phantom.fields import CM, bump, noise
from cxrbench.phantom.scene import Scene


class Segment(NamedTuple):
    """A straight tube between two points (u, v); lengths in image widths."""

    u0: float
    v0: float
    u1: float
    v1: float
    radius: float


def add_vessels(scene: Scene, rng: np.random.Generator) -> None:
    """Add hila, vessel trees and the fine interstitial texture to `scene.vessels`."""
    for sign, lift in ((1.0, -0.012), (-1.0, 0.0)):
        u, v = sign * 0.068, scene.body.apex + 0.30 + lift
        hilum = bump(np.hypot((scene.u - u) / 0.020, (scene.v - v) / 0.040), 1.0)
        scene.vessels += 2.6 * hilum
        for segment in _tree(sign, u, v, rng):
            _stroke(scene, segment)
    scene.vessels += 0.22 * np.abs(noise(rng, 100, scene.size))
    scene.vessels *= scene.inside


def _tree(sign: float, u: float, v: float, rng: np.random.Generator) -> list[Segment]:
    """The branches of one lung, from thick to thin."""
    segments: list[Segment] = []
    angles = np.linspace(-1.2, 1.45, 8) + 0.2 * rng.standard_normal(8)
    starts = 0.012 * rng.standard_normal((8, 2))
    ends = [
        (u + float(start[0]), v + float(start[1]), float(angle), 0.0068)
        for angle, start in zip(angles, starts, strict=True)
    ]
    for length in (0.10, 0.09, 0.07):
        grown = []
        for u0, v0, angle, radius in ends:
            bend = float(rng.standard_normal())
            reach, fork = rng.random(2).tolist()
            heading = angle + 0.22 * bend
            span = length * (0.7 + 0.6 * reach)
            u1, v1 = u0 + sign * span * cos(heading), v0 + span * sin(heading)
            segments.append(Segment(u0, v0, u1, v1, radius))
            grown.append((u1, v1, heading - 0.25 - 0.2 * fork, radius * 0.66))
            if fork < 0.75:
                grown.append((u1, v1, heading + 0.25 + 0.2 * fork, radius * 0.62))
        ends = grown
    return segments


def _stroke(scene: Scene, segment: Segment) -> None:
    """Draw one tube where it is, touching only the pixels around it."""
    u0, v0, u1, v1, radius = segment
    soft = max(radius, 0.75 * scene.pixel)
    rows, cols = _window(scene, segment, 2 * soft)
    u, v = scene.u[rows, cols] - u0, scene.v[rows, cols] - v0
    du, dv = u1 - u0, v1 - v0
    length2 = du * du + dv * dv
    t = np.clip((u * du + v * dv) / length2, 0, 1)
    distance = np.hypot(u - t * du, v - t * dv)
    depth = 6.5 * radius / CM * bump(distance, 0.6 * soft) * np.float32(radius / soft)
    patch = scene.vessels[rows, cols]
    np.maximum(patch, depth, out=patch)


def _window(scene: Scene, segment: Segment, margin: float) -> tuple[slice, slice]:
    """Rows and columns that hold a segment under the small tilts and shifts of a pose."""
    u0, v0, u1, v1, _ = segment
    origin_u, origin_v = float(scene.u[0, 0]), float(scene.v[0, 0])
    step_u, step_v = float(scene.u[0, 1]) - origin_u, float(scene.v[1, 0]) - origin_v
    skew_u, skew_v = float(scene.u[1, 0]) - origin_u, float(scene.v[0, 1]) - origin_v
    determinant = step_u * step_v - skew_u * skew_v
    corners_u = np.array([u0, u1]) - origin_u
    corners_v = np.array([v0, v1]) - origin_v
    x = (corners_u * step_v - corners_v * skew_u) / determinant
    y = (corners_v * step_u - corners_u * skew_v) / determinant
    pad = margin / step_u + 1
    return _span(y, pad, scene.size), _span(x, pad, scene.size)


def _span(values: np.ndarray[tuple[int], np.dtype[np.float64]], pad: float, size: int) -> slice:
    """The clipped range of pixels around two ends."""
    low, high = int(values.min() - pad), int(values.max() + pad) + 1
    return slice(max(low, 0), max(min(high, size), 0))
