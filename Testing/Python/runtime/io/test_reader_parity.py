"""Good files: voxels and geometry are, bit for bit, what SimpleITK reads; positions are what nibabel computes."""

from __future__ import annotations

import gzip

import nibabel
import numpy as np
import pytest
import SimpleITK

from kdseg.io import read_volume, read_volume_input
from kdseg_testing import volume_files as vf

DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]


def assert_equals_simpleitk(path):
    volume = read_volume(path)
    oracle = SimpleITK.ReadImage(str(path))
    expected = SimpleITK.GetArrayFromImage(oracle)
    assert volume.voxels.dtype == expected.dtype
    assert volume.voxels.shape == (1, *expected.shape)
    assert volume.voxels.tobytes() == expected.tobytes()
    assert volume.geometry.spacing_mm == oracle.GetSpacing()
    assert volume.geometry.origin_mm == oracle.GetOrigin()
    assert volume.geometry.direction == oracle.GetDirection()
    return volume


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_datatype(tmp_path, dtype, suffix, compress):
    array = vf.voxels(dtype)
    volume = assert_equals_simpleitk(vf.write_image(tmp_path / f"a{suffix}", array, "oblique", compress))
    assert np.array_equal(volume.voxels[0], array)


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("direction", sorted(vf.DIRECTIONS))
def test_every_orientation(tmp_path, direction, suffix):
    volume = assert_equals_simpleitk(vf.write_image(tmp_path / f"a{suffix}", direction=direction))
    assert np.allclose(volume.geometry.matrix, vf.DIRECTIONS[direction], atol=1e-6)
    assert np.allclose(volume.geometry.spacing_mm, vf.SPACING_MM)
    assert np.allclose(volume.geometry.origin_mm, vf.ORIGIN_MM)


