"""What a run leaves behind for people and auditors."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from kdseg.errors import OutputError, VolumeFileError
from kdseg.geometry import Geometry
from kdseg.report import FileRecord, RunFiles, fingerprint, read_report, write_report
from kdseg.segmentation import Code, LabelEntry, Segmentation
from kdseg.versions import onnxruntime_variants, versions

TISSUE = Code("SCT", "85756007", "Tissue")


@pytest.fixture
def segmentation():
    labels = np.zeros((4, 5, 6), np.uint8)
    labels[:2] = 1
    entries = (LabelEntry(1, "Leber/Foie", (1, 2, 3), TISSUE, TISSUE), LabelEntry(2, "Absent", (1, 2, 3), TISSUE, TISSUE))
    return Segmentation(labels, Geometry((4, 5, 6), (2.0, 2.0, 5.0)), entries, {"engine": {"name": "cpu"}})


def test_the_hash_of_a_file(tmp_path):
    content = bytes(range(256)) * 8192  # 2 MiB, more than one chunk
    (tmp_path / "a").write_bytes(content)
    record = fingerprint(tmp_path / "a")
    assert record == FileRecord(str(tmp_path / "a"), hashlib.sha256(content).hexdigest(), 2 << 20)


def test_the_hash_of_a_folder_is_that_of_sha256sum(tmp_path):
    """The same as ``sha256sum * | sha256sum`` in the folder."""
    for name, content in (("b", b"2"), ("a", b"1")):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "sub").mkdir()
    lines = "".join(f"{hashlib.sha256(c).hexdigest()}  {n}\n" for n, c in (("a", b"1"), ("b", b"2")))
    record = fingerprint(tmp_path)
    assert (record.sha256, record.size_bytes, record.files) == (hashlib.sha256(lines.encode()).hexdigest(), 2, 2)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(VolumeFileError, match="cannot be read"):
        fingerprint(tmp_path / "none")


def test_the_report_is_readable_json(segmentation, tmp_path):
    path = tmp_path / "r.json"
    (tmp_path / "in.nii").write_bytes(b"x")
    files = RunFiles((fingerprint(tmp_path / "in.nii"),), ())
    report = write_report(segmentation, path, files=files, command=["kdseg", "segment"], request={"step": 0.5})
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == report == read_report(path)
    assert "Leber/Foie" in text and "\n  " in text
    assert report["volumes_ml"] == {"Leber/Foie": 60 * 0.02, "Absent": 0.0}
    assert report["engine"] == {"name": "cpu"} and report["request"] == {"step": 0.5}
    assert report["inputs"][0]["sha256"] == hashlib.sha256(b"x").hexdigest()
    assert "research use" in report["notice"]
    written = datetime.fromisoformat(report["created_utc"])
    assert written.utcoffset() == timedelta(0)
    assert abs(datetime.now(timezone.utc) - written) < timedelta(minutes=5)
    assert report["versions"]["numpy"] == np.__version__
    assert report["hardware"]["cpus_available"] >= 1


def test_any_file_name_can_be_reported(segmentation, tmp_path):
    """A name that is not UTF-8 reaches Python with lone surrogates."""
    name = b"caf\xe9.nii".decode("utf-8", "surrogateescape")
    write_report(segmentation, tmp_path / "r.json", files=RunFiles((FileRecord(name, "0" * 64, 1),)))
    report = read_report(tmp_path / "r.json")
    assert report is not None and report["inputs"][0]["path"] == name


def test_a_report_that_cannot_be_written_leaves_nothing(segmentation, tmp_path):
    with pytest.raises(OutputError):
        write_report(segmentation, tmp_path / "none" / "r.json", files=RunFiles())
    segmentation.report["bad"] = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        write_report(segmentation, tmp_path / "r.json", files=RunFiles())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema": "other/1"}', b"\xff"])
def test_what_is_no_report_is_none(tmp_path, content):
    (tmp_path / "r.json").write_bytes(content)
    assert read_report(tmp_path / "r.json") is None
    assert read_report(tmp_path / "missing.json") is None


def test_versions_name_what_computes():
    import onnxruntime
    import SimpleITK

    found = versions()
    assert found["SimpleITK"] == SimpleITK.__version__
    assert len(onnxruntime_variants()) == 1
    assert found[onnxruntime_variants()[0]] == onnxruntime.__version__


def test_two_variants_side_by_side_are_seen(tmp_path, monkeypatch):
    for name in ("onnxruntime_gpu", "onnxruntime_extensions"):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    before = onnxruntime_variants()
    monkeypatch.syspath_prepend(tmp_path)
    assert onnxruntime_variants() == tuple(sorted((*before, "onnxruntime-gpu")))
