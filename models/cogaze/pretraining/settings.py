"""What is optimised: every difference of the published text from the released code by name."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LABELS = 14
"""Observations of CheXpert, the label `No Finding` included."""

_PRESETS: dict[str, dict[str, Any]] = {
    "paper": {"label_loss": "focal", "gaze": {"weights": (0.8, 0.2)}},
    "released": {"label_loss": "bce", "gaze": {"weights": (0.2, 0.8)}},
}


class GazeSettings(BaseModel):
    """The term that pulls transcripts to where the reader looked while speaking."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["jsd", "mse", "iou", "mask"] = Field(
        default="jsd",
        description="Jensen-Shannon divergence, or an alternative of the paper's Tables 7 and 8.",
    )
    rho: float | None = Field(
        default=0.25,
        gt=0,
        le=1,
        description="Share of the looked-at cells that is kept, the strongest; None keeps all.",
    )
    weights: tuple[float, float] = Field(
        description="Of the directions transcript to patch, and patch to transcript."
    )
    weight: float = Field(default=1.0, ge=0, description="Of the term in the total.")
    share: float = Field(
        default=1.0, gt=0, le=1, description="Part of the gaze recordings that is used."
    )


class PretrainingSettings(BaseModel):
    """The objective of one pretraining run.

    Attributes:
        preset: Fills in what is not given: `paper` as the paper says, `released` as the released
            code computes. They differ in the label loss and in which direction of the gaze term
            weighs 0.8; the class weights are those of the code in both (see `class_weights`).
        use_context: Whether the images are told their clinical context.
        context_dropout: Share of the contexts that is hidden in training, drawn anew for every
            batch. 0 in paper and code; where every training image has a context, it is what an
            encoder learns from to do without.
        positives: `hybrid`: all reports of an image's study are its positives; `single`: its own.
        gaze: None leaves the term out.
        label_loss: Class-weighted binary cross-entropy, or its focal form.
        gamma: Exponent of the focal form.
        label_weight: Of each of the two label terms in the total; 0 leaves them out.
        class_weights: `normalised`: class-balanced weights that sum to the number of labels (the
            released code, and the class-balanced loss that the paper cites); `plain`: the same
            weights as the paper prints their formula; `none`. Both presets take `normalised`: as
            printed, the weights of a data set as large as MIMIC-CXR are about 1e-4 and would
            switch the term off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Literal["paper", "released"] = "paper"
    use_context: bool = True
    context_dropout: float = Field(default=0.0, ge=0, lt=1)
    positives: Literal["hybrid", "single"] = "hybrid"
    gaze: GazeSettings | None
    label_loss: Literal["bce", "focal"]
    gamma: float = Field(default=0.2, ge=0)
    label_weight: float = Field(default=0.5, ge=0)
    class_weights: Literal["normalised", "plain", "none"] = "normalised"

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        chosen = _PRESETS.get(data.get("preset", "paper"), {})
        filled = {**chosen, **data}
        if isinstance(filled.get("gaze"), dict):
            filled["gaze"] = {**chosen.get("gaze", {}), **filled["gaze"]}
        return filled
