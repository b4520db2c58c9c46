"""Stock nnU-Net as a subject: counted, checked, hooked, and run beside the student that was exported from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdseg.bundle import load_student
from kdseg.bundle.onnx_work import count_flops
from kdseg.errors import TeacherError
from kdseg_testing.metadata import student_metadata
from kdseg_testing.model_folder import write_model_folder
from kdseg_training.export import export_student
from kdseg_training.profiling import ProfileRequest, StudentSubject, SubjectKind, SyntheticVolume, TeacherSubject, profile
from kdseg_training.stock_nnunet.model import open_stock_model
from kdseg_training.stock_nnunet.runner import StockSettings, check_unchanged


@pytest.mark.parametrize("network", ["PlainConvUNet", "ResidualEncoderUNet"])
def test_the_onnx_file_needs_what_torch_counts(network: str, tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path / "model", network=network, features=(4, 8, 12), patch_size=(16, 24, 8))
    export_student(folder, tmp_path, metadata=student_metadata(name="a", version="1.0.0"))
    student = load_student(tmp_path / "a-1.0.0.kdseg.zip")
    model = open_stock_model(folder)  # torch's own counter, on the device meta
    assert count_flops(student.model, 1, student.plan.patch_size) == model.flops_per_pass > 10**6


def test_parameters_are_counted_once(tmp_path: Path) -> None:
    model = open_stock_model(write_model_folder(tmp_path / "model", features=(4, 8), patch_size=(8, 8, 8)))
    encoder = (4 * 27 + 4 + 8) + (4 * 4 * 27 + 4 + 8) + (8 * 4 * 27 + 8 + 16) + (8 * 8 * 27 + 8 + 16)  # weights, biases, norms
    decoder = (8 * 4 * 8 + 4) + (4 * 8 * 27 + 4 + 8) + (3 * 4 + 3)  # upwards by 2, the skip beside it, three heads
    assert model.parameters == encoder + decoder
    assert (model.fold, model.mirroring_axes, model.validation_dice) == ("0", None, None)


def test_nnunets_own_validation_is_the_quality(tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path / "model", features=(4, 8), patch_size=(8, 8, 8))
    (folder / "fold_0" / "validation").mkdir()
    (folder / "fold_0" / "validation" / "summary.json").write_text('{"foreground_mean": {"Dice": 0.75}}', encoding="ascii")
    assert open_stock_model(folder).validation_dice == 0.75


class Planted:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_checkpoint_with_code_never_reaches_nnunet(tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    folder = write_model_folder(
        tmp_path / "model", features=(4, 8), patch_size=(8, 8, 8), checkpoint_changes={"extra": Planted(planted)}
    )
    with pytest.raises(TeacherError, match="holds Python objects"):
        profile(ProfileRequest(teachers=(TeacherSubject(str(folder)),), machine_peak=False))
    assert not planted.exists()


def test_a_checkpoint_that_was_changed_since_is_refused(tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path / "model", features=(4, 8), patch_size=(8, 8, 8))
    settings = StockSettings(
        str(folder), "0", "checkpoint_final.pth", True, None, 0, 1, "", "", open_stock_model(folder).sha256
    )
    check_unchanged(settings)
    checkpoint = folder / "fold_0" / "checkpoint_final.pth"
    checkpoint.write_bytes(checkpoint.read_bytes() + b"x")
    with pytest.raises(TeacherError, match="changed after it was checked"):
        check_unchanged(settings)


def test_teacher_and_student_run_side_by_side(tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path / "model", features=(4, 8), patch_size=(8, 8, 8), mirroring_axes=(0, 1))
    export_student(folder, tmp_path, metadata=student_metadata(name="a", version="1.0.0"))
    found = profile(
        ProfileRequest(
            students=(StudentSubject(str(tmp_path / "a-1.0.0.kdseg.zip")),),
            teachers=(TeacherSubject(str(folder), name="teacher"),),
            synthetic=SyntheticVolume((8, 12, 16), (1.0, 1.0, 1.0)),
            repetitions=1,
            threads=(1,),
            machine_peak=False,
        )
    )
    student, teacher = found.subjects
    assert (teacher.key, teacher.kind) == ("teacher", SubjectKind.NNUNET)
    assert (student.patches, student.passes) == (teacher.patches, teacher.passes) == (1 * 2 * 3, 4)
    assert student.flops_per_volume == teacher.flops_per_volume
    assert student.mirroring_axes == teacher.mirroring_axes == (0, 1)
    run = teacher.measurements[0].counted[0]
    assert [s.stage for s in run.stages] == ["load", "read", "preprocess", "network", "resample and arg-max", "write"]
    assert all(s.wall_s > 0 and s.peak_rss_bytes for s in run.stages)
    assert teacher.measurements[0].engine == "torch"
    assert {"torch", "nnunetv2", "onnxruntime"} <= set(found.versions)
