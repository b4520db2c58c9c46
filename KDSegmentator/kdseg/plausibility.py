"""Does a volume look like what a student was made for? Doubts are told, never enforced: only the user knows."""

from __future__ import annotations

import math
from typing import Optional, Sequence, Tuple

import numpy as np

from kdseg.plans.model import ArrayOrientation
from kdseg.student import Student
from kdseg.volume import Volume

CT_AIR_HU = -500.0
"""Below it, in HU, lies air; every CT of a patient shows some, no magnitude MR image has such values."""

EXTENT_FACTOR = 10.0
"""How many times more or less of the patient a volume may show than the training data before that is doubted.

A student's usual inputs differ by less: a head with much air around it, or a slab of one. A crop of one structure given to a
student of the whole brain, or the other way round, differs by more than a hundred.
"""

AXES = ("LR", "PA", "IS")
"""Letters of the patient's axes, in the order of LPS."""

SLICES = ("sagittal", "coronal", "axial")
"""How slices are called that are stacked along each of them."""


def doubts(volume: Volume, student: Student) -> Tuple[str, ...]:
    """Return sentences about what does not fit the student: the modality, the order of the axes, and how much is shown.

    Parameters
    ----------
    volume
        Voxels of shape (channel, z, y, x); a CT in HU.
    student
        Its bundle names the modality as DICOM does, ``CT`` or ``MR``, and how the axes of its training data ran, such as
        ``RAS``; its plans may tell how large the training images were. What it does not name is not doubted.

    Returns
    -------
    tuple of str
        For people; empty if there is nothing to doubt.
    """
    return (*_modality_doubts(volume, student), *_axes_doubts(volume, student), *_extent_doubts(volume, student))


def _modality_doubts(volume: Volume, student: Student) -> Tuple[str, ...]:
    modality = student.document.get("modality")
    if modality not in ("CT", "MR"):
        return ()
    lowest = float(np.min(volume.voxels))
    if modality == "MR" and lowest <= CT_AIR_HU:
        return (f"The student was made for MR, but values down to {lowest:.0f} look like the Hounsfield units of a CT.",)
    if modality == "CT" and lowest > CT_AIR_HU:
        return (f"The student was made for CT in HU, but no value is below {lowest:.0f}: there is no air. Is this a CT in HU?",)
    return ()


def _axes_doubts(volume: Volume, student: Student) -> Tuple[str, ...]:
    """Doubt a volume whose axes run through the patient in another order than those of the training data.

    nnU-Net does not turn volumes, unless the model's reader does; then nothing is doubted. Axes that only run backwards are
    not doubted either.
    """
    if student.plan.orientation is not ArrayOrientation.NATIVE:
        return ()
    trained = _axes_of(str(student.document.get("orientation", {}).get("training_data", "")))
    found = tuple(int(axis) for axis in np.abs(volume.geometry.matrix).argmax(axis=0))
    if trained is None or found == trained or len(set(found)) != 3:
        return ()
    return (
        f"The student was trained on {SLICES[trained[2]]} slices, but these are {SLICES[found[2]]}"
        f"{'' if found[2] != trained[2] else ', turned by 90 degrees'}: the result will be poor. "
        "Turn the volume first, for example with Slicer's module Orient Scalar Volume.",
    )


def _extent_doubts(volume: Volume, student: Student) -> Tuple[str, ...]:
    """Doubt a volume that shows far more or far less of the patient than the training images did."""
    trained = student.plan.training_extent_mm
    geometry = volume.geometry
    found = [n * mm for n, mm in zip(geometry.shape, geometry.spacing_mm[::-1])]
    if trained is None:
        return ()
    ratio = math.prod(found) / math.prod(trained)
    if 1 / EXTENT_FACTOR <= ratio <= EXTENT_FACTOR:
        return ()
    advice = "Crop the volume to that region first" if ratio > 1 else "Give it an image that shows that much"
    return (
        f"The volume shows {_edges(found)}, but the student was trained on images of about {_edges(trained)}: "
        f"the result will be poor. {advice}, or choose another student.",
    )


def _edges(edges_mm: Sequence[float]) -> str:
    return f"{' × '.join(f'{edge:.0f}' for edge in sorted(edges_mm))} mm"


def _axes_of(code: str) -> Optional[Tuple[int, ...]]:
    """Return which LPS axis each letter of a code such as ``RAS`` belongs to; None if it is no such code."""
    axes = tuple(next((i for i, pair in enumerate(AXES) if letter in pair), -1) for letter in code)
    return axes if sorted(axes) == [0, 1, 2] else None
