"""DICOM folders: equal to SimpleITK where the series is whole, a clear error where it is not."""

from __future__ import annotations

import hashlib

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.uid import (
    BasicTextSRStorage,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    SegmentationStorage,
    generate_uid,
)

from kdseg.errors import DicomSeriesError, GeometryError, MemoryLimitError, VolumeFileError
from kdseg.io import hash_input, read_volume, read_volume_input
from kdseg_testing import volume_files as vf


def refused(folder, *words, error=DicomSeriesError):
    with pytest.raises(error) as caught:
        read_volume(folder)
    text = str(caught.value)
    assert caught.value.path is not None and str(folder) in text
    for word in words:
        assert word in text


def assert_equals_simpleitk(folder, expected_type=None):
    volume = read_volume(folder)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    oracle = reader.Execute()
    expected = SimpleITK.GetArrayFromImage(oracle)
    assert volume.voxels.tobytes() == expected.tobytes()
    assert volume.voxels.dtype == expected.dtype
    assert volume.geometry.spacing_mm == oracle.GetSpacing()
    assert volume.geometry.origin_mm == oracle.GetOrigin()
    assert volume.geometry.direction == oracle.GetDirection()
    return volume


@pytest.mark.parametrize("direction", sorted(set(vf.DIRECTIONS) - {"left_handed"}))
def test_whole_series(tmp_path, direction):
    vf.write_dicom_series(tmp_path, direction=direction)
    volume = assert_equals_simpleitk(tmp_path)
    assert np.allclose(volume.geometry.spacing_mm, (0.75, 1.25, 2.5), atol=1e-5)
    assert np.allclose(volume.geometry.matrix, vf.DIRECTIONS[direction], atol=1e-6)
    assert np.allclose(volume.geometry.origin_mm, vf.ORIGIN_MM, atol=1e-5)


def test_voxels_are_rescaled_and_ordered_by_position(tmp_path):
    paths = vf.write_dicom_series(tmp_path, positions=[7.5, 0.0, 2.5, 5.0])
    volume = read_volume(tmp_path)
    for z, index in enumerate([1, 2, 3, 0]):
        stored = np.frombuffer(pydicom.dcmread(paths[index]).PixelData, np.int16).reshape(6, 7)
        assert np.array_equal(volume.voxels[0, z], stored - 1024)


def test_fractional_rescale(tmp_path):
    vf.write_dicom_series(tmp_path, change=lambda ds, index: setattr(ds, "RescaleSlope", "0.5"))
    assert assert_equals_simpleitk(tmp_path).voxels.dtype == np.float64


def test_slices_with_slopes_of_their_own_are_not_rounded(tmp_path):
    def change(ds, index):
        ds.RescaleSlope, ds.RescaleIntercept = str(1 + 0.25 * index), "0"

    paths = vf.write_dicom_series(tmp_path, change=change)
    volume = read_volume(tmp_path)
    for index, path in enumerate(paths):
        stored = np.frombuffer(pydicom.dcmread(path).PixelData, np.int16).reshape(6, 7)
        assert np.array_equal(volume.voxels[0, index], stored * (1 + 0.25 * index))


def rewrite(source, target, syntax):
    ds = pydicom.dcmread(source)
    if syntax == RLELossless:
        ds.compress(RLELossless, encoding_plugin="pydicom")
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        vf.save_dicom(ds, target)
        return
    little = syntax != ExplicitVRBigEndian
    ds.PixelData = np.frombuffer(ds.PixelData, "<i2").astype("<i2" if little else ">i2").tobytes()
    plain = pydicom.Dataset(ds)  # without the encoding that it was read with
    plain.file_meta = ds.file_meta
    plain.file_meta.TransferSyntaxUID = syntax
    vf.save_dicom(plain, target, implicit=syntax == ImplicitVRLittleEndian, little=little)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
def test_transfer_syntaxes(tmp_path, syntax):
    paths = vf.write_dicom_series(tmp_path / "plain", size=(64, 64))
    (tmp_path / "other").mkdir()
    for path in paths:
        rewrite(path, tmp_path / "other" / path.name, syntax)
    volume = assert_equals_simpleitk(tmp_path / "other")
    assert np.array_equal(volume.voxels, read_volume(tmp_path / "plain").voxels)


def test_truncated_compressed_slice(tmp_path):
    paths = vf.write_dicom_series(tmp_path, size=(64, 64))
    for path in paths:
        rewrite(path, path, RLELossless)
    raw = paths[-1].read_bytes()
    for lost in (1, 8, 9, 100, 1000):
        paths[-1].write_bytes(raw[:-lost])
        refused(tmp_path, paths[-1].name)


