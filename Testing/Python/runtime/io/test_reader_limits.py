"""What a file may take: memory below a ceiling, and a bounded number of gzip members."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from kdseg.errors import MemoryLimitError, VolumeFileError
from kdseg.io import read_volume, read_volume_input
from kdseg.io.streams import MAX_GZIP_MEMBERS
from kdseg_testing import volume_files as vf


def without(forbidden, empty):
    """Return ``numpy.empty`` that refuses ``forbidden`` bytes."""

    def guarded(count, *args, **kwargs):
        assert np.prod(count) != forbidden, f"memory for {count} was taken"
        return empty(count, *args, **kwargs)

    return guarded


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
def test_what_the_memory_ceiling_forbids_is_refused_before_memory_is_taken(tmp_path, monkeypatch, name):
    path = vf.write_image(tmp_path / name, vf.voxels("int16"))
    count = 7 * 6 * 5 * 2
    assert read_volume_input(path, memory_bytes=count).volume.channels == 1
    with pytest.raises(MemoryLimitError):  # the second channel has what the first one left
        read_volume_input([path, path], memory_bytes=2 * count - 1)
    monkeypatch.setattr(np, "empty", without(count, np.empty))
    with pytest.raises(MemoryLimitError, match="Crop or resample") as caught:
        read_volume_input(path, memory_bytes=count - 1)
    assert (caught.value.estimate_bytes, caught.value.limit_bytes, caught.value.path) == (count, count - 1, str(path))


def test_the_float_copy_of_scaled_integers_counts(tmp_path):
    path = vf.write_nifti(tmp_path / "a.nii", vf.voxels("int16"), slope=0.5, inter=0)
    stored = 7 * 6 * 5 * 2
    assert read_volume_input(path, memory_bytes=3 * stored).volume.channels == 1
    with pytest.raises(MemoryLimitError):
        read_volume_input(path, memory_bytes=3 * stored - 1)


def test_a_gzip_file_of_very_many_members_is_refused(tmp_path, monkeypatch):
    raw = vf.write_nifti(tmp_path / "a.nii").read_bytes()
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(raw) + gzip.compress(b"") * (MAX_GZIP_MEMBERS - 1))
    assert read_volume(path).channels == 1
    path.write_bytes(path.read_bytes() + gzip.compress(b""))
    with pytest.raises(VolumeFileError, match=f"more than {MAX_GZIP_MEMBERS} members"):
        read_volume(path)
