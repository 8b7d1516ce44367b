"""Patients and their studies: who is imaged, how, and with what findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from cxrbench.errors import BadRequest
from cxrbench.phantom.catalogue import CATALOGUE, CAUSES, LABELS, Side, Zone

Sex = Literal["M", "F"]
View = Literal["PA", "AP"]
MAX_STUDIES = 8
_STREAM_PATIENT, _STREAM_STUDY = 0, 1


@dataclass(frozen=True)
class Finding:
    """One finding of one study.

    Attributes:
        label: A key of the catalogue.
        sides: The patient's sides it shows on; both for midline findings.
        zone: The lung zone it is centred in.
        severity: 0 (barely visible) .. 1 (gross).
        seed: Fixes its shape; kept between the studies of a patient, as a scar or a mass is.
    """

    label: str
    sides: tuple[Side, ...]
    zone: Zone
    severity: float
    seed: int


@dataclass(frozen=True)
class Study:
    """One frontal radiograph of a patient; `number` counts from 0, `age` is in years."""

    patient: int
    number: int
    age: int
    view: View
    findings: tuple[Finding, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the study in catalogue order; empty when nothing is found."""
        return tuple(finding.label for finding in self.findings)


@dataclass(frozen=True)
class Patient:
    """A patient: `index` counts from 1, `age` is that at the first study."""

    index: int
    sex: Sex
    age: int
    studies: tuple[Study, ...]


def stream(seed: int, patient: int, *key: int) -> np.random.Generator:
    """An independent PCG64 stream of a world, by patient and purpose.

    Any patient, study or image can be made alone: no stream depends on another's use.

    Args:
        seed: The world's seed, not negative.
        patient: Index of the patient.
        key: What the stream is for.
    """
    if seed < 0:
        raise BadRequest(
            f"phantom seed {seed} is negative", why="seeds count from 0", fix="give a seed >= 0"
        )
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(patient, *key)))
    )


def study_stream(seed: int, study: Study) -> np.random.Generator:
    """The stream that positions the patient and exposes the detector in one study."""
    return stream(seed, study.patient, _STREAM_STUDY, study.number)


def draw_patient(seed: int, index: int, prevalences: Mapping[str, float] | None = None) -> Patient:
    """Draw one patient with all studies.

    Older patients have more chronic disease, sicker ones more studies and more bedside (AP)
    films; findings persist from study to study as far as the catalogue says.

    Args:
        seed: The world's seed.
        index: The patient's index, counted from 1.
        prevalences: Share of images per label, 0..1, overriding the catalogue's defaults.

    Raises:
        BadRequest: An unknown label, a prevalence outside 0..1, or a negative seed.
    """
    thresholds = _thresholds(prevalences or {})
    rng = stream(seed, index, _STREAM_PATIENT)
    lasting = rng.standard_normal(len(CAUSES))
    illness, _, chronic, _ = lasting
    age = int(np.clip(51 + 6 * illness + 8 * chronic + 13 * rng.standard_normal(), 18, 94))
    sex: Sex = "M" if 0.25 * chronic + rng.standard_normal() > -0.1 else "F"
    count = int(np.clip(1 + rng.poisson(1.5 * np.exp(0.45 * illness - 0.1)), 1, MAX_STUDIES))
    own = rng.standard_normal(len(LABELS))
    shapes = [_draw_place(label, rng) for label in LABELS]
    base = rng.beta(1.7, 1.5, len(LABELS))
    studies = []
    for number in range(count):
        causes = _study_causes(lasting, rng)
        latent = _latents(causes, own, rng)
        severity = np.clip(base + 0.12 * rng.standard_normal(len(LABELS)), 0.02, 1.0)
        findings = tuple(
            Finding(label, *shapes[i][:2], severity=float(severity[i]), seed=shapes[i][2])
            for i, label in enumerate(LABELS)
            if latent[i] > thresholds[i]
        )
        bedside = 0.65 * causes[0] + 0.76 * rng.standard_normal() > 0.3
        studies.append(Study(index, number, age + number // 2, "AP" if bedside else "PA", findings))
    return Patient(index, sex, age, tuple(studies))


def _thresholds(overrides: Mapping[str, float]) -> NDArray[np.float64]:
    """The latent value above which each label is present."""
    for label, value in overrides.items():
        if label not in CATALOGUE or not 0 <= value <= 1:
            raise BadRequest(
                f"phantom prevalence {label!r}: {value} cannot be used",
                why="a prevalence is a share from 0 to 1 of a label the phantom knows",
                fix=f"use labels among {', '.join(LABELS)}",
            )
    shares = np.array([overrides.get(label, CATALOGUE[label].prevalence) for label in LABELS])
    return np.asarray(-ndtri(shares), dtype=np.float64)


def _study_causes(lasting: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The causes at one study: standard normal; chronic ones last, infections pass."""
    kept = np.array([0.8, 0.95, 1.0, 0.4])
    fresh: NDArray[np.float64] = rng.standard_normal(len(CAUSES))
    causes: NDArray[np.float64] = kept * lasting + np.sqrt(1 - kept**2) * fresh
    return causes


def _latents(
    causes: NDArray[np.float64], own: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Standard normal latents of all labels at one study."""
    loadings = np.array([CATALOGUE[label].loadings for label in LABELS])
    kept = np.array([CATALOGUE[label].persistence for label in LABELS])
    fresh: NDArray[np.float64] = rng.standard_normal(len(LABELS))
    rest = np.sqrt(1 - (loadings**2).sum(axis=1))
    noise = np.sqrt(kept) * own + np.sqrt(1 - kept) * fresh
    latents: NDArray[np.float64] = loadings @ causes + rest * noise
    return latents


def _draw_place(label: str, rng: np.random.Generator) -> tuple[tuple[Side, ...], Zone, int]:
    """Sides, zone and shape seed of a label in one patient."""
    kind = CATALOGUE[label]
    zone = kind.zones[int(rng.integers(len(kind.zones)))]
    right, second, shape = bool(rng.random() < 0.55), rng.random(), int(rng.integers(2**31))
    side: Side = "right" if right else "left"
    both: tuple[Side, ...] = ("right", "left")
    if kind.spread in ("both", "midline") or (kind.spread == "often-both" and second < 0.4):
        return both, zone, shape
    return (side,), zone, shape
