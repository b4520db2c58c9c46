"""``kdseg info``, ``kdseg verify`` and ``kdseg doctor``."""

from __future__ import annotations

import hashlib
import shutil

import numpy as np
import pytest

from kdseg.bundle.onnx_gate import check_model
from kdseg.cli import doctor
from kdseg.cli.bundles import installed_bundles
from kdseg.cli.info import wrap_rows
from kdseg.cli.probe import negation_model, probe_engine
from kdseg.errors import EngineError
from kdseg.limits import EngineName
from kdseg_testing.threshold_student import STRUCTURE, write_threshold_student


@pytest.fixture(autouse=True)
def no_installed_students(monkeypatch, tmp_path):
    """What lies in the source tree is not what these tests look at."""
    monkeypatch.setenv("KDSEG_MODELS", "")


@pytest.fixture
def changed(student, tmp_path):
    """A bundle with one changed byte."""
    content = bytearray(student.read_bytes())
    content[-200] ^= 1
    path = tmp_path / "changed.kdseg.zip"
    path.write_bytes(content)
    return path


@pytest.fixture
def wrong(tmp_path):
    """A bundle that is intact but whose network does not decide as its self-test says."""
    return write_threshold_student(tmp_path / ".", name="wrong", wrong_self_test=True)


def test_info_is_readable(kdseg, student):
    called = kdseg("info", student)
    assert called.code == 0
    lines = called.out.splitlines()
    assert lines[0].split(maxsplit=1) == ["Student", "threshold 1.0.0"]
    assert any(line.startswith("Notice") and "research" in line for line in lines)
    assert hashlib.sha256(student.read_bytes()).hexdigest() in called.out


def test_info_for_programs(kdseg, student):
    (event,) = kdseg("info", student, "--json").events
    assert event["sha256"] == hashlib.sha256(student.read_bytes()).hexdigest()
    assert event["structures"] == [{"value": 1, "name": STRUCTURE, "color": [241, 214, 145]}]
    assert event["document"]["schema_version"] == 1


def test_long_texts_wrap_under_themselves():
    assert wrap_rows([("Use", "word " * 12), ("Longer", "x")], 50) == [
        "Use     word word word word word word word word",
        "        word word word word",
        "Longer  x",
    ]


def test_verify_says_what_was_checked(kdseg, student):
    called = kdseg("verify", student)
    assert called.code == 0
    assert "5 members" in called.out and "is intact" in called.out
    assert kdseg("verify", student, "--json").named("verified")[0]["decisions"] > 100


def test_verify_goes_on_after_a_bad_bundle(kdseg, student, changed):
    called = kdseg("verify", changed, student)
    assert called.code == 4
    assert "is intact" in called.out and str(changed) in called.err


def test_verify_notices_a_network_that_decides_differently(kdseg, wrong):
    called = kdseg("verify", wrong)
    assert called.code == 4 and "decides differently" in called.err and "is intact" not in called.out


def test_verify_takes_folders(kdseg, student, tmp_path):
    shutil.copy(student, tmp_path)
    assert kdseg("verify", tmp_path).code == 0
    (tmp_path / "empty").mkdir()
    assert kdseg("verify", tmp_path / "empty").code == 4


def test_doctor_finds_this_environment_healthy(kdseg, student):
    called = kdseg("doctor", student)
    assert called.code == 0, called.out
    assert "Everything that is needed works." in called.out
    assert "CPUExecutionProvider computes as it should" in called.out
    assert "threshold 1.0.0: hashes and" in called.out


def test_doctor_names_what_is_broken(kdseg, changed):
    called = kdseg("doctor", changed, "--json")
    (event,) = called.events
    assert called.code == 1 and event["healthy"] is False
    faults = [check for check in event["checks"] if check["status"] == "fault"]
    assert [fault["subject"] for fault in faults] == ["changed.kdseg.zip"]
    assert faults[0]["remedy"]


def test_doctor_finds_installed_students(kdseg, student, monkeypatch):
    monkeypatch.setenv("KDSEG_MODELS", str(student.parent))
    assert student in installed_bundles()
    assert "threshold 1.0.0" in kdseg("doctor").out


def test_two_variants_of_onnxruntime_are_a_fault():
    check = doctor.check_variants(("onnxruntime", "onnxruntime-openvino"))
    assert check.status == "fault"
    assert "uninstall -y onnxruntime onnxruntime-openvino" in check.remedy and check.remedy.endswith("onnxruntime-openvino.")
    assert doctor.check_variants(("onnxruntime-gpu",)).status == "ok"


@pytest.mark.parametrize(
    ("found", "status"),
    [({"numpy": "1.26.4"}, "ok"), ({"numpy": "1.9.3"}, "fault"), ({"numpy": "1.22rc1"}, "ok"), ({}, "fault")],
)
def test_versions_are_compared_as_numbers(found, status):
    (check,) = doctor.check_versions(found, {"numpy": "1.22"})
    assert check.status == status
    assert bool(check.remedy) == (status == "fault")


def test_a_variant_counts_as_onnxruntime():
    (check,) = doctor.check_versions({"onnxruntime-openvino": "1.24.1"}, {"onnxruntime": "1.19"})
    assert check.status == "ok"


def test_a_package_that_does_not_load_is_a_fault(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("raise OSError('libmissing.so')")
    monkeypatch.syspath_prepend(tmp_path)
    check = doctor.check_imports({"json": "python", "broken_package": "broken-package"})
    assert check.status == "fault" and "libmissing.so" in check.finding and "broken-package" in check.remedy
    assert doctor.check_imports({"json": "python"}).status == "ok"


def test_the_required_versions_are_those_of_the_project(repository):
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    for name, lowest in doctor.REQUIRED.items():
        wanted = f'requires-python = ">={lowest}"' if name == "python" else f'"{name}>={lowest}"'
        assert wanted in text, f"{name} {lowest}"


def test_the_probe_is_a_network_that_the_gate_lets_through():
    facts = check_model(negation_model(), channels=1, heads=1, spatial_axes=3)
    assert facts.operators == {"Neg"}
    assert probe_engine(EngineName.CPU) == "CPUExecutionProvider"


def test_the_probe_notices_wrong_numbers():
    class Broken:
        run = staticmethod(np.abs)

    with pytest.raises(EngineError, match="wrong numbers"):
        probe_engine(EngineName.CPU, lambda *_, **__: Broken())
