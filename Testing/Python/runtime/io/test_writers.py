"""Label maps and Slicer segmentations, read back by independent libraries."""

from __future__ import annotations

import gzip
import resource
import signal

import nibabel
import nrrd
import numpy as np
import pytest
import SimpleITK

from kdseg.errors import OutputError
from kdseg.geometry import Geometry
from kdseg.io import write_label_map, write_seg_nrrd
from kdseg.segmentation import Code, LabelEntry, Segmentation
from kdseg_testing import volume_files as vf

TISSUE = Code("SCT", "85756007", "Tissue")
ANATOMY = Code("SCT", "123037004", "Anatomical Structure")
HIPPOCAMPUS = Code("SCT", "3062000", "Hippocampus")
LEFT = Code("SCT", "7771000", "Left")


def a_segmentation(dtype="uint8", direction="oblique", shape=vf.SIZES_ZYX):
    labels = np.zeros(shape, dtype)
    labels[1:3, 2:5, 1:4] = 1
    labels[3, 1, 2:6] = 2 if dtype == "uint8" else 300
    geometry = Geometry(labels.shape, vf.SPACING_MM, vf.ORIGIN_MM, tuple(vf.DIRECTIONS[direction].ravel()))
    entries = (
        LabelEntry(1, "Anterior \\ part", (128, 174, 128), ANATOMY, HIPPOCAMPUS, LEFT),
        LabelEntry(int(labels.max()), "Posterior", (241, 214, 145), TISSUE, TISSUE, None, HIPPOCAMPUS, LEFT),
        LabelEntry(5, "Not found", (255, 0, 0), TISSUE, TISSUE),
    )
    return Segmentation(labels, geometry, entries)


@pytest.mark.parametrize("direction", sorted(vf.DIRECTIONS))
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_label_map_keeps_labels_and_geometry(tmp_path, suffix, dtype, direction):
    segmentation = a_segmentation(dtype, direction)
    path = tmp_path / f"out{suffix}"
    write_label_map(segmentation, path)
    image = SimpleITK.ReadImage(str(path))
    labels = SimpleITK.GetArrayFromImage(image)
    assert labels.dtype == dtype and np.array_equal(labels, segmentation.labels)
    assert np.allclose(image.GetSpacing(), vf.SPACING_MM, rtol=1e-6)
    assert np.allclose(image.GetOrigin(), vf.ORIGIN_MM, rtol=1e-6)
    assert np.allclose(image.GetDirection(), vf.DIRECTIONS[direction].ravel(), atol=1e-6)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_label_map_for_nibabel(tmp_path):
    segmentation = a_segmentation()
    write_label_map(segmentation, tmp_path / "out.nii.gz")
    loaded = nibabel.load(tmp_path / "out.nii.gz")
    assert np.array_equal(np.asarray(loaded.dataobj).T, segmentation.labels)
    assert np.allclose(loaded.affine, vf.affine_ras("oblique"), atol=1e-5)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_label_map_is_compressed(tmp_path, suffix):
    segmentation = a_segmentation(shape=(40, 50, 60))
    write_label_map(segmentation, tmp_path / f"out{suffix}")
    assert (tmp_path / f"out{suffix}").stat().st_size < segmentation.labels.nbytes / 20


def test_empty_label_map_is_a_result(tmp_path):
    segmentation = a_segmentation()
    segmentation.labels[:] = 0
    write_label_map(segmentation, tmp_path / "out.nii.gz")
    assert not SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "out.nii.gz"))).any()


