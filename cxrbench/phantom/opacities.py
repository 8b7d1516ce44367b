"""Painters of findings in the lung itself and behind the heart (see `pathology`)."""

from __future__ import annotations

import numpy as np

from cxrbench.phantom.catalogue import Side
from cxrbench.phantom.fields import CM, Field, Mask, bump, dome, noise, ramp
from cxrbench.phantom.patient import Finding
from cxrbench.phantom.scene import ZONE_CENTRE, Scene


def consolidation(scene: Scene, finding: Finding, rng: np.random.Generator) -> Mask:
    """Air spaces filled: one dense patch with a fairly sharp border and air bronchograms."""
    return _patches(scene, finding, rng, count=1, depth=4.0 + 5.0 * finding.severity, sharp=0.22)


def pneumonia(scene: Scene, finding: Finding, rng: np.random.Generator) -> Mask:
    """A patchy, medium dense opacity of one zone, with a satellite."""
    return _patches(scene, finding, rng, count=2, depth=2.8 + 3.8 * finding.severity, sharp=0.4)


def infiltration(scene: Scene, finding: Finding, rng: np.random.Generator) -> Mask:
    """Faint, ill-defined patches."""
    return _patches(scene, finding, rng, count=3, depth=1.8 + 2.4 * finding.severity, sharp=0.75)


def _patches(
    scene: Scene,
    finding: Finding,
    rng: np.random.Generator,
    *,
    count: int,
    depth: float,
    sharp: float,
) -> Mask:
    """Ragged patches in the finding's zone, `depth` centimetres of air replaced at the centre."""
    cover = np.zeros_like(scene.u)
    ragged = noise(rng, 12, scene.size)
    for side in finding.sides:
        for index in range(count):
            w = 0.25 + 0.5 * float(rng.random())
            s = ZONE_CENTRE[finding.zone] + 0.16 * (float(rng.random()) - 0.5) - 0.10 * index
            radius = (0.055 + 0.045 * finding.severity) * (1 - 0.2 * index)
            blob = _distance(scene, side, w, s) / radius - 0.22 * ragged
            cover = np.maximum(cover, ramp(1 - blob, 2 * sharp) * scene.half(side))
    cover *= scene.inside
    scene.opacity += depth * cover * (1 + 0.06 * noise(rng, 48, scene.size))
    return _region(cover)


def edema(scene: Scene, finding: Finding, rng: np.random.Generator) -> Mask:
    """Both lungs hazy around the hila and downwards, vessels distended, septal lines."""
    depth = 1.0 + 3.6 * finding.severity
    wing = bump((scene.w - 0.30) / 0.38, 1.0) * bump((scene.s - 0.62) / 0.30, 1.0)
    cover = wing * scene.inside * (1 + 0.22 * noise(rng, 14, scene.size))
    lines = np.clip(noise(rng, 80, scene.size), 0, None) * ramp(scene.w - 0.7, 0.3)
    scene.opacity += depth * cover + 0.35 * finding.severity * lines * ramp(scene.s - 0.5, 0.3)
    scene.vessels *= 1 + 0.4 * finding.severity
    return _region(cover)


def emphysema(scene: Scene, finding: Finding, rng: np.random.Generator) -> Mask:
    """Sparse vessels and bullae; `remodel` has flattened the diaphragm. The region: the lungs."""
    scene.vessels *= 1 - 0.45 * finding.severity * ramp(scene.w - 0.3, 0.3)
    for side in finding.sides:
        for _ in range(2):
            w, s = 0.3 + 0.5 * float(rng.random()), 0.12 + 0.25 * float(rng.random())
            radius = 0.03 + 0.03 * float(rng.random())
            r = _distance(scene, side, w, s) / radius
            scene.opacity -= 1.6 * finding.severity * dome(r) * scene.half(side)
            scene.opacity += 0.45 * bump(r - 1, 0.06) * scene.half(side) * scene.inside
    return scene.lungs


def fibrosis(scene: Scene, finding: Finding, rng: np.random.Generator) -> Mask:
    """A coarse net of lines along the pleura, densest in the finding's zone."""
    fine, coarse = noise(rng, 56, scene.size), noise(rng, 30, scene.size)
    net = bump(fine, 0.28) + 0.8 * bump(coarse, 0.2)
    rim = ramp(scene.w - 0.45, 0.7) + 0.25
    where = rim * bump((scene.s - ZONE_CENTRE[finding.zone]) / 0.26, 1.0) * scene.inside
    where *= sum(scene.half(side) for side in finding.sides)
    scene.opacity += (0.6 + 1.3 * finding.severity) * where * (net + 0.4)
    return _region(where)


