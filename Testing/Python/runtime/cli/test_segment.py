"""``kdseg segment`` from end to end, with a student whose labels are known without running it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image

from kdseg.cli.runtime import Runtime
from kdseg.hardware import Hardware
from kdseg.progress import Stage
from kdseg_testing import volume_files
from kdseg_testing.threshold_student import STRUCTURE, expected_labels, write_threshold_student

from .conftest import read_labels, write_image


def files_in(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("suffix", ["nii.gz", "nii", "nrrd", "mha"])
def test_the_result_lies_beside_the_image_with_the_right_labels(kdseg, student, tmp_path, suffix):
    voxels = write_image(tmp_path / f"scan.{suffix}")
    called = kdseg("segment", tmp_path / f"scan.{suffix}", "-m", student)
    assert called.code == 0
    assert files_in(tmp_path) == {f"scan.{suffix}", "scan.seg.nrrd"}
    result = SimpleITK.ReadImage(str(tmp_path / "scan.seg.nrrd"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(result), expected_labels(voxels[None]))
    assert result.GetMetaData("Segment0_Name") == STRUCTURE
    assert result.GetOrigin() == pytest.approx((-7.0, 3.5, 20.0))
    assert f"{(voxels > 0).sum() / 1000:.2f} ml" in called.out


@pytest.mark.parametrize("name", ["x.NII.GZ", "x.Seg.NRRD", "x.MHA"])
def test_capitals_in_the_suffix_of_the_result(kdseg, student, an_image, tmp_path, name):
    assert kdseg("segment", an_image(), "-m", student, "-o", tmp_path / name).code == 0
    assert files_in(tmp_path) == {"scan.nii.gz", name}


def test_two_channels_joined_by_a_comma(kdseg, student_of_two_channels, tmp_path):
    first, second = (write_image(tmp_path / f"{name}.nii.gz", seed) for seed, name in enumerate(("t1", "t2")))
    out = tmp_path / "labels.nii.gz"
    called = kdseg("segment", f"{tmp_path}/t1.nii.gz,{tmp_path}/t2.nii.gz", "-m", student_of_two_channels, "-o", out)
    assert called.code == 0
    np.testing.assert_array_equal(read_labels(out), expected_labels(np.stack([first, second])))


def test_a_folder_after_nnunets_names(kdseg, student_of_two_channels, tmp_path):
    for case in range(2):
        for channel in range(2):
            write_image(tmp_path / "in" / f"case{case}_{channel:04d}.nii.gz", 10 * case + channel)
    called = kdseg("segment", tmp_path / "in", "-m", student_of_two_channels, "-o", tmp_path / "out", "--format", "nii.gz")
    assert called.code == 0
    assert files_in(tmp_path / "out") == {"case0.nii.gz", "case1.nii.gz"}


def test_a_bad_case_does_not_stop_the_others(kdseg, student, an_image, tmp_path):
    first, last = an_image("a.nii.gz"), an_image("c.nii.gz", 1)
    bad = tmp_path / "b.nii.gz"
    bad.write_bytes(first.read_bytes()[:100])
    called = kdseg("segment", first, bad, last, "-m", student, "-o", tmp_path / "out")
    assert called.code == 3
    assert files_in(tmp_path / "out") == {"a.seg.nrrd", "c.seg.nrrd"}
    assert "2 done, 1 failed" in called.out and str(bad) in called.err and "what to do" in called.err


class FailingRuntime(Runtime):
    """Fails on the volumes that are named, each with its own error."""

    def __init__(self, **errors: Exception) -> None:
        self.errors = errors

    def segment(self, volume, student, **options):
        error = self.errors.get(Path(volume.source).name.partition(".")[0])
        if error is not None:
            raise error
        return super().segment(volume, student, **options)


def test_failures_of_several_kinds_give_1(kdseg, student, an_image, tmp_path):
    bad = tmp_path / "bad.nii.gz"
    bad.write_bytes(b"bad")
    runtime = FailingRuntime(a=MemoryError())
    called = kdseg("segment", an_image("a.nii.gz"), bad, "-m", student, "-o", tmp_path / "out", runtime=runtime)
    assert called.code == 1
    assert "ran out of memory" in called.err


def test_a_bug_is_one_message_and_the_others_go_on(kdseg, student, an_image, tmp_path):
    runtime = FailingRuntime(a=RuntimeError("index out of range"))
    words = ("segment", an_image("a.nii.gz"), an_image("b.nii.gz"), "-m", student, "-o", tmp_path / "out")
    called = kdseg(*words, runtime=runtime)
    assert called.code == 1
    assert files_in(tmp_path / "out") == {"b.seg.nrrd"}
    assert "Traceback" not in called.err + called.out
    assert "RuntimeError: index out of range" in called.err and "This is a bug" in called.err
    assert "Traceback" in kdseg(*words, "--debug", "--overwrite", runtime=runtime).err


def test_report_and_picture(kdseg, student, an_image, tmp_path):
    image, out = an_image(), tmp_path / "out"
    formats = ("--format", "seg.nrrd", "--format", "nii.gz")
    called = kdseg("segment", image, "-m", student, "-o", out, *formats, "--report", "--picture")
    assert called.code == 0
    assert files_in(out) == {"scan.seg.nrrd", "scan.nii.gz", "scan.png", "scan.report.json"}
    report = json.loads((out / "scan.report.json").read_text(encoding="utf-8"))
    assert [(f["path"], f["sha256"]) for f in report["inputs"]] == [
        (str(image), hashlib.sha256(image.read_bytes()).hexdigest())
    ]
    for record in report["outputs"]:
        assert record["sha256"] == hashlib.sha256(Path(record["path"]).read_bytes()).hexdigest()
    assert {Path(r["path"]).name for r in report["outputs"]} == {"scan.seg.nrrd", "scan.nii.gz", "scan.png"}
    assert report["request"]["bundle_sha256"] == hashlib.sha256(student.read_bytes()).hexdigest()
    assert list(report["stages_seconds"]) == ["read", "preprocess", "network", "resample and arg-max", "write"]
    assert report["command"][:3] == ["kdseg", "segment", str(image)]
    assert report["engine"]["name"] == "cpu" and report["engine"]["reason"]
    assert report["volumes_ml"] == {STRUCTURE: pytest.approx((read_labels(out / "scan.nii.gz") == 1).sum() / 1000)}
    with Image.open(out / "scan.png") as picture:
        assert picture.size[0] == 1600


def test_programs_are_told_everything(kdseg, student, an_image, tmp_path):
    bad = tmp_path / "bad.nii.gz"
    bad.write_bytes(b"bad")
    called = kdseg("segment", bad, an_image(), "-m", student, "-o", tmp_path / "out", "--json")
    assert called.code == 3 and called.err == ""
    assert called.events[0]["event"] == "start" and called.events[-1]["event"] == "summary"
    (error,) = called.named("error")
    assert error["case"] == "bad" and error["exit_code"] == 3 and error["remedy"]
    (result,) = called.named("result")
    assert result["outputs"] == [str(tmp_path / "out" / "scan.seg.nrrd")]
    assert result["volumes_ml"].keys() == {STRUCTURE}
    stages = [e["stage"] for e in called.named("progress") if e["case"] == "scan"]
    seen = list(dict.fromkeys(stages))
    assert [s for s in seen if s != Stage.LABELS] == [s.value for s in Stage if s is not Stage.LABELS]
    (estimate,) = called.named("estimate")
    assert estimate["peak_bytes"] > 0 and estimate["tiles"] > 0
    assert called.events[-1]["exit_code"] == 3 and called.events[-1]["done"] == 1 and called.events[-1]["failed"] == 1


def test_quiet_prints_nothing(kdseg, student, an_image):
    called = kdseg("segment", an_image(), "-m", student, "--quiet")
    assert (called.code, called.out, called.err) == (0, "", "")


def test_a_ceiling_that_is_too_low_is_refused_with_numbers(kdseg, student, an_image, tmp_path):
    called = kdseg("segment", an_image(), "-m", student, "--memory-gb", "0.001")
    assert called.code == 5
    assert "0.00 GiB" in called.err and "an estimate of" in called.err
    assert files_in(tmp_path) == {"scan.nii.gz"}


def test_an_engine_that_is_missing_is_refused(kdseg, student, an_image, tmp_path):
    called = kdseg("segment", an_image(), "-m", student, "--engine", "directml")
    assert called.code == 7 and "onnxruntime-directml" in called.err
    assert files_in(tmp_path) == {"scan.nii.gz"}


class NeverRuntime(Runtime):
    """Reads students, but must not begin with an image."""

    def read_volume(self, paths, memory_bytes):
        raise AssertionError(f"work has begun with {paths}")


def test_existing_results_stay_unless_they_may_be_replaced(kdseg, student, an_image, tmp_path):
    first, second = an_image("a.nii.gz"), an_image("b.nii.gz")
    (tmp_path / "b.seg.nrrd").write_bytes(b"drawn by hand")
    called = kdseg("segment", first, second, "-m", student, runtime=NeverRuntime())
    assert called.code == 6 and "b.seg.nrrd" in called.err
    assert (tmp_path / "b.seg.nrrd").read_bytes() == b"drawn by hand"
    assert kdseg("segment", first, second, "-m", student, "--overwrite").code == 0
    assert read_labels(tmp_path / "b.seg.nrrd").shape == (10, 11, 12)


@pytest.mark.parametrize(
    ("images", "options", "words"),
    [
        (["a.nii.gz"], ["-o", ".", "--format", "nii.gz"], "replace an input"),
        (["a.nii.gz", "sub/a.nii.gz"], ["-o", "out"], "Two results"),
        (["a.nii.gz"], ["-o", "a.nii.gz/out"], "into this folder"),
        (["a.nii.gz", "sub/a.nii.gz"], ["-o", "x.nrrd"], "2 cases"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_work(
    kdseg, student, an_image, tmp_path, monkeypatch, images, options, words
):
    monkeypatch.chdir(tmp_path)
    for name in images:
        an_image(name)
    called = kdseg("segment", *images, "-m", student, *options, runtime=NeverRuntime())
    assert called.code == 6 and words in called.err
    assert files_in(tmp_path) == set(images)


def test_done_is_done(kdseg, student, an_image, tmp_path):
    words = ("segment", an_image(), "-m", student, "-o", tmp_path / "out", "--skip-done")
    assert kdseg(*words).code == 0
    before = (tmp_path / "out" / "scan.report.json").read_bytes()
    again = kdseg(*words, runtime=NeverRuntime())
    assert again.code == 0 and "already done" in again.out
    assert (tmp_path / "out" / "scan.report.json").read_bytes() == before
    moved = tmp_path / "elsewhere"
    (tmp_path / "out").rename(moved)
    assert kdseg("segment", words[1], "-m", student, "-o", moved, "--skip-done", runtime=NeverRuntime()).code == 0


def change_the_result(folder: Path) -> None:
    path = folder / "out" / "scan.seg.nrrd"
    path.write_bytes(path.read_bytes()[:-1])


def change_the_image(folder: Path) -> None:
    write_image(folder / "scan.nii.gz", seed=99)


def damage_the_report(folder: Path) -> None:
    (folder / "out" / "scan.report.json").write_bytes(b"{")


def forge_the_report(folder: Path) -> None:
    (folder / "out" / "scan.report.json").write_text(json.dumps({"schema": "kdseg-report/1", "outputs": 5, "inputs": None}))


def remove_the_report(folder: Path) -> None:
    (folder / "out" / "scan.report.json").unlink()


@pytest.mark.parametrize(
    "change", [change_the_result, change_the_image, damage_the_report, forge_the_report, remove_the_report]
)
def test_a_file_that_merely_exists_is_not_done(kdseg, student, an_image, tmp_path, change):
    words = ("segment", an_image(), "-m", student, "-o", tmp_path / "out", "--skip-done")
    assert kdseg(*words).code == 0
    change(tmp_path)
    assert kdseg(*words, runtime=NeverRuntime()).code == 6  # it may be somebody's work: not replaced without being asked
    called = kdseg(*words, "--overwrite")
    assert called.code == 0 and "already done" not in called.out
    assert kdseg(*words, runtime=NeverRuntime()).code == 0


def test_another_student_or_setting_is_not_done(kdseg, student, an_image, tmp_path):
    other = write_threshold_student(tmp_path, name="other")
    words = ("segment", an_image(), "-o", tmp_path / "out", "--skip-done", "-m")
    assert kdseg(*words, student).code == 0
    for changed in ((other,), (student, "--step", "0.7"), (student, "--picture")):
        assert kdseg(*words, *changed, runtime=NeverRuntime()).code == 6
    for same in (("--threads", "1"), ("--no-mirroring",)):  # the student is not mirrored anyway
        assert kdseg(*words, student, *same, runtime=NeverRuntime()).code == 0


def test_a_broken_student_stops_before_any_image(kdseg, student, an_image, tmp_path):
    broken = tmp_path / "broken.kdseg.zip"
    content = bytearray(student.read_bytes())
    content[len(content) // 2] ^= 1
    broken.write_bytes(content)
    called = kdseg("segment", an_image(), "-m", broken, runtime=NeverRuntime())
    assert called.code == 4 and str(broken) in called.err
    called = kdseg("segment", an_image(), "-m", tmp_path / "none.kdseg.zip")
    assert called.code == 4 and "what to do: Check the path" in called.err


def test_a_dicom_series_folder(kdseg, student, tmp_path):
    volume_files.write_dicom_series(tmp_path / "series")
    called = kdseg("segment", tmp_path / "series", "-m", student, "--report")
    assert called.code == 0, called.err
    result = SimpleITK.ReadImage(str(tmp_path / "series.seg.nrrd"))
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "series"))
    series = SimpleITK.ReadImage(names)
    assert result.GetSize() == series.GetSize()
    assert result.GetSpacing() == pytest.approx(series.GetSpacing())
    assert result.GetDirection() == pytest.approx(series.GetDirection())
    report = json.loads((tmp_path / "series.report.json").read_text(encoding="utf-8"))
    assert report["inputs"][0]["files"] == len(names)


def test_a_dicom_series_with_a_hole_is_refused(kdseg, student, tmp_path):
    paths = volume_files.write_dicom_series(tmp_path / "series")
    Path(paths[1]).unlink()
    called = kdseg("segment", tmp_path / "series", "-m", student)
    assert called.code == 3 and "series" in called.err
    assert not (tmp_path / "series.seg.nrrd").exists()


def test_files_left_out_of_a_series_are_told_and_reported(kdseg, student, tmp_path):
    volume_files.write_dicom_series(tmp_path / "series")
    note = tmp_path / "series" / "readme.txt"
    note.write_text("hello")
    words = ("segment", tmp_path / "series", "-m", student, "--report", "--overwrite")
    called = kdseg(*words)
    assert called.code == 0 and f"note: {note}: This file is not DICOM; left out." in called.out
    event, doubt = kdseg(*words, "--json").named("finding")
    report = json.loads((tmp_path / "series.report.json").read_text(encoding="utf-8"))
    assert report["findings"][0] == {"path": str(note), "message": "This file is not DICOM; left out."}
    assert "made for MR" in doubt["message"], "the series is a CT"
    assert report["findings"][1]["message"] == doubt["message"]
    assert {k: event[k] for k in ("path", "message")} == report["findings"][0]


class SwappingRuntime(Runtime):
    """Replaces the image as soon as it has been read."""

    def read_volume(self, paths, memory_bytes):
        result = super().read_volume(paths, memory_bytes)
        write_image(paths[0], seed=99)
        return result


def test_the_report_has_the_hashes_of_the_bytes_that_were_decoded(kdseg, student, an_image, tmp_path):
    image = an_image()
    before = image.read_bytes()
    words = ("segment", image, "-m", student, "-o", tmp_path / "out", "--skip-done")
    assert kdseg(*words, runtime=SwappingRuntime()).code == 0
    assert image.read_bytes() != before
    (record,) = json.loads((tmp_path / "out" / "scan.report.json").read_text(encoding="utf-8"))["inputs"]
    assert record == {
        "path": str(image),
        "sha256": hashlib.sha256(before).hexdigest(),
        "size_bytes": len(before),
        "files": 1,
    }
    assert kdseg(*words, runtime=NeverRuntime()).code == 6
    image.write_bytes(before)
    assert kdseg(*words, runtime=NeverRuntime()).code == 0


def test_a_finished_series_is_skipped_until_a_slice_changes(kdseg, student, tmp_path):
    paths = volume_files.write_dicom_series(tmp_path / "series")
    words = ("segment", tmp_path / "series", "-m", student, "--skip-done")
    assert kdseg(*words).code == 0
    assert kdseg(*words, runtime=NeverRuntime()).code == 0
    content = bytearray(paths[0].read_bytes())
    content[-1] ^= 1
    paths[0].write_bytes(content)
    assert kdseg(*words, runtime=NeverRuntime()).code == 6


def test_reading_keeps_to_the_ceiling(kdseg, student, an_image):
    called = kdseg("segment", an_image(), "-m", student, "--memory-gb", "1e-6")
    assert called.code == 5 and "The voxels alone need more memory" in called.err


def test_without_a_ceiling_reading_keeps_to_what_the_computer_has(kdseg, student, an_image, monkeypatch):
    monkeypatch.setattr(Hardware, "usable_bytes", 1000)
    called = kdseg("segment", an_image(), "-m", student)
    assert called.code == 5 and "The voxels alone need more memory" in called.err


def test_another_engine_or_version_is_not_done(kdseg, student, an_image, tmp_path, monkeypatch):
    words = ("segment", an_image(), "-m", student, "-o", tmp_path / "out", "--skip-done")
    assert kdseg(*words, "--engine", "cpu").code == 0
    assert kdseg(*words, "--engine", "cpu", runtime=NeverRuntime()).code == 0
    assert kdseg(*words, "--engine", "auto", runtime=NeverRuntime()).code == 6
    monkeypatch.setattr("kdseg.cli.done.__version__", "99.0.0")
    assert kdseg(*words, "--engine", "cpu", runtime=NeverRuntime()).code == 6


@pytest.mark.parametrize(("change", "words"), [(remove_the_report, "missing"), (change_the_image, "does not fit")])
def test_a_result_without_its_report_is_named_with_its_case(kdseg, student, an_image, tmp_path, change, words):
    command = ("segment", an_image(), "-m", student, "-o", tmp_path / "out", "--skip-done")
    assert kdseg(*command).code == 0
    change(tmp_path)
    called = kdseg(*command, runtime=NeverRuntime())
    assert (
        called.code == 6
        and "the case scan" in called.err
        and f"its report {'is ' if words == 'missing' else ''}{words}" in called.err
    )
    assert "--overwrite to do it again" in called.err and "--skip-done to keep" not in called.err


def test_replacing_a_result_removes_what_told_of_the_earlier_one(kdseg, student, an_image, tmp_path):
    image, out = an_image("scan.nii.gz"), tmp_path / "out"
    (tmp_path / "out").mkdir()
    (out / "other.png").write_bytes(b"not ours")
    assert kdseg("segment", image, "-m", student, "-o", out, "--report", "--picture").code == 0
    assert {"scan.report.json", "scan.png"} <= files_in(out)
    write_image(image, 7)
    called = kdseg("segment", image, "-m", student, "-o", out, "--overwrite")
    assert called.code == 0
    assert files_in(out) == {"scan.seg.nrrd", "other.png"}
    assert "removed" in called.out


def test_an_own_picture_of_that_name_stays(kdseg, student, an_image, tmp_path):
    image, out = an_image("scan.nii.gz"), tmp_path / "out"
    assert kdseg("segment", image, "-m", student, "-o", out, "--report").code == 0
    (out / "scan.png").write_bytes(b"my own")
    assert kdseg("segment", image, "-m", student, "-o", out, "--overwrite").code == 0
    assert files_in(out) == {"scan.seg.nrrd", "scan.png"}
