"""Small volume files and DICOM series for tests, written by independent libraries."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pydicom
import SimpleITK
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SIZES_ZYX = (5, 6, 7)
SPACING_MM = (0.75, 1.25, 2.5)
ORIGIN_MM = (-31.5, 12.25, 101.0)


def rotation(a, b, c):
    """A rotation matrix from three angles, as direction cosines."""
    ca, sa, cb, sb, cc, sc = np.cos(a), np.sin(a), np.cos(b), np.sin(b), np.cos(c), np.sin(c)
    x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    z = np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])
    return z @ y @ x


DIRECTIONS = {
    "axial": np.eye(3),
    "flipped": np.diag([-1.0, -1.0, 1.0]),
    "left_handed": np.diag([1.0, 1.0, -1.0]),
    "sagittal": np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]),
    "oblique": rotation(0.2, -0.35, 0.5),
    "half_turn": rotation(np.pi, 0, 0),
}


def voxels(dtype="int16", shape=SIZES_ZYX, seed=7):
    """Random voxels over the range of the type (a modest one for wide types)."""
    rng = np.random.default_rng(seed)
    if np.issubdtype(dtype, np.floating):
        return rng.normal(0, 300, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(max(info.min, -(2**40)), min(info.max, 2**40), shape, dtype=dtype)


def image(array=None, direction="axial"):
    """A SimpleITK image on the test grid."""
    result = SimpleITK.GetImageFromArray(voxels() if array is None else array)
    result.SetSpacing(SPACING_MM)
    result.SetOrigin(ORIGIN_MM)
    result.SetDirection(DIRECTIONS[direction].ravel())
    return result


def write_image(path: Path, array=None, direction="axial", compress=False) -> Path:
    SimpleITK.WriteImage(image(array, direction), str(path), useCompression=compress)
    return path


def affine_ras(direction="axial"):
    """The RAS affine of the test grid, by hand: LPS to RAS turns the first two rows."""
    affine = np.eye(4)
    affine[:3, :3] = DIRECTIONS[direction] * SPACING_MM
    affine[:3, 3] = ORIGIN_MM
    affine[:2] *= -1
    return affine


def write_nifti(path: Path, array=None, affine=None, endianness="<", slope=None, inter=None) -> Path:
    """A NIfTI file by nibabel, with equal sform and qform, in mm; stored values are ``array`` itself."""
    array = voxels() if array is None else array
    affine = affine_ras() if affine is None else affine
    header = nibabel.Nifti1Header(endianness=endianness)
    header.set_data_dtype(array.dtype)
    header.set_xyzt_units("mm")
    result = nibabel.Nifti1Image(np.zeros(array.shape[::-1], array.dtype), affine, header)
    result.set_sform(affine, 1)
    result.set_qform(affine, 1)
    stored = result.header.copy()
    stored.set_data_shape(array.shape[::-1])
    stored.set_data_offset(352)
    stored.set_slope_inter(slope, inter)
    raw = bytearray(stored.binaryblock)
    if slope is None:
        raw[112:120] = np.array([1, 0], np.dtype("f4").newbyteorder(endianness)).tobytes()
    path.write_bytes(bytes(raw) + bytes(4) + array.astype(array.dtype.newbyteorder(endianness)).tobytes())
    return path


def write_dicom_series(folder: Path, positions=None, direction="axial", size=(6, 7), change=None, series=None) -> list[Path]:
    """A CT series, one file for each position along the normal (mm); ``change(dataset, index)`` may alter each slice."""
    folder.mkdir(exist_ok=True)
    matrix = DIRECTIONS[direction]
    series = series or generate_uid()
    frame, study = generate_uid(), generate_uid()
    rng = np.random.default_rng(3)
    paths = []
    for index, depth in enumerate(np.arange(8) * 2.5 if positions is None else positions):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = folder / f"slice{index:03d}.dcm"
        ds = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
        ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        ds.Modality, ds.PatientName, ds.PatientID = "CT", "Test^Phantom", "0"
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame
        ds.SeriesDescription, ds.InstanceNumber = "phantom", str(index + 1)
        ds.ImagePositionPatient = [float(f"{v:.6f}") for v in np.array(ORIGIN_MM) + matrix[:, 2] * depth]
        ds.ImageOrientationPatient = [float(f"{v:.9f}") for v in matrix[:, :2].T.ravel()]
        ds.PixelSpacing, ds.SliceThickness = [1.25, 0.75], 2.5
        ds.Rows, ds.Columns = size
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
        ds.RescaleSlope, ds.RescaleIntercept = "1", "-1024"
        ds.PixelData = rng.integers(0, 3000, size, dtype=np.int16).tobytes()
        if change is not None:
            change(ds, index)
        save_dicom(ds, path)
        paths.append(path)
    return paths


def save_dicom(ds, path: Path, *, implicit=False, little=True):
    """Write a DICOM file with preamble, with pydicom 2 (Python 3.9) or 3."""
    if int(pydicom.__version__.split(".", maxsplit=1)[0]) >= 3:
        pydicom.dcmwrite(path, ds, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    else:
        ds.is_implicit_VR, ds.is_little_endian = implicit, little
        pydicom.dcmwrite(path, ds, write_like_original=False)
