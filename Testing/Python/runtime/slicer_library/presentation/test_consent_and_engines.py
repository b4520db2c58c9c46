"""What is asked before an installation, and the devices to choose from."""

from __future__ import annotations

from pathlib import Path

from kdseg.limits import EngineName
from KDSegmentatorLib.presentation.consent import consent_view, folder_problem
from KDSegmentatorLib.presentation.engines import engine_choices


def choices(system: str, *installed: str) -> dict[str, bool]:
    return {choice.name: choice.enabled for choice in engine_choices(system, installed)}


def test_the_question_names_every_package_and_what_is_left_alone() -> None:
    view = consent_view(("onnxruntime>=1.19", "scikit-image>=0.22"), faster=None, offline_command="kdseg wheelhouse FOLDER")
    assert view.packages == ("onnxruntime>=1.19", "scikit-image>=0.22")
    assert "NumPy and SimpleITK" in view.promise
    assert view.faster == ""


def test_the_faster_variant_is_offered_by_name() -> None:
    assert "onnxruntime-openvino" in consent_view((), faster="onnxruntime-openvino", offline_command="").faster


def test_a_folder_of_packages_must_hold_some(tmp_path: Path) -> None:
    assert "Choose the folder" in folder_problem("")
    assert "does not exist" in folder_problem(str(tmp_path / "nothing"))
    assert "holds no packages" in folder_problem(str(tmp_path))
    (tmp_path / "onnxruntime-1.26-cp312-cp312-linux_x86_64.whl").touch()
    assert folder_problem(str(tmp_path)) == ""


def test_before_the_first_run_only_what_every_variant_has_can_be_chosen() -> None:
    assert choices("Linux") == {"auto": True, "cpu": True, "openvino": False, "cuda": False}


def test_each_system_offers_its_own_devices() -> None:
    assert "directml" in choices("Windows") and "coreml" not in choices("Windows")
    assert "coreml" in choices("Darwin") and "cuda" not in choices("Darwin")


def test_an_installed_variant_opens_its_device() -> None:
    assert choices("Linux", "onnxruntime-openvino")["openvino"]
    assert choices("Windows", "onnxruntime-directml")["directml"]
    assert choices("Darwin", "onnxruntime")["coreml"]


def test_a_grey_device_says_what_it_needs() -> None:
    reasons = {choice.name: choice.reason for choice in engine_choices("Linux", ("onnxruntime",))}
    assert "onnxruntime-gpu" in reasons["cuda"]
    assert reasons["cpu"] == ""


def test_every_engine_of_the_runtime_is_offered_somewhere() -> None:
    offered = {name for system in ("Linux", "Windows", "Darwin") for name in choices(system)}
    assert offered == {engine.value for engine in EngineName}
