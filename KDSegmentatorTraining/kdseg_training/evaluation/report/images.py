"""Find the image of a case, to show below its outlines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, Optional

import numpy.typing as npt

from kdseg.errors import InputError, PathLike
from kdseg.geometry import Geometry
from kdseg.io import read_volume
from kdseg.io.reader import SAME_GRID_TOLERANCE_MM
from kdseg_training.evaluation.cases import case_name, is_label_map

_CHANNEL = re.compile(r"_\d{4}$")


class Images:
    """The images of the cases.

    Parameters
    ----------
    path
        A folder with a file for each case, named ``CASE.nii.gz`` or, as nnU-Net does, ``CASE_0000.nii.gz``, of which the first
        channel is shown; or one file, which is that of every case; None for none.

    Raises
    ------
    InputError
        If there is no such file or folder.
    """

    def __init__(self, path: Optional[PathLike]) -> None:
        self._single: Optional[Path] = None
        self._files: Dict[str, Path] = {}
        if path is None:
            return
        given = Path(path)
        if not given.exists():
            raise InputError("There is no such file or folder of images.", path=given, remedy="Check the path.")
        if not given.is_dir():
            self._single = given
            return
        for file in sorted(given.iterdir()):
            if file.is_file() and is_label_map(file):
                self._files.setdefault(_CHANNEL.sub("", case_name(file)), file)

    def of(self, case: str, grid: Geometry) -> Optional[npt.NDArray[Any]]:
        """Return the voxels of a case's image, shape (z, y, x); None if there is no image of that name.

        Raises
        ------
        InputError
            If the file is not usable or not on the grid of the reference.
        """
        file = self._single or self._files.get(_CHANNEL.sub("", case)) or self._files.get(case)
        if file is None:
            return None
        volume = read_volume(file, strict=False)
        if not volume.geometry.is_close(grid, SAME_GRID_TOLERANCE_MM):
            raise InputError("The image is not on the grid of the reference.", path=file)
        voxels: npt.NDArray[Any] = volume.voxels[0]
        return voxels