def test_sequences_before_the_pixels_are_passed_over(tmp_path):
    def change(ds, index):
        inner = pydicom.Dataset()
        inner.SeriesInstanceUID = "1.2.3"
        inner.ImagePositionPatient = [9, 9, 9]
        outer = pydicom.Dataset()
        outer.ReferencedSeriesSequence = [inner, inner]
        ds.ReferencedSeriesSequence = [outer]
        ds["ReferencedSeriesSequence"].is_undefined_length = index % 2 == 0

    vf.write_dicom_series(tmp_path, change=change)
    assert_equals_simpleitk(tmp_path)


def test_missing_slice_names_gap_and_place(tmp_path):
    vf.write_dicom_series(tmp_path)
    (tmp_path / "slice003.dcm").unlink()
    refused(tmp_path, "A slice of the series is missing", "5.000 mm", "slice002.dcm", "slice004.dcm", "2.500 mm")


def test_two_missing_slices(tmp_path):
    vf.write_dicom_series(tmp_path, positions=[0, 2.5, 5, 12.5, 15, 17.5])
    refused(tmp_path, "2 slices of the series are missing", "7.500 mm")


def test_duplicate_slice_names_both_files(tmp_path):
    vf.write_dicom_series(tmp_path, positions=[0, 2.5, 2.5, 5, 7.5])
    refused(tmp_path, "same position", "slice001.dcm and slice002.dcm")


def test_irregular_gap(tmp_path):
    vf.write_dicom_series(tmp_path, positions=[0, 2.5, 5.1, 7.5, 10])
    refused(tmp_path, "not spaced regularly", "slice001.dcm", "slice002.dcm")


def test_rounded_positions_are_regular(tmp_path):
    vf.write_dicom_series(tmp_path, positions=np.round(np.arange(9) * 0.625, 2))
    assert read_volume(tmp_path).voxels.shape == (1, 9, 6, 7)


def test_single_slice(tmp_path):
    vf.write_dicom_series(tmp_path, positions=[0])
    refused(tmp_path, "one slice")


def test_tilted_gantry(tmp_path):
    def change(ds, index):
        ds.ImagePositionPatient[1] += 0.5 * index

    vf.write_dicom_series(tmp_path, change=change)
    refused(tmp_path, "tilted gantry", error=GeometryError)


@pytest.mark.parametrize(
    ("keyword", "value", "word"),
    [
        ("PixelSpacing", [1.25, 0.8], "pixel spacing"),
        ("ImageOrientationPatient", [0, 1, 0, 1, 0, 0], "orientation"),
        ("ImagePositionPatient", [], "Image Position"),
        ("PixelSpacing", [], "Pixel Spacing"),
        ("PhotometricInterpretation", "MONOCHROME1", "MONOCHROME2"),
        ("Rows", 5, "pixel data do not fit"),
    ],
)
def test_one_slice_differs(tmp_path, keyword, value, word):
    def change(ds, index):
        if index == 4:
            setattr(ds, keyword, value)

    vf.write_dicom_series(tmp_path, change=change)
    refused(tmp_path, "slice004.dcm", word)


def test_one_slice_of_another_size(tmp_path):
    def change(ds, index):
        if index == 4:
            ds.Rows, ds.PixelData = 4, bytes(4 * 7 * 2)

    vf.write_dicom_series(tmp_path, change=change)
    refused(tmp_path, "slice004.dcm", "size")


def test_two_series_are_listed_and_can_be_chosen(tmp_path):
    uids = [generate_uid(), generate_uid()]
    vf.write_dicom_series(tmp_path, series=uids[0])
    for path in sorted(tmp_path.iterdir()):
        path.rename(path.with_name(f"a_{path.name}"))
    vf.write_dicom_series(tmp_path, positions=[0, 1, 2], series=uids[1])
    refused(tmp_path, "2 series", *uids, "8 images", "3 images", "phantom")
    assert read_volume(tmp_path, series_uid=uids[1]).voxels.shape == (1, 3, 6, 7)
    assert read_volume(tmp_path, series_uid=uids[0]).voxels.shape == (1, 8, 6, 7)
    with pytest.raises(DicomSeriesError, match="not in the folder"):
        read_volume(tmp_path, series_uid="1.2.3")


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.6, 0.95, 0.999])
def test_truncated_slice_is_never_left_out(tmp_path, share):
    last = vf.write_dicom_series(tmp_path)[-1]  # at the end of the stack a missing slice leaves no gap
    raw = last.read_bytes()
    last.write_bytes(raw[: int(len(raw) * share)])
    refused(tmp_path, last.name)


