"""One rule, one broken file, one error that names file and finding."""

from __future__ import annotations

import gzip
import struct
import zlib

import nibabel
import numpy as np
import pytest
import SimpleITK

from kdseg.errors import ChannelError, GeometryError, IntensityError, VolumeFileError
from kdseg.io import read_volume, read_volume_with_findings
from kdseg_testing import volume_files as vf

NAN, INF = float("nan"), float("inf")


def refused(path, error, *words, strict=True):
    with pytest.raises(error) as caught:
        read_volume_with_findings(path, strict)
    text = str(caught.value)
    assert type(caught.value) is error
    assert str(caught.value.path) in text
    for word in words:
        assert word in text
    return caught.value


def patched(path, offset, layout, *values):
    raw = bytearray(path.read_bytes())
    struct.pack_into(layout, raw, offset, *values)
    path.write_bytes(raw)
    return path


@pytest.fixture
def a_nifti(tmp_path):
    return vf.write_nifti(tmp_path / "a.nii")


NIFTI_FAULTS = {
    "not a nifti": (0, "<i", (349,), VolumeFileError, "not a NIfTI"),
    "nifti-2": (0, "<i", (540,), VolumeFileError, "NIfTI-2"),
    "pair": (344, "4s", (b"ni1\0",), VolumeFileError, ".hdr/.img"),
    "magic": (344, "4s", (b"n+2\0",), VolumeFileError, "magic"),
    "two dimensions": (40, "<h", (2,), VolumeFileError, "2 dimensions"),
    "no dimensions": (40, "<h", (0,), VolumeFileError, "dim[0]"),
    "too many dimensions": (40, "<h", (8,), VolumeFileError, "dim[0]"),
    "empty axis": (42, "<h", (0,), VolumeFileError, "empty grid"),
    "negative axis": (44, "<h", (-3,), VolumeFileError, "empty grid"),
    "larger than the file": (46, "<h", (6,), VolumeFileError, "truncated"),
    "smaller than the file": (46, "<h", (4,), VolumeFileError, "does not end where"),
    "absurd size": (42, "<3h", (32000, 32000, 32000), VolumeFileError, "absurd"),
    "rgb": (70, "<2h", (128, 24), VolumeFileError, "RGB"),
    "complex": (70, "<2h", (32, 64), VolumeFileError, "complex64"),
    "unknown datatype": (70, "<2h", (3, 16), VolumeFileError, "datatype"),
    "zero spacing": (80, "<f", (0.0,), GeometryError, "spacing"),
    "nan spacing": (84, "<f", (NAN,), GeometryError, "spacing"),
    "negative spacing": (88, "<f", (-2.5,), GeometryError, "spacing"),
    "huge spacing": (88, "<f", (51.0,), GeometryError, "spacing"),
    "handedness": (76, "<f", (3.0,), GeometryError, "handedness"),
    "metres": (123, "B", (1,), GeometryError, "metre"),
    "micrometres": (123, "B", (3,), GeometryError, "micrometre"),
    "offset too small": (108, "<f", (0.0,), VolumeFileError, "offset"),
    "offset no integer": (108, "<f", (352.5,), VolumeFileError, "offset"),
    "offset not finite": (108, "<f", (INF,), VolumeFileError, "offset"),
    "offset moved": (108, "<f", (368.0,), VolumeFileError, "truncated"),
    "infinite slope": (112, "<f", (INF,), VolumeFileError, "scaling"),
    "vanishing slope": (112, "<2f", (1e-30, 0.0), VolumeFileError, "scaling"),
    "intercept without slope": (112, "<2f", (0.0, 5.0), VolumeFileError, "scaling"),
    "infinite intercept": (116, "<f", (INF,), VolumeFileError, "scaling"),
    "unknown qform code": (252, "<h", (9,), GeometryError, "qform code"),
    "no quaternion": (256, "<f", (1.5,), GeometryError, "quaternion"),
    "nan in the qform": (268, "<f", (NAN,), GeometryError, "qform"),
    "nan in the sform": (280, "<f", (NAN,), GeometryError, "sform"),
    "sform against qform": (292, "<f", (40.0,), GeometryError, "contradict"),
    "sheared sform": (284, "<f", (0.2,), GeometryError, "sheared"),
    "sform against pixdim": (280, "<f", (-0.9,), GeometryError, "pixdim"),
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", sorted(NIFTI_FAULTS))
def test_nifti_header_fault(a_nifti, name, strict):
    offset, layout, values, error, word = NIFTI_FAULTS[name]
    refused(patched(a_nifti, offset, layout, *values), error, "a.nii", word, strict=strict)


HARMLESS = {
    "bitpix": (72, "<h", (32,), "bitpix"),
    "nan scaling": (112, "<2f", (NAN, NAN), "scaling"),
    "unknown unit": (123, "B", (5,), "unit"),
    "no orientation": (252, "<2h", (0, 0), "lies in the patient"),
}


@pytest.mark.parametrize("name", sorted(HARMLESS))
def test_harmless_fault_is_refused_or_told(a_nifti, name):
    offset, layout, values, word = HARMLESS[name]
    path = patched(a_nifti, offset, layout, *values)
    with pytest.raises((VolumeFileError, GeometryError), match=word):
        read_volume(path)
    volume, findings = read_volume_with_findings(path, strict=False)
    assert np.array_equal(volume.voxels[0], vf.voxels())
    assert len(findings) == 1
    assert word in findings[0].message and findings[0].path == str(path)


def test_gzip_padding_is_harmless_and_other_bytes_are_not(tmp_path):
    path = vf.write_image(tmp_path / "a.nii.gz")
    raw = path.read_bytes()
    path.write_bytes(raw + bytes(100))
    refused(path, VolumeFileError, "100 padding zeros")
    assert "100 padding zeros" in read_volume_with_findings(path, strict=False)[1][0].message
    path.write_bytes(raw + b"x")
    refused(path, VolumeFileError, "other bytes", strict=False)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_truncated_file(tmp_path, suffix, share):
    path = vf.write_image(tmp_path / f"a{suffix}", compress=True)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    refused(path, VolumeFileError, path.name, strict=False)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_one_byte_missing_or_more(tmp_path, suffix):
    path = vf.write_image(tmp_path / f"a{suffix}", compress=True)
    raw = path.read_bytes()
    for damaged in (raw[:-1], raw + b"\1"):
        path.write_bytes(damaged)
        refused(path, VolumeFileError, path.name, strict=False)


def test_header_only(a_nifti):
    a_nifti.write_bytes(a_nifti.read_bytes()[:352])
    refused(a_nifti, VolumeFileError, "truncated", "420 bytes", "0 bytes")


def test_gzip_checksum(tmp_path):
    path = vf.write_image(tmp_path / "a.nii.gz")
    raw = bytearray(path.read_bytes())
    raw[-6] ^= 1  # CRC-32 lies in the last 8 bytes
    path.write_bytes(raw)
    refused(path, VolumeFileError, "damaged")


def test_name_and_content_contradict_each_other(tmp_path, a_nifti):
    disguised = tmp_path / "b.nii.gz"
    disguised.write_bytes(a_nifti.read_bytes())
    refused(disguised, VolumeFileError, "contradict")
    zipped = tmp_path / "c.nii"
    zipped.write_bytes(gzip.compress(a_nifti.read_bytes()))
    refused(zipped, VolumeFileError, "contradict")


def nifti_bomb(tmp_path, size, payload):
    header = bytearray(vf.write_nifti(tmp_path / "x.nii").read_bytes()[:352])
    struct.pack_into("<3h", header, 42, *size)
    path = tmp_path / "bomb.nii.gz"
    path.write_bytes(gzip.compress(bytes(header) + payload))
    return path


def test_absurd_size_in_a_small_gzip_is_refused_before_memory_is_taken(tmp_path, monkeypatch):
    path = nifti_bomb(tmp_path, (2000, 2000, 1000), bytes(1000))
    monkeypatch.setattr(np, "empty", only_small(np.empty))
    refused(path, VolumeFileError, "8000000000 bytes")


def test_gzip_bomb_stops_at_the_declared_size(tmp_path, monkeypatch):
    path = nifti_bomb(tmp_path, (7, 6, 5), bytes(300 << 20))
    monkeypatch.setattr(np, "empty", only_small(np.empty))
    refused(path, VolumeFileError, "more data than the header declares")


@pytest.mark.parametrize("name", ["bomb.nrrd", "bomb.mha"])
def test_absurd_size_in_a_text_header(tmp_path, monkeypatch, name):
    path = vf.write_image(tmp_path / name)
    path.write_bytes(path.read_bytes().replace(b"7 6 5\n", b"999999999 9 9\n"))
    monkeypatch.setattr(np, "empty", only_small(np.empty))
    refused(path, VolumeFileError, "999999999")


def only_small(empty):
    def guarded(count, *args, **kwargs):
        assert np.prod(count) < 1 << 20, f"memory for {count} was taken"
        return empty(count, *args, **kwargs)

    return guarded


TEXT_FAULTS = {
    ".nrrd": [
        (b"NRRD0004", b"NRRD0009", VolumeFileError, "not an NRRD"),
        (b"type: short", b"type: block", VolumeFileError, "type"),
        (b"dimension: 3", b"dimension: 4", VolumeFileError, "contradict"),
        (b"sizes: 7 6 5", b"sizes: 7 6 x", VolumeFileError, "sizes"),
        (b"sizes: 7 6 5", b"sizes: 7 6 0", VolumeFileError, "empty grid"),
        (b"sizes: 7 6 5", b"sizes: 7 -6 -5", VolumeFileError, "empty grid"),
        (
            b"dimension: 3\nspace: left-posterior-superior\nsizes: 7 6 5",
            b"dimension: 2\nsizes: 42 5",
            VolumeFileError,
            "2 dimensions",
        ),
        (b"encoding: raw", b"encoding: bzip2", VolumeFileError, "bzip2"),
        (b"encoding: raw", b"encoding: ascii", VolumeFileError, "ascii"),
        (b"encoding: raw\n", b"", VolumeFileError, "'encoding'"),
        (b"endian: little\n", b"", VolumeFileError, "'endian'"),
        (b"endian: little", b"endian: middle", VolumeFileError, "byte order"),
        (b"encoding: raw", b"encoding: raw\ndata file: secret.raw", VolumeFileError, "another file"),
        (b"encoding: raw", b"encoding: raw\nbyte skip: 4", VolumeFileError, "byte skip"),
        (b"encoding: raw", b"encoding: raw\nencoding: raw", VolumeFileError, "twice"),
        (b"domain domain domain", b"vector domain domain", VolumeFileError, "single numbers"),
        (b"(0.75,0,0)", b"(0,0,0)", GeometryError, "spacing"),
        (b"(0.75,0,0)", b"(nan,0,0)", GeometryError, "finite"),
        (b"(0.75,0,0)", b"(0.75,0.2,0)", GeometryError, "sheared"),
        (b"(0.75,0,0)", b"none", VolumeFileError, "space directions"),
        (b"(0.75,0,0)", b"(0.75,0)", VolumeFileError, "space directions"),
        (b"(0.75,0,0)", b"(0.7_5,0,0)", VolumeFileError, "space directions"),
        (b"space: left-posterior-superior", b"space: left-posterior-superior-time", GeometryError, "space"),
        (b"encoding: raw", b'encoding: raw\nspace units: "um" "um" "um"', GeometryError, "millimetres"),
    ],
    ".mha": [
        (b"ObjectType = Image", b"ObjectType = Tube", VolumeFileError, "objecttype"),
        (b"NDims = 3", b"NDims = 4", VolumeFileError, "contradict"),
        (b"BinaryData = True", b"BinaryData = False", VolumeFileError, "binarydata"),
        (b"MSB = False", b"MSB = Maybe", VolumeFileError, "True or False"),
        (b"DimSize = 7 6 5", b"DimSize = 7 6 5.0", VolumeFileError, "DimSize"),
        (b"DimSize = 7 6 5", b"DimSize = 7 0 5", VolumeFileError, "empty grid"),
        (b"NDims = 3", b"NDims = 3\nElementNumberOfChannels = 3", VolumeFileError, "single numbers"),
        (b"NDims = 3", b"NDims = 3\nHeaderSize = -1", VolumeFileError, "headersize"),
        (b"NDims = 3", b"NDims = 3\nNDims = 3", VolumeFileError, "twice"),
        (b"MET_SHORT", b"MET_STRING", VolumeFileError, "type"),
        (b"= LOCAL", b"= secret.raw", VolumeFileError, "another file"),
        (b"ElementSpacing = 0.75", b"ElementSpacing = 0", GeometryError, "spacing"),
        (b"ElementSpacing = 0.75", b"ElementSpacing = inf", GeometryError, "finite"),
        (b"TransformMatrix = 1 0 0", b"TransformMatrix = 1 1 0", GeometryError, "sheared"),
        (b"TransformMatrix = 1 0 0", b"TransformMatrix = 2 0 0", GeometryError, ""),
    ],
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("suffix", "index"), [(suffix, index) for suffix, faults in TEXT_FAULTS.items() for index in range(len(faults))]
)
def test_text_header_fault(tmp_path, suffix, index, strict):
    old, new, error, word = TEXT_FAULTS[suffix][index]
    path = vf.write_image(tmp_path / f"a{suffix}")
    raw = path.read_bytes()
    assert raw.count(old) == 1
    path.write_bytes(raw.replace(old, new))
    refused(path, error, word, strict=strict)


@pytest.mark.parametrize(
    ("suffix", "old", "new"),
    [
        (".nrrd", b"space: left-posterior-superior", b"space dimension: 3"),
        (".nrrd", b"space origin: (-31.5,12.25,101)\n", b""),
        (".mha", b"TransformMatrix = 1 0 0 0 1 0 0 0 1\n", b""),
        (".mha", b"Offset = -31.5 12.25 101\n", b""),
    ],
)
def test_missing_orientation_is_told(tmp_path, suffix, old, new):
    path = vf.write_image(tmp_path / f"a{suffix}")
    raw = path.read_bytes()
    assert raw.count(old) == 1
    path.write_bytes(raw.replace(old, new))
    refused(path, GeometryError, "lies in the patient")
    volume, findings = read_volume_with_findings(path, strict=False)
    assert np.array_equal(volume.voxels[0], vf.voxels())
    assert "lies in the patient" in findings[0].message
    oracle = SimpleITK.ReadImage(str(path))
    assert volume.geometry.origin_mm == oracle.GetOrigin()
    assert volume.geometry.direction == oracle.GetDirection()


def test_metaimage_with_wrong_compressed_size(tmp_path):
    path = vf.write_image(tmp_path / "a.mha", compress=True)
    raw = path.read_bytes()
    start = raw.index(b"CompressedDataSize = ") + 21
    path.write_bytes(raw[:start] + b"1" + raw[start + 1 :])
    refused(path, VolumeFileError, "compressed", strict=False)


def test_metaimage_zlib_checksum(tmp_path):
    path = vf.write_image(tmp_path / "a.mha", compress=True)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(zlib.error):
        zlib.decompress(bytes(raw)[raw.index(b"LOCAL\n") + 6 :])
    refused(path, VolumeFileError, "damaged")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("a.hdr", "pair"),
        ("a.img", "pair"),
        ("a.nhdr", "another file"),
        ("a.mhd", "another file"),
        ("a.dcm", "folder"),
        ("a.png", ".png"),
    ],
)
def test_other_formats_are_refused_by_name(tmp_path, name, word):
    path = tmp_path / name
    path.write_bytes(b"anything")
    refused(path, VolumeFileError, word, "NIfTI (.nii, .nii.gz)")


