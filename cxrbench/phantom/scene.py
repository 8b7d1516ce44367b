"""The scene of one study: the body on a pixel grid, as thickness of each tissue along the beam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from cxrbench.phantom.anatomy import Body, Pose
from cxrbench.phantom.fields import CM, Field, Mask, bump, dome, ramp

ZONE_CENTRE: Mapping[str, float] = MappingProxyType({"upper": 0.24, "middle": 0.52, "lower": 0.80})
"""Height fraction of the lung zones' centres, 0 apex .. 1 diaphragm."""


@dataclass
class Scene:
    """Tissue thickness per pixel, in centimetres unless said otherwise, each size x size.

    Drawing a finding changes `soft` and `bone` (added tissue) and `opacity` (lung air replaced).

    Attributes:
        body: The anatomy after breathing and after the findings that change its shape.
        size: Side of the image in pixels.
        u: Signed distance from the midline; v: distance from the top, in image widths.
        w: Lateral fraction of the lung, 0 medial .. 1 lateral; s: height fraction, 0 apex .. 1
            diaphragm. Both run on beyond the lung.
        inside: Coverage of the lungs, 0..1.
        lung: Depth of the lungs, displaced by nothing.
        heart: Depth of the heart and great vessels.
        soft, bone: Other soft tissue and bone.
        opacity: Lung air replaced by fluid or tissue; negative where there is air in excess.
        vessels: Blood in the lungs.
    """

    body: Body
    size: int
    u: Field
    v: Field
    w: Field
    s: Field
    inside: Field
    lung: Field
    heart: Field
    soft: Field
    bone: Field
    opacity: Field
    vessels: Field

    @property
    def pixel(self) -> float:
        """Width of a pixel in image widths."""
        return 1 / self.size

    @property
    def lungs(self) -> Mask:
        """The projected lungs, the part behind the heart included."""
        return np.asarray(self.inside > 0.5)

    def half(self, side: str) -> Field:
        """1 on the patient's given side, 0 on the other."""
        return np.asarray(self.u > 0 if side == "left" else self.u < 0, dtype=np.float32)


def build(body: Body, pose: Pose, size: int) -> Scene:
    """Put the body on a grid of size x size pixels: lungs, heart and great vessels."""
    u, v = _coordinates(pose, size)
    inner, outer, bottom = body.medial(v), body.lateral(v), body.diaphragm(u)
    a = np.abs(u)
    w = (a - inner) / np.maximum(outer - inner, 0.02)
    s = (v - body.apex) / np.maximum(bottom - body.apex, 0.02)
    border = np.minimum(np.minimum(a - inner, outer - a), np.minimum(bottom - v, v - body.apex))
    inside = ramp(border, 1.5 / size)
    across = np.clip(4 * w * (1 - w), 0, 1) ** np.float32(0.35)
    below = np.clip((bottom - v) / 0.10, 0, 1) ** np.float32(0.4)
    above = np.clip((v - body.apex) / 0.16, 0, 1) ** np.float32(0.5)
    lung = 17 * inside * across * below * above
    heart = _heart(body, u, v)
    zero = np.zeros_like(u)
    return Scene(
        body, size, u, v, w, s, inside, lung, heart, zero, zero.copy(), zero.copy(), zero.copy()
    )


def _coordinates(pose: Pose, size: int) -> tuple[Field, Field]:
    """Body coordinates of the pixel centres under a pose."""
    line = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size) - 0.5
    x, y = line[None, :], line[:, None]
    cos, sin = np.cos(pose.tilt) / pose.zoom, np.sin(pose.tilt) / pose.zoom
    u = x * cos + y * sin - pose.du
    v = y * cos - x * sin - pose.dv + 0.5
    return u.astype(np.float32), v.astype(np.float32)


def _heart(body: Body, u: Field, v: Field) -> Field:
    """Depth of the heart, the aortic knob, the pulmonary trunk and the superior vena cava."""
    r = body.heart
    du, dv = u - 0.40 * r, v - (body.base - 0.075)
    along, across = 0.78 * du + 0.62 * dv, 0.78 * dv - 0.62 * du
    ventricles = dome(np.hypot(along / (1.14 * r), across / (0.82 * r)))
    atrium = dome(np.hypot((u + 0.16 * r) / (0.46 * r), (v - body.base + 0.07) / (0.72 * r)))
    knob = dome(np.hypot((u - 0.040), 0.8 * (v - body.apex - 0.175)) / (body.aorta + 0.006))
    waist = body.apex + 0.33
    trunk = dome(np.hypot((u - 0.02 - 0.25 * (v - waist)) / 0.058, (v - waist) / 0.15))
    cava = ramp(0.052 + u, 0.012) * (u < 0) * bump(v - body.apex - 0.2, 0.12)
    depth = np.maximum(10 * np.sqrt(ventricles), 8 * np.sqrt(atrium))
    vessels = np.maximum(5 * np.sqrt(knob), 4 * np.sqrt(trunk))
    out: Field = np.maximum(np.maximum(depth, vessels), 3 * cava)
    return out


def heart_mask(scene: Scene) -> Mask:
    """The cardiac silhouette: the heart above the diaphragm, without the great vessels."""
    low = scene.v > scene.body.apex + 0.30
    return np.asarray((scene.heart > 3.0) & low & (scene.v < scene.body.diaphragm(scene.u) + CM))
