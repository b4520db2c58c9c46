"""What nnU-Net's ``plans.json`` and ``dataset.json`` say about inference, as objects that cannot be invalid."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional, Tuple

from kdseg.sides import LEFT_RIGHT_AXIS


class NormalizationScheme(str, Enum):
    """nnU-Net's intensity normalisations, by class name (``nnunetv2.preprocessing.normalization``)."""

    Z_SCORE = "ZScoreNormalization"
    CT = "CTNormalization"
    NONE = "NoNormalization"
    RESCALE_TO_01 = "RescaleTo01Normalization"
    RGB_TO_01 = "RGBTo01Normalization"


class ArrayOrientation(str, Enum):
    """Orientation of the array that the network saw, fixed by the reader class of the training data.

    ``native`` is the order of the file; ``ras`` is what nnU-Net's ``…WithReorient`` readers produce.
    """

    NATIVE = "native"
    RAS = "ras"


@dataclass(frozen=True)
class IntensityProperties:
    """Foreground intensities of the training set for :attr:`NormalizationScheme.CT`, in the image's units (HU)."""

    mean: float
    std: float
    percentile_00_5: float
    percentile_99_5: float


@dataclass(frozen=True)
class ChannelNormalization:
    """How one channel is normalised; ``intensities`` is there exactly for CT."""

    scheme: NormalizationScheme
    use_mask: bool
    intensities: Optional[IntensityProperties] = None


@dataclass(frozen=True)
class Resampling:
    """Arguments of nnU-Net's ``resample_data_or_seg_to_shape``: spline orders in plane and along the separate axis."""

    order: int
    order_z: int
    force_separate_z: Optional[bool]


@dataclass(frozen=True)
class LabelSystem:
    """nnU-Net's label manager.

    Attributes
    ----------
    names
        Foreground names with their integers, in the order of ``dataset.json``; a region has several integers.
    heads
        Number of channels of the logits.
    region_order
        For region-based training the integer painted for each head, in painting order (``regions_class_order``); else None.
    ignore_label
        The integer that marks unlabelled voxels in training; never predicted.
    """

    names: Tuple[Tuple[str, Tuple[int, ...]], ...]
    heads: int
    region_order: Optional[Tuple[int, ...]] = None
    ignore_label: Optional[int] = None

    @property
    def has_regions(self) -> bool:
        """Whether heads are overlapping regions (sigmoid) instead of exclusive labels (softmax)."""
        return self.region_order is not None

    @property
    def foreground_labels(self) -> Tuple[int, ...]:
        """Every integer above 0 that may appear in the label map, ascending."""
        return tuple(sorted({v for _, values in self.names for v in values if v > 0}))

    @property
    def dtype(self) -> str:
        """Integer type of the label map, as nnU-Net chooses it."""
        return "uint8" if len(self.foreground_labels) < 255 else "uint16"


@dataclass(frozen=True)
class ModelPlan:
    """One configuration of a trained nnU-Net, as far as inference needs it.

    Attributes
    ----------
    dataset_name, configuration, network_class
        For cards and reports.
    features_per_stage
        Channels of the encoder's stages, the full resolution first; the estimate of memory follows from them.
    channel_names
        Names of the input channels, in order.
    patch_size
        Tile of the network in voxels along its 2 or 3 spatial axes.
    spacing_mm
        Spacing that the network saw along the axes of ``patch_size``, in mm.
    transpose_forward, transpose_backward
        Axis permutation of (z, y, x) before and after the network.
    normalization
        One entry for each channel.
    image_resampling, logits_resampling
        Spline orders for the image and for the logits.
    labels
        Labels or regions of the heads.
    orientation
        Orientation of the array that the network saw.
    training_extent_mm
        Edges of the median training image, cropped to what is not 0, along the axes of the network, in mm; None if not stated.
    """

    dataset_name: str
    configuration: str
    network_class: str
    features_per_stage: Tuple[int, ...]
    channel_names: Tuple[str, ...]
    patch_size: Tuple[int, ...]
    spacing_mm: Tuple[float, ...]
    transpose_forward: Tuple[int, int, int]
    transpose_backward: Tuple[int, int, int]
    normalization: Tuple[ChannelNormalization, ...]
    image_resampling: Resampling
    logits_resampling: Resampling
    labels: LabelSystem
    orientation: ArrayOrientation
    training_extent_mm: Optional[Tuple[float, float, float]] = None

    @property
    def left_right_axis(self) -> Optional[int]:
        """Spatial axis of a patch that is x of the array, from left to right in RAS; None for slices across it."""
        axis = self.transpose_forward.index(LEFT_RIGHT_AXIS) - (3 - len(self.patch_size))
        return None if axis < 0 else axis

    @property
    def is_2d(self) -> bool:
        """Whether the network sees slices instead of volumes."""
        return len(self.patch_size) == 2
