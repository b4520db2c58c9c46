"""From a volume to the array that the network sees, exactly as nnU-Net's ``DefaultPreprocessor`` makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.errors import ChannelError
from kdseg.plans.model import ArrayOrientation, ModelPlan, NormalizationScheme
from kdseg.preprocessing.cropping import Box, nonzero_box, nonzero_mask
from kdseg.preprocessing.normalization import normalize
from kdseg.preprocessing.orientation import Reorientation, reorientation_to_ras
from kdseg.preprocessing.resampling import resample_image, resampled_shape
from kdseg.volume import Volume

Shape = Tuple[int, int, int]


@dataclass(frozen=True)
class Placement:
    """How the network's grid lies in the input volume; what is needed to bring labels back.

    Attributes
    ----------
    reorientation
        From the file's axes to the axes that nnU-Net's reader gives.
    transpose_forward, transpose_backward
        nnU-Net's permutation after that and its inverse.
    shape_before_cropping
        Shape after reorientation and transpose.
    box
        The non-zero box in that array.
    spacing_mm, network_spacing_mm
        Spacing before and after resampling along the transposed axes, in mm.
    network_shape
        Shape after resampling.
    """

    reorientation: Reorientation
    transpose_forward: Shape
    transpose_backward: Shape
    shape_before_cropping: Shape
    box: Box
    spacing_mm: Tuple[float, float, float]
    network_spacing_mm: Tuple[float, float, float]
    network_shape: Shape

    @property
    def cropped_shape(self) -> Shape:
        """Shape of the box."""
        z, y, x = (s.stop - s.start for s in self.box)
        return z, y, x

    def orient(self, channels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the view of an array of shape (channel, z, y, x) in the order of axes that nnU-Net's reader gives."""
        axes = tuple(i + 1 for i in self.reorientation.permutation)
        return np.flip(channels.transpose((0, *axes)), tuple(i + 1 for i in self.reorientation.flipped))

    def transpose(self, oriented: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the view of an oriented array of shape (channel, …) in the transposed axes; not cropped."""
        return oriented.transpose((0, *(i + 1 for i in self.transpose_forward)))

    def to_volume_axes(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the view of the whole grid in the transposed axes as (z, y, x) of the file."""
        return self.reorientation.backward(array.transpose(self.transpose_backward))


def check_channels(volume: Volume, plan: ModelPlan) -> None:
    """Raise :class:`ChannelError` unless the volume has the channels the student was trained with."""
    if volume.channels != len(plan.channel_names):
        raise ChannelError(
            "The number of channels does not fit the student.",
            expected=f"{len(plan.channel_names)} ({', '.join(plan.channel_names)}), in this order",
            found=f"{volume.channels}",
            path=volume.source,
            remedy="Give one volume for each channel, or choose another student.",
        )


def place(volume: Volume, plan: ModelPlan) -> Placement:
    """Work out the network's grid for a volume, from its geometry and its non-zero voxels.

    Raises
    ------
    ChannelError
        If the number of channels does not fit.
    """
    check_channels(volume, plan)
    geometry = volume.geometry
    reorientation = reorientation_to_ras(geometry) if plan.orientation is ArrayOrientation.RAS else Reorientation()
    spacing_zyx = geometry.spacing_mm[::-1]
    oriented = [(geometry.shape[i], spacing_zyx[i]) for i in reorientation.permutation]
    transposed = [oriented[i] for i in plan.transpose_forward]
    shape = (transposed[0][0], transposed[1][0], transposed[2][0])
    spacing = (transposed[0][1], transposed[1][1], transposed[2][1])
    target = plan.spacing_mm if len(plan.spacing_mm) == 3 else (spacing[0], *plan.spacing_mm)
    unknown = Placement(
        reorientation,
        plan.transpose_forward,
        plan.transpose_backward,
        shape,
        (slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2])),
        spacing,
        (target[0], target[1], target[2]),
        (1, 1, 1),
    )
    box = nonzero_box(unknown.transpose(unknown.orient(volume.voxels)))
    cropped = [s.stop - s.start for s in box]
    network_shape = resampled_shape(cropped, spacing, target)
    fields = {**unknown.__dict__, "box": box, "network_shape": tuple(max(1, n) for n in network_shape)}
    return Placement(**fields)


def preprocess(volume: Volume, plan: ModelPlan, placement: Placement, step: Callable[[float], None]) -> npt.NDArray[np.float32]:
    """Transpose, crop, normalise and resample.

    Parameters
    ----------
    volume
        The input; it is not changed.
    plan
        The model's plan.
    placement
        From :func:`place` for this volume and plan.
    step
        Told the share that is done, after each channel.

    Returns
    -------
    numpy.ndarray
        Array of shape (channel, *network_shape), the same float32 values as nnU-Net's.

    Raises
    ------
    IntensityError
        If intensities leave the range a normalisation needs.
    """
    # nnU-Net works on a float32 copy of the whole file; NumPy's sums depend on its layout in memory
    channels = placement.transpose(np.array(placement.orient(volume.voxels), dtype=np.float32, order="C"))
    mask = None
    if any(n.use_mask and n.scheme is NormalizationScheme.Z_SCORE for n in plan.normalization):
        mask = nonzero_mask(channels, placement.box)
    image = np.empty((len(channels), *placement.network_shape), dtype=np.float32)
    for index, (channel, rule) in enumerate(zip(channels, plan.normalization)):
        cropped = channel[placement.box]
        normalize(cropped, rule, mask, volume.source)
        image[index] = resample_image(
            cropped, placement.network_shape, placement.spacing_mm, placement.network_spacing_mm, plan.image_resampling
        )
        step((index + 1) / len(channels))
    return image
