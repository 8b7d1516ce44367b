"""Rendering one study: anatomy, findings, attenuation, detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrbench.errors import BadRequest
from cxrbench.phantom.anatomy import breathe, draw_body, draw_pose
from cxrbench.phantom.detector import attenuation, expose
from cxrbench.phantom.extras import add_devices, collimate, stamp
from cxrbench.phantom.fields import Mask
from cxrbench.phantom.pathology import paint, remodel
from cxrbench.phantom.patient import Patient, Study, stream, study_stream
from cxrbench.phantom.scene import build, heart_mask
from cxrbench.phantom.skeleton import add_gas, add_skeleton, torso
from cxrbench.phantom.vessels import add_vessels

MIN_SIZE = 32
_STREAM_BODY = 2


@dataclass(frozen=True)
class Rendering:
    """A drawn radiograph and what is where in it.

    Attributes:
        image: uint8 size x size, bright is dense; the patient's left is on the right.
        findings_masks: The region of each label of the study, bool size x size.
        lungs: The projected lungs, the part behind the heart included, bool size x size.
        heart: The cardiac silhouette, bool size x size.
    """

    image: NDArray[np.uint8]
    findings_masks: dict[str, Mask]
    lungs: Mask
    heart: Mask


def render(patient: Patient, study: Study, *, seed: int, size: int = 256) -> Rendering:
    """Draw one study; the same arguments give the same pixels, whatever was drawn before.

    Args:
        patient: Whose body is drawn.
        study: One of the patient's studies.
        seed: The world's seed.
        size: Side of the square image in pixels.

    Raises:
        BadRequest: The size is below `MIN_SIZE`.
    """
    if size < MIN_SIZE:
        raise BadRequest(
            f"phantom images of {size} px cannot be drawn",
            why=f"ribs and vessels vanish below {MIN_SIZE} px",
            fix=f"ask for a size of {MIN_SIZE} or more",
        )
    fixed, moment = stream(seed, patient.index, _STREAM_BODY), study_stream(seed, study)
    body = draw_body(fixed, patient.sex, patient.age)
    body = remodel(breathe(body, moment, study.view), study.findings)
    scene = build(body, draw_pose(moment, study.view), size)
    add_skeleton(scene)
    add_vessels(scene, fixed)
    thickness = torso(scene, fixed)
    add_gas(scene, moment)
    masks = paint(scene, study.findings)
    add_devices(scene, study.view, moment)
    image = expose(attenuation(scene, thickness), study.view, moment)
    image = collimate(stamp(image, moment), moment)
    return Rendering(image, masks, scene.lungs, heart_mask(scene))
