"""The geometry of a checked header, as SimpleITK understands it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from kdseg.errors import GeometryError, VolumeFileError
from kdseg.geometry import Geometry
from kdseg.io.raster import RasterHeader


def geometry_from_header(header: RasterHeader, path: str) -> Geometry:
    """Let SimpleITK read the geometry of ``header`` from a private folder that holds nothing else.

    Only the header is staged, never voxels of a patient, and no file beside the original can be taken for it.

    Raises
    ------
    GeometryError, VolumeFileError
        If SimpleITK refuses the header or finds another grid in it.
    """
    import SimpleITK

    with tempfile.TemporaryDirectory(prefix="kdseg-") as folder:
        staged = Path(folder) / f"header{header.suffix}"
        staged.write_bytes(header.clean_header)
        reader = SimpleITK.ImageFileReader()
        reader.SetFileName(str(staged))
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise VolumeFileError(
                "SimpleITK cannot read the header.", found=str(error).strip().splitlines()[-1], path=path
            ) from error
    if reader.GetDimension() != 3 or tuple(reader.GetSize()) != header.sizes:
        raise VolumeFileError(
            "SimpleITK reads another grid from the header.", expected=f"{header.sizes}", found=f"{reader.GetSize()}", path=path
        )
    return geometry_of(reader, path)


def geometry_of(image: Any, path: str) -> Geometry:
    """Return the geometry of a 3-D ``SimpleITK.Image`` or of a reader that has read its image information."""
    size = image.GetSize()
    try:
        return Geometry(
            shape=(int(size[2]), int(size[1]), int(size[0])),
            spacing_mm=tuple(image.GetSpacing()),
            origin_mm=tuple(image.GetOrigin()),
            direction=tuple(image.GetDirection()),
        )
    except GeometryError as error:
        raise GeometryError(
            error.problem, expected=error.expected, found=error.found, path=path, remedy=error.remedy
        ) from error
