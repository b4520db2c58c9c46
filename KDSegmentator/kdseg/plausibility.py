"""Does a volume look like what a student was made for? Doubts are told, never enforced: only the user knows."""

from __future__ import annotations

from typing import Tuple

import numpy as np

from kdseg.student import Student
from kdseg.volume import Volume

CT_AIR_HU = -500.0
"""Below it, in HU, lies air; every CT of a patient shows some, no magnitude MR image has such values."""


def doubts(volume: Volume, student: Student) -> Tuple[str, ...]:
    """Return sentences about what does not fit the student, from its modality and the values of the volume.

    Parameters
    ----------
    volume
        Voxels of shape (channel, z, y, x); a CT in HU.
    student
        Its bundle names the modality as DICOM does: ``CT`` or ``MR``. For any other nothing is doubted.

    Returns
    -------
    tuple of str
        For people; empty if there is nothing to doubt.
    """
    modality = student.document.get("modality")
    if modality not in ("CT", "MR"):
        return ()
    lowest = float(np.min(volume.voxels))
    if modality == "MR" and lowest <= CT_AIR_HU:
        return (f"The student was made for MR, but values down to {lowest:.0f} look like the Hounsfield units of a CT.",)
    if modality == "CT" and lowest > CT_AIR_HU:
        return (f"The student was made for CT in HU, but no value is below {lowest:.0f}: there is no air. Is this a CT in HU?",)
    return ()