def test_missing_file(tmp_path):
    refused(tmp_path / "none.nii.gz", VolumeFileError, "cannot be read")


def test_two_and_four_dimensional_images(tmp_path):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(vf.voxels(shape=(6, 7))), str(tmp_path / "two.nii.gz"))
    refused(tmp_path / "two.nii.gz", VolumeFileError, "2 dimensions", "7 × 6", "Stack")
    nibabel.save(nibabel.Nifti1Image(vf.voxels(shape=(7, 6, 5, 3)), np.eye(4)), tmp_path / "four.nii.gz")
    refused(tmp_path / "four.nii.gz", VolumeFileError, "4 dimensions", "7 × 6 × 5 × 3", "time point")
    for suffix in (".nrrd", ".mha"):
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(vf.voxels(shape=(6, 7))), str(tmp_path / f"two{suffix}"))
        refused(tmp_path / f"two{suffix}", VolumeFileError, "2 dimensions")


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
def test_vector_voxels(tmp_path, suffix):
    vector = SimpleITK.GetImageFromArray(vf.voxels("uint8", (5, 6, 7, 3)), isVector=True)
    SimpleITK.WriteImage(vector, str(tmp_path / f"rgb{suffix}"))
    refused(tmp_path / f"rgb{suffix}", VolumeFileError)