def test_slice_cut_at_every_byte(tmp_path):
    last = vf.write_dicom_series(tmp_path, positions=[0, 1, 2], size=(2, 2))[-1]
    raw = last.read_bytes()
    for length in range(len(raw)):
        last.write_bytes(raw[:length])
        with pytest.raises(DicomSeriesError):
            read_volume(tmp_path)


def test_other_objects_are_left_out_and_told(tmp_path):
    def change(sop_class, keep_pixels):
        def apply(ds, index):
            ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
            if not keep_pixels:
                del ds.PixelData, ds.Rows, ds.Columns

        return apply

    vf.write_dicom_series(tmp_path / "sr", positions=[0], change=change(BasicTextSRStorage, False))
    vf.write_dicom_series(tmp_path / "seg", positions=[0], change=change(SegmentationStorage, True))
    folder = tmp_path / "series"
    vf.write_dicom_series(folder)
    (tmp_path / "sr/slice000.dcm").rename(folder / "report.dcm")
    (tmp_path / "seg/slice000.dcm").rename(folder / "seg.dcm")
    (folder / "readme.txt").write_text("hello")
    (folder / "DICOMDIR").write_bytes(b"index")
    result = read_volume_input(folder)
    assert result.volume.voxels.shape == (1, 8, 6, 7)
    told = {finding.path.rsplit("/", 1)[-1]: finding.message for finding in result.findings}
    assert set(told) == {"readme.txt", "report.dcm", "seg.dcm"}
    assert "not an image" in told["report.dcm"] and "not an image" in told["seg.dcm"]


def test_enhanced_multi_frame_is_refused_by_name(tmp_path):
    def change(ds, index):
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
        ds.NumberOfFrames, ds.PixelData = 3, ds.PixelData * 3

    vf.write_dicom_series(tmp_path, positions=[0], change=change)
    refused(tmp_path, "Multi-frame", "3 frames")


def test_empty_folder(tmp_path):
    refused(tmp_path, "no DICOM image")


def test_garbage_after_the_preamble(tmp_path):
    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM" + b"\xfe" * 300)
    with pytest.raises((DicomSeriesError, VolumeFileError)):
        read_volume(tmp_path)


def test_a_damaged_slice_named_by_its_uid_is_never_left_out(tmp_path):
    last = vf.write_dicom_series(tmp_path)[-1]  # at the end of the stack a missing slice leaves no gap
    damaged = last.rename(tmp_path / "1.2.840.113619.2.57")
    damaged.write_bytes(bytes(200) + damaged.read_bytes()[200:])
    refused(tmp_path, damaged.name, "may be a damaged slice")
    (finding,) = read_volume_input(tmp_path, strict=False).findings
    assert finding.path == str(damaged) and "may be a damaged slice" in finding.message


@pytest.mark.parametrize("name", ["notes.TXT", "study.xml", "a.json", "a.pdf", "view.jpg", "autorun.inf", "Thumbs.db"])
def test_companions_of_a_series_are_told_and_hidden_files_passed_over(tmp_path, name):
    vf.write_dicom_series(tmp_path)
    (tmp_path / name).write_bytes(b"no DICOM")
    (tmp_path / ".DS_Store").write_bytes(b"no DICOM")
    assert [finding.path for finding in read_volume_input(tmp_path).findings] == [str(tmp_path / name)]


def test_the_hash_of_a_series_is_that_of_its_slices_in_order(tmp_path):
    paths = vf.write_dicom_series(tmp_path, positions=[2.5, 0.0, 5.0])
    (tmp_path / "readme.txt").write_text("not hashed")
    digests = [hashlib.sha256(paths[i].read_bytes()).hexdigest() for i in (1, 0, 2)]
    expected = hashlib.sha256("".join(digests).encode()).hexdigest()
    (source,) = read_volume_input(tmp_path).sources
    assert source.sha256 == hash_input(tmp_path) == expected
    assert (source.files, source.size_bytes) == (3, sum(p.stat().st_size for p in paths))


def test_a_series_above_the_memory_ceiling_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    vf.write_dicom_series(tmp_path)
    count = 8 * 6 * 7 * 2
    assert read_volume_input(tmp_path, memory_bytes=count).volume.voxels.shape == (1, 8, 6, 7)
    monkeypatch.delattr(SimpleITK, "ImageSeriesReader")
    with pytest.raises(MemoryLimitError) as caught:
        read_volume_input(tmp_path, memory_bytes=count - 1)
    assert caught.value.estimate_bytes == count and caught.value.path == str(tmp_path)
