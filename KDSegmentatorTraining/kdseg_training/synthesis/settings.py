"""How samples vary: ranges and shares of everything that is random."""

from __future__ import annotations

from typing import Annotated, Tuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


def _ordered(bounds: Tuple[float, float]) -> Tuple[float, float]:
    if not 0 <= bounds[0] <= bounds[1]:
        raise ValueError("expected two numbers, the smaller one first, neither below 0")
    return bounds


Bounds = Annotated[Tuple[float, float], AfterValidator(_ordered)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class SpatialSettings(_Settings):
    """Where the label map comes to lie in the sample.

    Attributes
    ----------
    rotation_deg
        Largest angle about each axis; small ones are more frequent.
    scaling, shearing
        Largest relative change, per axis.
    translation_mm
        Largest shift of the head against the middle of the sample, along z, y and x.
    displacement_mm
        Range of the standard deviation of the smooth displacement at its control points.
    control_spacing_mm
        Range of the distance between control points.
    flip
        Share of samples that are mirrored, left and right labels exchanged.
    """

    rotation_deg: float = Field(default=30.0, ge=0, le=180)
    scaling: float = Field(default=0.2, ge=0, lt=1)
    shearing: float = Field(default=0.08, ge=0, lt=1)
    translation_mm: Tuple[float, float, float] = (45.0, 40.0, 30.0)
    displacement_mm: Bounds = (0.0, 4.0)
    control_spacing_mm: Bounds = (20.0, 45.0)
    flip: Share = 0.5

    @model_validator(mode="after")
    def _positive_spacing(self) -> SpatialSettings:
        if self.control_spacing_mm[0] <= 0:
            raise ValueError("control_spacing_mm: expected numbers above 0")
        return self


class ContrastSettings(_Settings):
    """Intensities of tissues; 1 is about the brightest.

    Attributes
    ----------
    t1, inverted, related, free
        Relative weights of four kinds of contrast: near T1-weighted ratios; the same turned round, as T2-weighted images look;
        grey, white and fluid tissues random but each near its kind; every tissue on its own.
    t1_jitter
        Standard deviation of single tissues about T1 ratios.
    deviation, t1_deviation
        Ranges of the standard deviation within a tissue.
    background_zero, background_any
        Shares of samples whose background is exactly 0, and as bright as any tissue; else it is dark and noisy.
    """

    t1: float = Field(default=0.4, ge=0)
    inverted: float = Field(default=0.15, ge=0)
    related: float = Field(default=0.2, ge=0)
    free: float = Field(default=0.25, ge=0)
    t1_jitter: float = Field(default=0.025, ge=0)
    deviation: Bounds = (0.01, 0.1)
    t1_deviation: Bounds = (0.01, 0.045)
    background_zero: Share = 0.45
    background_any: Share = 0.08

    @model_validator(mode="after")
    def _some_kind(self) -> ContrastSettings:
        if self.t1 + self.inverted + self.related + self.free <= 0:
            raise ValueError("t1, inverted, related, free: expected at least one weight above 0")
        return self


class StrippingSettings(_Settings):
    """Skull stripping, as tools do it: with margins of fluid, dura and skull, and with bits of the brain lost.

    Attributes
    ----------
    share
        Of samples.
    margin_mm
        Range of the mean distance between brain and mask; the mask runs up to it smoothly.
    roughness_mm
        Range of the standard deviation of that distance along the surface.
    """

    share: Share = 0.3
    margin_mm: Bounds = (0.0, 8.0)
    roughness_mm: Bounds = (0.0, 2.5)


class DegradationSettings(_Settings):
    """What a scanner does to the image.

    Attributes
    ----------
    bias
        Range of the standard deviation of the logarithm of the bias field at its control points.
    bias_points
        Smallest and largest number of control points along an axis.
    partial_volume_mm
        Range of the standard deviation of the blur that every sample has.
    gamma
        Standard deviation of the logarithm of gamma.
    noise
        Range of the standard deviation of noise that is added last; logarithmically uniform.
    noise_share
        Share of samples with such noise.
    thick_slices, slice_mm
        Share of samples with slices thicker than the grid, in one axis, and their thickness.
    low_resolution, voxel_mm
        Share of the other samples with larger voxels in all axes, and their size.
    """

    bias: Bounds = (0.0, 0.45)
    bias_points: Tuple[int, int] = (3, 5)
    partial_volume_mm: Bounds = (0.3, 0.9)
    gamma: float = Field(default=0.25, ge=0)
    noise: Bounds = (0.004, 0.08)
    noise_share: Share = 0.8
    thick_slices: Share = 0.25
    slice_mm: Bounds = (2.0, 6.5)
    low_resolution: Share = 0.2
    voxel_mm: Bounds = (1.5, 3.0)

    @model_validator(mode="after")
    def _usable(self) -> DegradationSettings:
        if not 2 <= self.bias_points[0] <= self.bias_points[1]:
            raise ValueError("bias_points: expected two numbers, the smaller one first, neither below 2")
        for name in ("noise", "slice_mm", "voxel_mm"):
            if getattr(self, name)[0] <= 0:
                raise ValueError(f"{name}: expected numbers above 0")
        return self


class FieldOfViewSettings(_Settings):
    """Images that do not show the whole head.

    Attributes
    ----------
    share
        Of samples that are cut.
    side
        Probability that a side is cut, in those.
    depth
        Largest part of the sample's size that one side loses.
    """

    share: Share = 0.3
    side: Share = 0.35
    depth: float = Field(default=0.3, ge=0, lt=0.5)


class Appearance(_Settings):
    """Everything that varies from sample to sample."""

    spatial: SpatialSettings = SpatialSettings()
    contrast: ContrastSettings = ContrastSettings()
    stripping: StrippingSettings = StrippingSettings()
    degradation: DegradationSettings = DegradationSettings()
    field_of_view: FieldOfViewSettings = FieldOfViewSettings()
