"""Volume nodes as NRRD files: the voxels as they are stored, the geometry to the last digit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, List, Sequence, Tuple

import numpy as np
import numpy.typing as npt
from vtk.util.numpy_support import vtk_to_numpy

from kdseg.atomic import atomic_path
from kdseg.errors import ChannelError, GeometryError, InputError, PathLike
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.mrml.geometry import geometry_of, lps_steps
from KDSegmentatorLib.mrml.nodes import class_of, is_node, name_of

SAME_GRID_TOLERANCE_MM = 1e-2
"""Largest distance between the same corner of two channels, in mm; as when channels are read from files."""

_NRRD_TYPES = {
    "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "i4": "int32", "u4": "uint32", "i8": "int64", "u8": "uint64",
    "f4": "float", "f8": "double",
}  # fmt: skip


def export_volume(volume_node: Any, folder: PathLike, name: str = "volume") -> Path:
    """Write a volume node to ``folder`` and return the path.

    The voxels are written in their own type, without scaling and without the parent transform; the node is not changed and
    no copy of its voxels is made.

    Parameters
    ----------
    volume_node
        A ``vtkMRMLScalarVolumeNode`` of any scalar type.
    folder
        Where the file goes; it must exist.
    name
        File name without suffix.

    Raises
    ------
    InputError
        If the node is not an image (a label map, a transform …), or holds no voxels.
    ChannelError
        If a voxel holds several numbers (colour, vector, diffusion).
    GeometryError
        If the axes are not perpendicular or the spacing is impossible.
    OutputError
        If the file cannot be written.
    """
    voxels = voxels_of(volume_node)
    geometry_of(volume_node)  # refuses a grid that cannot be used
    target = Path(folder) / f"{name}.nrrd"
    write_nrrd(target, voxels, *lps_steps(volume_node))
    return target


def write_nrrd(target: Path, voxels: npt.NDArray[Any], steps: npt.NDArray[np.float64], origin: npt.NDArray[np.float64]) -> None:
    """Write voxels as they are, plane by plane.

    Parameters
    ----------
    target
        The file.
    voxels
        Shape (k, j, i), of an integer or floating-point type.
    steps
        Step from voxel to voxel in LPS, in mm; one column for each of i, j and k.
    origin
        Centre of the first voxel in LPS, in mm.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with atomic_path(target) as temporary, open(temporary, "wb") as file:
        file.write(_header(voxels.dtype, voxels.shape, steps, origin))
        for plane in voxels:
            file.write(np.ascontiguousarray(plane).data)


def export_volumes(volume_nodes: Sequence[Any], folder: PathLike) -> Tuple[Path, ...]:
    """Write one file for each channel, in the order given; nothing is written if the nodes do not fit each other.

    Raises
    ------
    GeometryError
        If the volumes lie on different grids or under different transforms (both are named); else as :func:`export_volume`.
    """
    check_channels(volume_nodes)
    return tuple(export_volume(node, folder, f"channel_{index:04d}") for index, node in enumerate(volume_nodes))


def check_channels(volume_nodes: Sequence[Any]) -> None:
    """Raise the errors of :func:`export_volumes`, without writing anything."""
    if not volume_nodes:
        raise ChannelError(_("No volume was given."), expected=_("one volume for each channel"), found=_("none"))
    first = volume_nodes[0]
    for node in volume_nodes:
        voxels_of(node)
    grid = geometry_of(first)
    for node in volume_nodes[1:]:
        other = geometry_of(node)
        if not grid.is_close(other, SAME_GRID_TOLERANCE_MM):
            raise GeometryError(
                _("The channels {first} and {second} lie on different grids.").format(
                    first=first.GetName(), second=node.GetName()
                ),
                expected=str(grid),
                found=str(other),
                remedy=_("Resample (and register) the second volume to the grid of the first one."),
            )
        if node.GetTransformNodeID() != first.GetTransformNodeID():
            raise GeometryError(
                _("The channels {first} and {second} lie under different transforms.").format(
                    first=first.GetName(), second=node.GetName()
                ),
                expected=first.GetTransformNodeID() or _("no transform"),
                found=node.GetTransformNodeID() or _("no transform"),
                remedy=_("Put both under the same transform, or harden the transforms and resample to one grid."),
            )


def voxels_of(volume_node: Any) -> npt.NDArray[Any]:
    """Return the stored voxels of shape (k, j, i), a view of the node's memory: not to be changed nor kept.

    Raises
    ------
    InputError, ChannelError
        As :func:`export_volume`.
    """
    name = name_of(volume_node)
    if not is_node(volume_node, "vtkMRMLScalarVolumeNode"):
        raise _not_an_image(_("a volume node (vtkMRMLScalarVolumeNode)"), class_of(volume_node), name)
    if volume_node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise _not_an_image(_("an image"), _("a label map"), name)
    image = volume_node.GetImageData()
    scalars = None if image is None else image.GetPointData().GetScalars()
    if scalars is None or scalars.GetNumberOfTuples() == 0:
        raise _not_an_image(_("a volume with voxels"), _("none"), name)
    if scalars.GetNumberOfComponents() != 1:
        raise ChannelError(
            _("The voxels of the volume are not single numbers."),
            expected=_("one number for each voxel"),
            found=_("{count} components (colour, vector or diffusion)").format(count=scalars.GetNumberOfComponents()),
            path=name,
            remedy=_("Convert it to a scalar volume first, for example with the module Vector to Scalar Volume."),
        )
    voxels: npt.NDArray[Any] = vtk_to_numpy(scalars)
    if voxels.dtype.str[1:] not in _NRRD_TYPES or not voxels.dtype.isnative:
        raise _not_an_image(_("an integer or floating-point type"), scalars.GetDataTypeAsString(), name)
    return voxels.reshape(image.GetDimensions()[::-1])


def _header(
    dtype: np.dtype[Any], shape: Tuple[int, ...], steps: npt.NDArray[np.float64], origin: npt.NDArray[np.float64]
) -> bytes:
    lines: List[str] = [
        "NRRD0004",
        f"type: {_NRRD_TYPES[dtype.str[1:]]}",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {' '.join(str(n) for n in shape[::-1])}",
        f"space directions: {' '.join(_vector(steps[:, axis]) for axis in range(3))}",
        "kinds: domain domain domain",
        f"endian: {sys.byteorder}",
        "encoding: raw",
        f"space origin: {_vector(origin)}",
    ]
    return ("\n".join(lines) + "\n\n").encode("ascii")


def _vector(values: npt.NDArray[np.float64]) -> str:
    return f"({','.join(f'{v:.17g}' for v in values + 0.0)})"


def _not_an_image(expected: str, found: str, name: str) -> InputError:
    return InputError(
        _("This cannot be segmented."),
        expected=expected,
        found=found,
        path=name or None,
        remedy=_("Choose the greyscale volume itself."),
    )
