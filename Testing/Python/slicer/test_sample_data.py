"""The Sample Data entry: verified when downloaded, cut out voxel for voxel as the demo does it, and segmentable."""

from __future__ import annotations

import re
import sys
import types
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK

import slicer
from KDSegmentatorLib import sample_data
from KDSegmentatorLib.mrml import export_volume


@pytest.fixture(scope="module")
def demo_volume(load_script):
    """The demo's own script, which cuts the same boxes with SimpleITK."""
    return load_script("Examples/demo_volume.py")


@pytest.fixture(scope="module")
def template_file(tmp_path_factory):
    """A file on the template's grid; every voxel has its own number."""
    x, y, z = 197, 233, 189
    image = SimpleITK.GetImageFromArray(np.arange(z * y * x, dtype=np.int32).reshape(z, y, x))
    image.SetDirection((-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))
    image.SetOrigin((98.0, 134.0, -72.0))
    path = tmp_path_factory.mktemp("template") / "template.nrrd"
    SimpleITK.WriteImage(image, str(path))
    return path


@pytest.fixture
def sample_data_module(monkeypatch, template_file):
    """Slicer's module SampleData, as far as it is used: it remembers entries and what it was asked to download."""
    module = types.ModuleType("SampleData")
    module.entries, module.downloads = [], []

    class SampleDataLogic:
        @staticmethod
        def registerCustomSampleDataSource(**entry) -> None:
            module.entries.append(entry)

        def downloadFileIntoCache(self, uri, name, checksum=None):
            module.downloads.append((uri, name, checksum))
            return str(template_file)

    module.SampleDataLogic = SampleDataLogic
    monkeypatch.setitem(sys.modules, "SampleData", module)
    return module


def test_the_entry_names_a_fixed_version_and_its_digest(bed, sample_data_module) -> None:
    sample_data.register()
    (entry,) = sample_data_module.entries
    assert re.fullmatch(r"SHA256:[0-9a-f]{64}", entry["checksums"])
    assert re.search(r"^https://raw\.githubusercontent\.com/nilearn/nilearn/\d+\.\d+\.\d+/", entry["uris"])
    assert entry["category"] == "KDSegmentator"
    assert sample_data.THUMBNAIL.is_file()
    assert entry["thumbnailFileName"] == str(sample_data.THUMBNAIL)
    assert entry["customDownloader"] is sample_data.download


def test_the_entry_is_there_when_slicer_has_started(load_module, end_startup, sample_data_module) -> None:
    load_module("KDSegmentator")
    assert not sample_data_module.entries
    end_startup()
    assert [entry["sampleName"] for entry in sample_data_module.entries] == [sample_data.SAMPLE_NAME]


def test_a_slicer_without_sample_data_starts_as_well(load_module, end_startup, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "SampleData", None)
    load_module("KDSegmentator")
    end_startup()


def test_brain_and_boxes_are_those_of_the_demo(bed, sample_data_module, demo_volume, template_file, tmp_path) -> None:
    source = SimpleNamespace(uris=["u"], fileNames=["f"], checksums=["c"])
    nodes = sample_data.download(source)
    assert sample_data_module.downloads == [("u", "f", "c")]
    assert [node.GetName() for node in nodes] == ["MNI152 brain", "MNI152 left hippocampus", "MNI152 right hippocampus"]
    assert len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")) == 3
    template = SimpleITK.ReadImage(str(template_file))
    volumes = [template, *(demo_volume.cut_out(template, side) for side in ("left", "right"))]
    for node, expected in zip(nodes, volumes):
        found = SimpleITK.ReadImage(str(export_volume(node, tmp_path, node.GetName())))
        assert np.array_equal(SimpleITK.GetArrayFromImage(found), SimpleITK.GetArrayFromImage(expected))
        assert found.GetOrigin() == pytest.approx(expected.GetOrigin())
        assert found.GetDirection() == pytest.approx(expected.GetDirection())


def test_a_failed_download_is_told(bed, sample_data_module, monkeypatch) -> None:
    def fail(self, uri, name, checksum=None):
        raise ValueError("no network")

    told = []
    monkeypatch.setattr(sample_data_module.SampleDataLogic, "downloadFileIntoCache", fail)
    monkeypatch.setattr(slicer.util, "errorDisplay", lambda text, **_options: told.append(text))
    with pytest.raises(ValueError, match="no network"):
        sample_data.download(SimpleNamespace(uris=["u"], fileNames=["f"], checksums=["c"]))
    assert told == ["The sample data could not be loaded.\n\nno network"]


def test_importing_the_description_loads_neither_slicer_nor_numpy(repository) -> None:
    import subprocess

    code = "import sys; import KDSegmentatorLib.sample_data; print({'slicer', 'numpy', 'vtk'} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=repository / "KDSegmentator", check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "set()"