@pytest.mark.parametrize("name", ["out.png", "out", "out.nii.bz2", "out.seg.nrrd", "nii"])
def test_unknown_suffix(tmp_path, name):
    with pytest.raises(OutputError, match="suffix"):
        write_label_map(a_segmentation(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [write_label_map, write_seg_nrrd])
def test_missing_folder(tmp_path, write):
    with pytest.raises(OutputError):
        write(
            a_segmentation(), tmp_path / "none" / "out.seg.nrrd" if write is write_seg_nrrd else tmp_path / "none" / "out.nii"
        )


@pytest.mark.parametrize("labels", [np.zeros(vf.SIZES_ZYX, np.int32), np.zeros((5, 6, 8), np.uint8)])
def test_labels_that_do_not_fit(tmp_path, labels):
    segmentation = Segmentation(labels, a_segmentation().geometry, ())
    with pytest.raises(OutputError, match="cannot be written"):
        write_label_map(segmentation, tmp_path / "out.nii.gz")


@pytest.fixture
def a_full_disk():
    """Files of this process cannot grow beyond 4 KiB, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))

    yield fill
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("name", ["out.nii.gz", "out.nii", "out.nrrd", "out.mha", "out.seg.nrrd"])
def test_full_disk_leaves_the_earlier_file(tmp_path, a_full_disk, name):
    path = tmp_path / name
    path.write_bytes(b"earlier result")
    segmentation = a_segmentation(shape=(40, 50, 60))
    segmentation.labels[:] = np.random.default_rng(1).integers(0, 3, segmentation.labels.shape)
    a_full_disk()
    with pytest.raises(OutputError) as caught:
        (write_seg_nrrd if name == "out.seg.nrrd" else write_label_map)(segmentation, path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"earlier result"
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_seg_nrrd_holds_what_slicer_needs(tmp_path):
    segmentation = a_segmentation()
    path = tmp_path / "out.seg.nrrd"
    write_seg_nrrd(segmentation, path)
    array, header = nrrd.read(str(path))
    assert np.array_equal(array.T, segmentation.labels)
    assert header["space"] == "left-posterior-superior" and header["encoding"] == "gzip"
    assert np.allclose(header["space origin"], vf.ORIGIN_MM)
    assert np.allclose(header["space directions"].T, vf.DIRECTIONS["oblique"] * vf.SPACING_MM)
    assert header["Segment0_ID"] == "Segment_1"
    assert header["Segment0_Name"].replace("\\\\", "\\") == "Anterior \\ part"
    assert header["Segment0_Color"] == "0.501961 0.682353 0.501961"
    assert header["Segment1_LabelValue"] == "2" and header["Segment1_Layer"] == "0"
    assert header["Segment2_Extent"] == "0 6 0 5 0 4"
    assert header["Segment0_NameAutoGenerated"] == header["Segment0_ColorAutoGenerated"] == "0"
    start = "TerminologyEntry:Segmentation category and type - 3D Slicer General Anatomy list~"
    region = "~Anatomic codes - DICOM master list~"
    left, tissue, hippocampus = "SCT^7771000^Left", "SCT^85756007^Tissue", "SCT^3062000^Hippocampus"
    anatomy = "SCT^123037004^Anatomical Structure"
    assert header["Segment0_Tags"] == f"{start}{anatomy}~{hippocampus}~{left}{region}^^~^^|"
    assert header["Segment1_Tags"] == f"{start}{tissue}~{tissue}~^^{region}{hippocampus}~{left}|"
    assert header["Segmentation_MasterRepresentation"] == "Binary labelmap"
    assert header["Segmentation_ContainedRepresentationNames"] == "Binary labelmap|"
    assert header["Segmentation_ReferenceImageExtentOffset"] == "0 0 0"
    geometry = header["Segmentation_ConversionParameters"].split("Reference image geometry|")[1].split("|")[0].split(";")
    assert np.allclose(np.array(geometry[:16], float).reshape(4, 4), vf.affine_ras("oblique"))
    assert geometry[16:] == ["0", "6", "0", "5", "0", "4", ""]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_seg_nrrd_for_simpleitk(tmp_path, dtype):
    segmentation = a_segmentation(dtype)
    write_seg_nrrd(segmentation, tmp_path / "out.seg.nrrd")
    image = SimpleITK.ReadImage(str(tmp_path / "out.seg.nrrd"))
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), segmentation.labels)
    assert np.allclose(image.GetDirection(), vf.DIRECTIONS["oblique"].ravel())
    assert np.allclose(image.GetSpacing(), vf.SPACING_MM)


def test_equal_segmentations_give_equal_files(tmp_path):
    for name in ("a.seg.nrrd", "b.seg.nrrd"):
        write_seg_nrrd(a_segmentation(), tmp_path / name)
    first = (tmp_path / "a.seg.nrrd").read_bytes()
    assert first == (tmp_path / "b.seg.nrrd").read_bytes()
    assert gzip.decompress(first[first.index(b"\n\n") + 2 :]) == a_segmentation().labels.tobytes()


def test_code_with_a_separator_is_refused(tmp_path):
    segmentation = a_segmentation()
    entry = LabelEntry(1, "x", (1, 2, 3), TISSUE, Code("SCT", "1", "A~B"))
    with pytest.raises(OutputError, match=r"labels\.csv"):
        write_seg_nrrd(Segmentation(segmentation.labels, segmentation.geometry, (entry,)), tmp_path / "o.seg.nrrd")


def test_seg_nrrd_needs_its_suffix(tmp_path):
    with pytest.raises(OutputError, match="suffix"):
        write_seg_nrrd(a_segmentation(), tmp_path / "out.nrrd")
