"""How a NIfTI header places its voxels in the patient: the qform, the sform, and whether they agree."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from kdseg.errors import GeometryError
from kdseg.io.findings import FindingLog
from kdseg.io.raster import check_axes, check_finite, orientation_unknown

AFFINE_TOLERANCE = 1e-2
"""Largest difference between an element of the sform and of the qform, and between a spacing and its axis' length, in mm."""

_REPAIR = "Repair the header, or convert the original DICOM series again."


def check_orientation(fields: npt.NDArray[Any], path: str, log: FindingLog) -> None:
    """Check the sform and the qform of a header, each alone and one against the other.

    Raises
    ------
    GeometryError
        If one is no rotation with the spacing of ``pixdim``, or they contradict each other; when strict, if neither is there.
    """
    codes = {"qform": int(fields["qform_code"]), "sform": int(fields["sform_code"])}
    for name, code in codes.items():
        if not 0 <= code <= 5:
            raise GeometryError(f"The {name} code is unknown.", expected="0 to 5", found=str(code), path=path, remedy=_REPAIR)
    qform = _qform(fields, path) if codes["qform"] else None
    sform = _sform(fields, path) if codes["sform"] else None
    if qform is not None and sform is not None:
        difference = float(np.abs(qform - sform).max())
        if difference > AFFINE_TOLERANCE:
            raise GeometryError(
                "sform and qform contradict each other.",
                expected=f"equal affine matrices within {AFFINE_TOLERANCE} mm",
                found=f"a difference of {difference:.4g} mm",
                path=path,
                remedy="Remove the wrong one, for example with FSL's fslorient, or convert the original DICOM series again.",
            )
    if qform is None and sform is None:
        log.fault(orientation_unknown(path, "sform code 0 and qform code 0"))


def _qform(fields: npt.NDArray[Any], path: str) -> npt.NDArray[np.float64]:
    """Return the affine of the qform, shape (3, 4), RAS, in mm."""
    b, c, d = (float(v) for v in fields["quaternion"])
    offset = [float(v) for v in fields["qoffset"]]
    check_finite([b, c, d, *offset], "qform", path)
    remainder = 1.0 - (b * b + c * c + d * d)
    if remainder < -1e-3:
        raise GeometryError(
            "The quaternion is no rotation.",
            expected="b² + c² + d² of at most 1",
            found=f"{1 - remainder:.6g}",
            path=path,
            remedy=_REPAIR,
        )
    if remainder < 1e-7:  # nifti_clib: a rotation by 180°
        norm = math.sqrt(b * b + c * c + d * d)
        a, b, c, d = 0.0, b / norm, c / norm, d / norm
    else:
        a = math.sqrt(remainder)
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    steps = np.array(fields["pixdim"][1:4], dtype=np.float64)
    if fields["pixdim"][0] < 0:
        steps[2] = -steps[2]
    return np.column_stack([rotation * steps, offset])


def _sform(fields: npt.NDArray[Any], path: str) -> npt.NDArray[np.float64]:
    """Return the affine of the sform, shape (3, 4), RAS, in mm; its steps agree with pixdim."""
    affine = np.array(fields["srow"], dtype=np.float64)
    check_finite(affine.ravel().tolist(), "sform", path)
    check_axes(affine[:, :3], path)
    lengths = np.sqrt((affine[:, :3] ** 2).sum(axis=0))
    spacing = np.array(fields["pixdim"][1:4], dtype=np.float64)
    if np.abs(lengths - spacing).max() > AFFINE_TOLERANCE:
        raise GeometryError(
            "The spacing (pixdim) and the sform contradict each other.",
            expected=f"steps of {spacing.tolist()} mm within {AFFINE_TOLERANCE} mm",
            found=f"steps of {np.round(lengths, 6).tolist()} mm",
            path=path,
            remedy=_REPAIR,
        )
    return affine