@pytest.mark.parametrize("endianness", ["<", ">"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_nifti_in_both_byte_orders(tmp_path, dtype, endianness):
    array = vf.voxels(dtype)
    path = vf.write_nifti(tmp_path / "a.nii", array, vf.affine_ras("oblique"), endianness)
    volume = assert_equals_simpleitk(path)
    assert np.array_equal(volume.voxels[0], np.asarray(nibabel.load(path).dataobj).T)
    assert volume.voxels.dtype.isnative and volume.voxels.flags.writeable


@pytest.mark.parametrize("direction", sorted(vf.DIRECTIONS))
def test_positions_are_those_of_nibabel(tmp_path, direction):
    path = vf.write_nifti(tmp_path / "a.nii", affine=vf.affine_ras(direction))
    geometry = read_volume(path).geometry
    index = np.array([3.0, 2.0, 4.0])
    ours_lps = geometry.matrix @ (index * geometry.spacing_mm) + geometry.origin_mm
    theirs_ras = (nibabel.load(path).affine @ [*index, 1])[:3]
    assert np.allclose(ours_lps * [-1, -1, 1], theirs_ras, atol=1e-4)


@pytest.mark.parametrize(("slope", "inter"), [(0.37, -11.5), (1.0, -1024.0), (-2.0, 0.0), (1e-3, 7.0), (2.0, 1e6)])
@pytest.mark.parametrize("endianness", ["<", ">"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_nifti_scaling_is_that_of_simpleitk(tmp_path, dtype, endianness, slope, inter):
    path = vf.write_nifti(tmp_path / "a.nii", vf.voxels(dtype), endianness=endianness, slope=slope, inter=inter)
    volume = assert_equals_simpleitk(path)
    assert volume.voxels.dtype == ("float64" if dtype == "float64" else "float32")
    oracle = np.asarray(nibabel.load(path).dataobj).T
    assert np.allclose(volume.voxels[0], oracle, rtol=1e-5, atol=1e-5 * np.abs(oracle).max())


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize(("endian", "order"), [("little", "<"), ("big", ">")])
@pytest.mark.parametrize("space", ["left-posterior-superior", "right-anterior-superior", "LAS"])
def test_nrrd_spaces_and_byte_orders(tmp_path, space, endian, order, encoding):
    array = vf.voxels("float32")
    data = array.astype(f"{order}f4").tobytes()
    header = (
        f"NRRD0005\n# comment\ntype: float\ndimension: 3\nspace: {space}\nsizes: 7 6 5\n"
        "space directions: (0.5,0,0) (0, 1.5, 0) (0,0,-2)\nkinds: space space space\n"
        f'endian: {endian}\nencoding: {encoding}\nspace units: "mm" "mm" "mm"\nspace origin: (1e1,-2,3.5)\nkey:=value\n\n'
    )
    path = tmp_path / "a.nrrd"
    path.write_bytes(header.encode() + (gzip.compress(data) if encoding == "gzip" else data))
    volume = assert_equals_simpleitk(path)
    assert np.array_equal(volume.voxels[0], array)
    flip = {"l": np.array([1, 1, 1]), "r": np.array([-1, -1, 1]), "L": np.array([1, -1, 1])}[space[0]]
    assert np.allclose(volume.geometry.origin_mm, flip * [10, -2, 3.5])


@pytest.mark.parametrize("big", [False, True])
def test_metaimage_byte_orders(tmp_path, big):
    array = vf.voxels("int16")
    header = (
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nElementByteOrderMSB = {big}\nOrientation = 0 1 0 0 0 1 1 0 0\n"
        "Position = 1 2 3\nElementSpacing = 0.5 1 2\nDimSize = 7 6 5\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    path = tmp_path / "a.mha"
    path.write_bytes(header.encode() + array.astype(">i2" if big else "<i2").tobytes())
    assert np.array_equal(assert_equals_simpleitk(path).voxels[0], array)


def test_four_dimensional_nifti_with_one_time_point_is_a_volume(tmp_path):
    path = vf.write_nifti(tmp_path / "a.nii")
    raw = bytearray(path.read_bytes())
    raw[40:42] = np.int16(4).tobytes()
    path.write_bytes(raw)
    assert read_volume(path).voxels.shape == (1, *vf.SIZES_ZYX)


def test_single_slice_volume_keeps_three_dimensions(tmp_path):
    assert_equals_simpleitk(vf.write_nifti(tmp_path / "a.nii", vf.voxels(shape=(1, 6, 7))))


def test_nifti_extensions_are_passed_over(tmp_path):
    path = tmp_path / "a.nii"
    result = nibabel.Nifti1Image(vf.voxels().T, vf.affine_ras())
    result.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"a remark"))
    result.set_qform(vf.affine_ras(), 1)
    nibabel.save(result, path)
    assert np.array_equal(assert_equals_simpleitk(path).voxels[0], vf.voxels())


def test_gzip_of_several_members_is_one_file(tmp_path):
    raw = vf.write_nifti(tmp_path / "a.nii").read_bytes()
    path = tmp_path / "b.nii.gz"
    path.write_bytes(gzip.compress(raw[:200]) + gzip.compress(raw[200:777]) + gzip.compress(raw[777:]))
    assert np.array_equal(read_volume(path).voxels[0], vf.voxels())


def test_a_sibling_without_gz_is_not_taken_for_the_file(tmp_path):
    wanted, other = vf.voxels(seed=1), vf.voxels(seed=2)
    path = vf.write_image(tmp_path / "x.nii.gz", wanted)
    vf.write_image(tmp_path / "x.nii", other)
    assert np.array_equal(read_volume(path).voxels[0], wanted)


def test_channels_are_stacked_and_hashed_in_order(tmp_path):
    import hashlib

    arrays = [vf.voxels(seed=1), vf.voxels(seed=2)]
    paths = [vf.write_image(tmp_path / f"{i}.nii.gz", array) for i, array in enumerate(arrays)]
    result = read_volume_input(paths)
    assert np.array_equal(result.volume.voxels, np.stack(arrays))
    assert result.sha256 == tuple((str(p), hashlib.sha256(p.read_bytes()).hexdigest()) for p in paths)
    assert result.findings == ()


def test_channels_of_two_formats_share_a_grid(tmp_path):
    paths = [vf.write_image(tmp_path / name, direction="oblique") for name in ("a.nii.gz", "b.nrrd")]
    assert read_volume([str(p) for p in paths]).channels == 2
