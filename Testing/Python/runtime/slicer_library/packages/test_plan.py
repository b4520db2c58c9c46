"""What would be installed, for every kind of computer and state; nothing is done here."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdseg.cli.wheelhouse import ONNXRUNTIME, OPENVINO, OPENVINO_LIBRARIES, SCIKIT_IMAGE, Target, runtime_requirements
from kdseg.errors import InstallationError
from KDSegmentatorLib.packages import Wish, installed_runtime, missing_packages, plan_installation, question
from KDSegmentatorLib.packages.plan import make_constraints

SLICER = {"numpy": "2.0.2", "simpleitk": "2.4.0rc2.dev9+gabc", "scipy": "1.14.1", "pydicom": "3.0.1"}
LINUX = Target("Linux", "x86_64", (3, 12))
WINDOWS = Target("Windows", "AMD64", (3, 12))
MAC = Target("Darwin", "arm64", (3, 12))
OLD_WINDOWS = Target("Windows", "AMD64", (3, 9))
IMAGE = {"scikit-image": "0.25.0"}


def plan(installed, *, target=LINUX, faster=None, folder=None):
    return plan_installation(target, {**SLICER, **installed}, Wish(faster, folder))


def test_first_use_installs_both_and_touches_nothing_of_slicers() -> None:
    found = plan({})
    assert found.uninstall == ()
    assert found.install == (ONNXRUNTIME, SCIKIT_IMAGE)
    assert found.constraints == ("numpy==2.0.2", "pydicom==3.0.1", "scipy==1.14.1", "simpleitk==2.4.0rc2.dev9+gabc")


def test_a_complete_installation_is_left_alone() -> None:
    assert plan({"onnxruntime": "1.31.1", **IMAGE}).nothing_to_do
    assert plan({"onnxruntime-openvino": "1.24.1", **IMAGE}).nothing_to_do
    assert plan({"onnxruntime-gpu": "1.24.1", **IMAGE}, faster=False).nothing_to_do


def test_only_what_is_missing_is_installed() -> None:
    assert plan({"onnxruntime": "1.31.1"}).install == (SCIKIT_IMAGE,)
    assert plan(IMAGE).install == (ONNXRUNTIME,)
    with_openvino = plan({"onnxruntime-openvino": "1.24.1"})
    assert (with_openvino.uninstall, with_openvino.install) == ((), (SCIKIT_IMAGE,))


def test_an_old_version_is_replaced_by_pip_itself() -> None:
    found = plan({"onnxruntime": "1.9.0", "scikit-image": "0.19"})
    assert (found.uninstall, found.install) == ((), (ONNXRUNTIME, SCIKIT_IMAGE))
    assert not any(c.startswith(("onnxruntime", "scikit-image")) for c in found.constraints)


@pytest.mark.parametrize(
    ("target", "present", "faster", "install"),
    [
        (LINUX, "onnxruntime", True, (OPENVINO,)),
        (WINDOWS, "onnxruntime", True, (OPENVINO, OPENVINO_LIBRARIES)),
        (LINUX, "onnxruntime-gpu", True, (OPENVINO,)),
        (LINUX, "onnxruntime-openvino", False, (ONNXRUNTIME,)),
    ],
)
def test_switching_uninstalls_the_other_variant_first(target, present, faster, install) -> None:
    found = plan({present: "1.24.1", **IMAGE}, target=target, faster=faster)
    assert (found.uninstall, found.install) == ((present,), install)
    assert not any(c.startswith("onnxruntime") for c in found.constraints)


def test_two_variants_side_by_side_become_one() -> None:
    both = {"onnxruntime": "1.31.1", "onnxruntime-openvino": "1.24.1", **IMAGE}
    found = plan(both)
    assert found.uninstall == ("onnxruntime", "onnxruntime-openvino")
    assert found.install == (OPENVINO,)
    assert plan(both, faster=False).install == (ONNXRUNTIME,)
    assert missing_packages(both) == [ONNXRUNTIME]
    assert "disturb" in installed_runtime(both)


@pytest.mark.parametrize("target", [MAC, OLD_WINDOWS, Target("Linux", "aarch64", (3, 12)), Target("Linux", "x86_64", (3, 9))])
def test_where_there_is_no_faster_variant_it_is_not_offered_and_refused(target: Target) -> None:
    assert question(target, SLICER, Wish()).faster is None
    with pytest.raises(InstallationError, match="no faster variant"):
        plan({}, target=target, faster=True)
    assert runtime_requirements(target, faster=False) == (ONNXRUNTIME, SCIKIT_IMAGE)


def test_the_question_names_everything_that_would_happen() -> None:
    asked = question(WINDOWS, {**SLICER, "onnxruntime": "1.20.0", **IMAGE}, Wish(faster=True))
    assert (asked.packages, asked.uninstall) == ((OPENVINO, OPENVINO_LIBRARIES), ("onnxruntime",))
    assert asked.faster == "onnxruntime-openvino"
    assert asked.offline_command == (
        "kdseg wheelhouse packages --python 3.12 --platform windows --pin numpy==2.0.2 --pin scipy==1.14.1 --faster"
    )
    assert question(LINUX, {**SLICER, "onnxruntime-openvino": "1.24.1"}, Wish()).faster is None


def test_the_folder_stays_with_the_plan(tmp_path: Path) -> None:
    assert plan({}, folder=tmp_path).folder == tmp_path


def test_versions_that_pip_cannot_read_are_no_constraints() -> None:
    installed = {"a": "1.0", "b": "2.5.0.dev-5", "c": "1!2.0rc1.post3", "d": "", "e": "2024.1.2+local.3"}
    assert make_constraints(installed, {"a"}) == ("c==1!2.0rc1.post3", "e==2024.1.2+local.3")


def test_which_variant_is_in_use_is_told() -> None:
    assert installed_runtime({}) == "ONNX Runtime is not installed"
    assert installed_runtime({"onnxruntime": "1.31.1"}) == "ONNX Runtime 1.31.1"
    assert "OpenVINO" in installed_runtime({"onnxruntime-openvino": "1.24.1"})
    assert installed_runtime({"onnxruntime-gpu": "1.20.0"}) == "ONNX Runtime 1.20.0 (onnxruntime-gpu)"