def test_constant_image_names_the_value(tmp_path):
    path = vf.write_image(tmp_path / "a.nrrd", np.full(vf.SIZES_ZYX, -1024, np.int16))
    refused(path, IntensityError, "every voxel is -1024", "shows nothing", "may be an empty export")


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_voxels_that_are_not_finite_are_counted(tmp_path, bad):
    array = vf.voxels("float32")
    array[1, 2, 3:6] = bad
    refused(vf.write_nifti(tmp_path / "a.nii", array), IntensityError, "3 NaN or infinite voxels of 210")


def test_scaling_that_overflows(tmp_path):
    path = vf.write_nifti(tmp_path / "a.nii", vf.voxels("int32"), slope=1e35, inter=0.0)
    refused(path, IntensityError, "infinite")


def test_channels_on_different_grids_name_both_files(tmp_path):
    first = vf.write_image(tmp_path / "t1.nii.gz")
    second = tmp_path / "t2.nii.gz"
    moved = vf.image()
    moved.SetOrigin((-31.5, 12.25, 101.02))
    SimpleITK.WriteImage(moved, str(second))
    with pytest.raises(GeometryError) as caught:
        read_volume([first, second])
    assert "t1.nii.gz" in str(caught.value) and "t2.nii.gz" in str(caught.value)
    moved.SetOrigin((-31.5, 12.25, 101.005))
    SimpleITK.WriteImage(moved, str(second))
    assert read_volume([first, second]).channels == 2


def test_no_path():
    with pytest.raises(ChannelError):
        read_volume([])