def atelectasis(scene: Scene, finding: Finding, rng: np.random.Generator) -> Mask:
    """Plates of collapsed lung: bands across the zone, with haze around them."""
    cover = np.zeros_like(scene.u)
    for side in finding.sides:
        for index in range(1 + int(rng.integers(1, 3))):
            w, s = (
                0.35 + 0.25 * float(rng.random()),
                ZONE_CENTRE[finding.zone] + 0.08 - 0.10 * index,
            )
            u0, v0 = scene.body.place(side, w, s)
            slope = 0.35 * float(rng.standard_normal())
            along, across = scene.u - u0, scene.v - v0 - slope * (scene.u - u0)
            bend = 2.0 * float(rng.standard_normal()) * along * along
            reach = 0.05 + 0.06 * finding.severity
            band = bump(across - bend, 0.006 + 0.006 * finding.severity)
            cover = np.maximum(cover, band * ramp(reach - np.abs(along), 0.03) * scene.half(side))
        haze = bump((scene.s - ZONE_CENTRE[finding.zone] - 0.12) / 0.14, 1.0) * scene.half(side)
        scene.opacity += (0.4 + 1.6 * finding.severity) * haze * scene.inside
    cover *= scene.inside
    scene.opacity += (2.2 + 2.6 * finding.severity) * cover
    return _region(cover)


def mass(scene: Scene, finding: Finding, rng: np.random.Generator) -> Mask:
    """A lobulated ball of 3 to 8 cm."""
    return _ball(scene, finding, rng, radius=(1.6 + 2.2 * finding.severity) * CM, lobes=0.07)


def nodule(scene: Scene, finding: Finding, rng: np.random.Generator) -> Mask:
    """One to three small balls of 1 to 3 cm."""
    region = np.zeros(scene.u.shape, dtype=bool)
    for _ in range(int(rng.integers(1, 4))):
        radius = (0.55 + 0.75 * finding.severity) * CM
        region |= _ball(scene, finding, rng, radius=radius, lobes=0.05)
    return region


def _ball(
    scene: Scene, finding: Finding, rng: np.random.Generator, *, radius: float, lobes: float
) -> Mask:
    """One ball of soft tissue somewhere in the finding's zone."""
    side = finding.sides[0]
    w = 0.22 + 0.56 * float(rng.random())
    s = ZONE_CENTRE[finding.zone] + 0.22 * (float(rng.random()) - 0.5)
    turn, phase = 0.5 * float(rng.standard_normal()), rng.random(2)
    u0, v0 = scene.body.place(side, w, s)
    du, dv = scene.u - u0, scene.v - v0
    angle = np.arctan2(dv, du) + turn
    wobble = np.sin(3 * angle + 6.3 * phase[0]) + 0.6 * np.sin(5 * angle + 6.3 * phase[1])
    r = np.hypot(du, dv) / (radius * (1 + lobes * wobble))
    depth = dome(r)
    scene.opacity += 2 * radius / CM * 0.95 * np.sqrt(depth)
    return _region(depth * (scene.inside > 0))


def hernia(scene: Scene, finding: Finding, rng: np.random.Generator) -> Mask:
    """Stomach above the diaphragm: a round shadow behind the heart, with an air-fluid level."""
    radius = (1.9 + 1.7 * finding.severity) * CM
    u0 = 0.015 + 0.03 * float(rng.standard_normal())
    v0 = scene.body.base_left + 0.005 - radius
    r = np.hypot((scene.u - u0) / 1.15, scene.v - v0) / radius
    level = v0 - 0.15 * radius
    wall = ramp(1 - r, 0.06)
    scene.soft += 2.0 * np.sqrt(dome(r))
    air = dome(r / 0.88) * ramp(level - scene.v, 0.006)
    scene.soft -= (2.2 + 2 * finding.severity) * air
    return _region(wall)


def _distance(scene: Scene, side: Side, w: float, s: float) -> Field:
    """Distance to the point of one lung at fractions (w, s), in image widths."""
    u0, v0 = scene.body.place(side, w, s)
    distance: Field = np.hypot(scene.u - u0, scene.v - v0)
    return distance


def _region(cover: Field) -> Mask:
    """Where the cover is more than a third of its peak."""
    return np.asarray(cover > float(cover.max()) / 3)
