"""Volumes of every orientation, and label maps on their grids."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import vtk

import slicer
from kdseg.io import read_volume, write_label_map
from kdseg.segmentation import Code, LabelEntry, Segmentation
from KDSegmentatorLib.mrml import export_volume

SHAPE_KJI = (5, 6, 7)
SPACING_IJK_MM = (0.7, 1.5, 2.25)

ANATOMY = Code("SCT", "123037004", "Anatomical Structure")
ENTRIES = (
    LabelEntry(
        1,
        "Anterior hippocampus",
        (240, 150, 60),
        ANATOMY,
        Code("SCT", "5366008", "Hippocampus"),
        type_modifier=Code("SCT", "255549009", "Anterior"),
    ),
    LabelEntry(2, "Läsion \\ 2", (70, 150, 220), ANATOMY, Code("99TEST", "L2", "Lesion")),
    LabelEntry(
        5,
        "Nodule",
        (1, 2, 255),
        ANATOMY,
        Code("SCT", "27925004", "Nodule"),
        region=Code("SCT", "39607008", "Lung"),
        region_modifier=Code("SCT", "24028007", "Right"),
    ),
)


@pytest.fixture
def entries() -> tuple[LabelEntry, ...]:
    """Three structures; the codes differ in what they have."""
    return ENTRIES


@pytest.fixture
def voxels() -> np.ndarray:
    """Voxels of which no two are equal, so that every one is known by its value; shape (k, j, i)."""
    count = int(np.prod(SHAPE_KJI))
    return np.random.default_rng(0).permutation(count).reshape(SHAPE_KJI).astype(np.int16) - 50


@pytest.fixture
def labels() -> np.ndarray:
    """An asymmetric pattern of labels 1, 2 and 5, of which no mirror image or rotation is the same; shape (k, j, i)."""
    pattern = np.zeros(SHAPE_KJI, dtype=np.uint8)
    pattern[0, 0, 0:4] = 1
    pattern[0, 1:3, 0] = 1
    pattern[1, 0, 0] = 1
    pattern[4, 2:5, 6] = 2
    pattern[2:4, 5, 3] = 5
    return pattern


@pytest.fixture
def matrix() -> np.ndarray:
    """An oblique grid, IJK to RAS."""
    return grid_matrix(rotation(0.3, -0.5, 0.8))


@pytest.fixture
def make_volume(scene: Any) -> Callable[..., Any]:
    """Make a volume node in the scene from voxels (k, j, i) and a matrix from IJK to RAS."""

    def make(voxels: np.ndarray, ijk_to_ras: np.ndarray, name: str = "CT", kind: str = "vtkMRMLScalarVolumeNode") -> Any:
        node = scene.AddNewNodeByClass(kind, name)
        slicer.util.updateVolumeFromArray(node, voxels)
        matrix = vtk.vtkMatrix4x4()
        matrix.DeepCopy(ijk_to_ras.ravel().tolist())
        node.SetIJKToRASMatrix(matrix)
        return node

    return make


@pytest.fixture
def write_labels(tmp_path: Path, entries: tuple[LabelEntry, ...]) -> Callable[..., Path]:
    """Write labels on the grid of a volume node as the child process does."""

    def write(labels: np.ndarray, volume_node: Any, name: str = "labels") -> Path:
        volume = read_volume(export_volume(volume_node, tmp_path, f"{name}-input"), strict=True)
        path = tmp_path / f"{name}.nrrd"
        write_label_map(Segmentation(labels, volume.geometry, entries), path)
        return path

    return write


def rotation(*angles: float) -> np.ndarray:
    """Return a rotation about x, then y, then z; angles in radians."""
    result = np.eye(3)
    for axis, angle in enumerate(angles):
        a, b = [(1, 2), (2, 0), (0, 1)][axis]
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        result = turn @ result
    return result


def grid_matrix(directions: np.ndarray) -> np.ndarray:
    """Return IJK to RAS with these directions (columns), the spacing of the tests and an odd origin."""
    matrix = np.eye(4)
    matrix[:3, :3] = directions * np.array(SPACING_IJK_MM)
    matrix[:3, 3] = (-101.5, 33.25, 7.125)
    return matrix
