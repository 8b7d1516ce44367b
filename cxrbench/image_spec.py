"""What an encoder wants its images to look like. Free of torch, so cards can hold it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Triple = tuple[float, float, float]


class ImageSpec(BaseModel):
    """Geometry and normalisation of an encoder's input.

    The geometry is applied to the 8-bit grey image, which is then scaled to 0..1, repeated to
    three channels and normalised with `mean` and `std`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    size: tuple[int, int] = Field(description="Height and width in pixels of the encoder's input.")
    resize: Literal["squash", "short_side_crop", "pad_square"] = Field(
        description=(
            "`squash` ignores the aspect ratio; `short_side_crop` scales the short side, then "
            "crops the centre; `pad_square` scales the long side, then pads with black."
        )
    )
    interpolation: Literal["bilinear", "bicubic", "lanczos"] = "bicubic"
    crop_fraction: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Centre part kept of each side after scaling and padding.",
    )
    mean: Triple = Field(description="Per-channel mean, on the 0..1 scale.")
    std: Triple = Field(description="Per-channel standard deviation, on the 0..1 scale.")

    @property
    def geometry(self) -> str:
        """A short name of everything that decides the pixels before normalisation."""
        height, width = self.size
        return f"{height}x{width}-{self.resize}-{self.interpolation}-{self.crop_fraction:g}"

    @property
    def in_words(self) -> str:
        """Geometry and normalisation as a sentence without verbs."""
        height, width = self.size
        kept = f", the centre {self.crop_fraction:.1%}" if self.crop_fraction < 1 else ""
        how = {
            "squash": "scaled to fit, aspect ratio not kept",
            "short_side_crop": "short side scaled, centre cropped",
            "pad_square": "long side scaled, padded with black to a square",
        }[self.resize]
        mean, std = (_once(values) for values in (self.mean, self.std))
        return (
            f"{height}×{width} pixels, {how}{kept} ({self.interpolation}); 0..1, mean {mean}, "
            f"std {std}"
        )


def _once(values: Triple) -> str:
    """Three numbers, or one where they are equal."""
    return " ".join(f"{value:g}" for value in (values[:1] if len(set(values)) == 1 else values))
