"""Volume nodes as files: types, channels, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import vtk

import slicer
from kdseg.errors import ChannelError, GeometryError, InputError, OutputError
from kdseg.io import read_volume
from KDSegmentatorLib.mrml import export_volume, export_volumes
from KDSegmentatorLib.mrml.geometry import transform_note

TYPES = {
    "char": vtk.VTK_CHAR,
    "signed char": vtk.VTK_SIGNED_CHAR,
    "unsigned char": vtk.VTK_UNSIGNED_CHAR,
    "short": vtk.VTK_SHORT,
    "unsigned short": vtk.VTK_UNSIGNED_SHORT,
    "int": vtk.VTK_INT,
    "unsigned int": vtk.VTK_UNSIGNED_INT,
    "long": vtk.VTK_LONG,
    "unsigned long": vtk.VTK_UNSIGNED_LONG,
    "long long": vtk.VTK_LONG_LONG,
    "unsigned long long": vtk.VTK_UNSIGNED_LONG_LONG,
    "float": vtk.VTK_FLOAT,
    "double": vtk.VTK_DOUBLE,
}


@pytest.mark.parametrize("name", TYPES)
def test_every_scalar_type_keeps_its_values(scene: Any, name: str, tmp_path: Path) -> None:
    array = vtk.vtkDataArray.CreateDataArray(TYPES[name])
    array.SetNumberOfValues(6)
    lowest, highest = array.GetDataTypeMin(), array.GetDataTypeMax()
    if abs(highest) > 2**53:  # vtkDataArray takes doubles, which hold no more
        lowest, highest = max(lowest, -(2.0**53)), 2.0**53
    for index, value in enumerate((lowest, highest, 0.0, 1.0, 7.0, 100.0)):
        array.SetTuple1(index, value)
    image = vtk.vtkImageData()
    image.SetDimensions(3, 2, 1)
    image.GetPointData().SetScalars(array)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Typed")
    node.SetAndObserveImageData(image)
    voxels = read_volume(export_volume(node, tmp_path)).voxels
    assert voxels.itemsize == array.GetDataTypeSize()
    assert voxels.dtype.kind == ("f" if name in ("float", "double") else "u" if lowest == 0 else "i")
    assert voxels.ravel().tolist() == [array.GetTuple1(index) for index in range(6)]


def test_single_bits_become_bytes(scene: Any, tmp_path: Path) -> None:
    bits = vtk.vtkBitArray()
    for value in (1, 0, 0, 1, 1, 0):
        bits.InsertNextValue(value)
    image = vtk.vtkImageData()
    image.SetDimensions(3, 2, 1)
    image.GetPointData().SetScalars(bits)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Bits")
    node.SetAndObserveImageData(image)
    voxels = read_volume(export_volume(node, tmp_path)).voxels
    assert voxels.tolist() == [[[[1, 0, 0], [1, 1, 0]]]]


def test_export_changes_nothing_and_keeps_no_copy(
    make_volume: Callable[..., Any], voxels: np.ndarray, matrix: np.ndarray, tmp_path: Path, scene: Any
) -> None:
    node = make_volume(voxels, matrix)
    scalars = node.GetImageData().GetPointData().GetScalars()
    before = (node.GetMTime(), scalars.GetMTime(), scalars.GetReferenceCount(), scene.GetNumberOfNodes())
    export_volume(node, tmp_path)
    assert (node.GetMTime(), scalars.GetMTime(), scalars.GetReferenceCount(), scene.GetNumberOfNodes()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["volume.nrrd"]


def test_a_node_name_never_gets_into_a_file_name(
    make_volume: Callable[..., Any], voxels: np.ndarray, matrix: np.ndarray, tmp_path: Path
) -> None:
    node = make_volume(voxels, matrix, name="../Müller: 1/2 \\ CT")
    assert export_volume(node, tmp_path) == tmp_path / "volume.nrrd"


def test_the_parent_transform_is_left_out(
    make_volume: Callable[..., Any], voxels: np.ndarray, matrix: np.ndarray, tmp_path: Path, scene: Any
) -> None:
    node = make_volume(voxels, matrix)
    plain = export_volume(node, tmp_path, "plain").read_bytes()
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    shift = vtk.vtkMatrix4x4()
    shift.SetElement(0, 3, 40.0)
    transform.SetMatrixTransformToParent(shift)
    node.SetAndObserveTransformNodeID(transform.GetID())
    assert export_volume(node, tmp_path, "moved").read_bytes() == plain


def test_a_vector_volume_of_one_component_is_an_image(
    make_volume: Callable[..., Any], voxels: np.ndarray, matrix: np.ndarray, tmp_path: Path
) -> None:
    node = make_volume(voxels, matrix, kind="vtkMRMLVectorVolumeNode")
    assert np.array_equal(read_volume(export_volume(node, tmp_path)).voxels[0], voxels)


def test_colour_is_refused(make_volume: Callable[..., Any], matrix: np.ndarray, tmp_path: Path) -> None:
    colour = make_volume(np.zeros((3, 4, 5, 3), dtype=np.uint8), matrix, "Photo", "vtkMRMLVectorVolumeNode")
    with pytest.raises(ChannelError, match=r"Photo: .*single numbers.*3 components.*Vector to Scalar"):
        export_volume(colour, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_label_map_is_refused(make_volume: Callable[..., Any], matrix: np.ndarray, tmp_path: Path) -> None:
    node = make_volume(np.zeros((3, 4, 5), dtype=np.uint8), matrix, "Labels", "vtkMRMLLabelMapVolumeNode")
    with pytest.raises(InputError, match=r"Labels: .*Found: a label map"):
        export_volume(node, tmp_path)


def test_a_volume_without_voxels_is_refused(scene: Any, tmp_path: Path) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    with pytest.raises(InputError, match=r"Empty: .*Found: none"):
        export_volume(node, tmp_path)
    node.SetAndObserveImageData(vtk.vtkImageData())
    with pytest.raises(InputError, match=r"Empty: .*Found: none"):
        export_volume(node, tmp_path)


@pytest.mark.parametrize(("kind", "found"), [(None, "nothing"), ("vtkMRMLModelNode", "vtkMRMLModelNode")])
def test_what_is_no_volume_is_refused(scene: Any, tmp_path: Path, kind: str, found: str) -> None:
    node = scene.AddNewNodeByClass(kind, "Thing") if kind else None
    with pytest.raises(InputError, match=f"Expected: a volume.*Found: {found}"):
        export_volume(node, tmp_path)


def test_sheared_axes_are_refused_with_the_name(
    make_volume: Callable[..., Any], voxels: np.ndarray, matrix: np.ndarray, tmp_path: Path
) -> None:
    sheared = matrix @ np.array([[1, 0.1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    with pytest.raises(GeometryError, match=r"Gantry: .*axes up to 2\.7 degrees away.*Crop Volume"):
        export_volume(make_volume(voxels, sheared, "Gantry"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_spacing_of_zero_is_refused(
    make_volume: Callable[..., Any], voxels: np.ndarray, matrix: np.ndarray, tmp_path: Path
) -> None:
    flat = make_volume(voxels, matrix @ np.diag([1.0, 0.0, 1.0, 1.0]), "Flat")
    with pytest.raises(GeometryError, match=r"Flat: .*What to do: "):
        export_volume(flat, tmp_path)


def test_a_missing_folder_is_an_output_error(
    make_volume: Callable[..., Any], voxels: np.ndarray, matrix: np.ndarray, tmp_path: Path
) -> None:
    with pytest.raises(OutputError):
        export_volume(make_volume(voxels, matrix), tmp_path / "missing")


def test_channels_come_in_order(
    make_volume: Callable[..., Any], voxels: np.ndarray, matrix: np.ndarray, tmp_path: Path
) -> None:
    nodes = [make_volume(voxels, matrix, "T1"), make_volume(voxels + 1, matrix, "FLAIR")]
    paths = export_volumes(nodes, tmp_path)
    assert [path.name for path in paths] == ["channel_0000.nrrd", "channel_0001.nrrd"]
    assert np.array_equal(read_volume(paths).voxels, np.stack([voxels, voxels + 1]))


def test_channels_on_different_grids_are_refused_before_anything_is_written(
    make_volume: Callable[..., Any], voxels: np.ndarray, matrix: np.ndarray, tmp_path: Path
) -> None:
    moved = matrix.copy()
    moved[0, 3] += 0.5
    nodes = [make_volume(voxels, matrix, "T1"), make_volume(voxels, moved, "FLAIR")]
    with pytest.raises(GeometryError, match=r"T1 and FLAIR lie on different grids"):
        export_volumes(nodes, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_channels_under_different_transforms_are_refused(
    make_volume: Callable[..., Any], voxels: np.ndarray, matrix: np.ndarray, tmp_path: Path, scene: Any
) -> None:
    nodes = [make_volume(voxels, matrix, "T1"), make_volume(voxels, matrix, "FLAIR")]
    nodes[1].SetAndObserveTransformNodeID(scene.AddNewNodeByClass("vtkMRMLLinearTransformNode").GetID())
    with pytest.raises(GeometryError, match=r"T1 and FLAIR lie under different transforms.*Expected: no transform"):
        export_volumes(nodes, tmp_path)


def test_no_channel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ChannelError, match="No volume was given"):
        export_volumes([], tmp_path)


def test_transforms_are_told(make_volume: Callable[..., Any], voxels: np.ndarray, matrix: np.ndarray, scene: Any) -> None:
    node = make_volume(voxels, matrix)
    assert transform_note(node) == ""
    node.SetAndObserveTransformNodeID(scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Shift").GetID())
    assert "Shift" in transform_note(node)
    assert "before warping" not in transform_note(node)
    warp = scene.AddNewNodeByClass("vtkMRMLTransformNode", "Warp")
    spline = vtk.vtkThinPlateSplineTransform()
    warp.SetAndObserveTransformToParent(spline)
    assert not warp.IsTransformToWorldLinear()
    node.SetAndObserveTransformNodeID(warp.GetID())
    assert "Warp" in transform_note(node)
    assert "before warping" in transform_note(node)


def test_slicers_own_reader_agrees(
    make_volume: Callable[..., Any], voxels: np.ndarray, matrix: np.ndarray, tmp_path: Path, scene: Any
) -> None:
    path = export_volume(make_volume(voxels, matrix), tmp_path)
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(path))
    loaded = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    assert storage.ReadData(loaded)
    found = vtk.vtkMatrix4x4()
    loaded.GetIJKToRASMatrix(found)
    assert np.allclose([[found.GetElement(r, c) for c in range(4)] for r in range(4)], matrix, rtol=0, atol=1e-6)
    assert np.array_equal(slicer.util.arrayFromVolume(loaded), voxels)
