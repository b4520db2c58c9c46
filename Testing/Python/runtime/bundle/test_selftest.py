"""The self-test: what a decision is, and what happens when the network decides otherwise."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Dict

import numpy as np
import onnxruntime
import pytest

from kdseg.bundle import load_student
from kdseg.bundle.npy import read_npz, write_npz
from kdseg.bundle.selftest import SelfTest, decide, read_self_test, run_self_test, write_self_test
from kdseg.errors import BundleIntegrityError, BundleSchemaError, SelfTestError
from kdseg.student import Student


class PlainEngine:
    """ONNX Runtime and nothing around it."""

    def __init__(self, model: bytes) -> None:
        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def run(self, patch: np.ndarray) -> np.ndarray:
        return self.session.run(None, {"image": patch[None]})[0][0]


class Answer:
    """An engine that always gives the same logits."""

    def __init__(self, logits: np.ndarray) -> None:
        self.logits = logits

    def run(self, patch: np.ndarray) -> np.ndarray:
        return self.logits


@pytest.fixture(scope="module")
def student(tiny_path: Path) -> Student:
    return load_student(tiny_path)


def test_the_network_decides_here_as_where_it_was_exported(student: Student) -> None:
    result = run_self_test(student, PlainEngine(student.model))
    voxels = int(np.prod(student.self_test.spatial_shape))
    assert result.compared + result.undecided == voxels
    assert result.compared > voxels // 2


def test_one_clear_decision_that_differs_is_enough(student: Student) -> None:
    logits = PlainEngine(student.model).run(student.self_test.image[0])
    place = tuple(np.argwhere(student.self_test.decided[0])[0])
    logits[(slice(None), *place)] = np.roll(logits[(slice(None), *place)], 1)
    with pytest.raises(SelfTestError, match="1 that differ") as caught:
        run_self_test(student, Answer(logits))
    assert caught.value.exit_code == 4


def test_a_decision_that_was_not_clear_may_differ(student: Student) -> None:
    logits = PlainEngine(student.model).run(student.self_test.image[0])
    place = tuple(np.argwhere(student.self_test.decided[0])[0])
    decided = student.self_test.decided.copy()
    decided[(0, *place)] = False
    logits[(slice(None), *place)] = np.roll(logits[(slice(None), *place)], 1)
    lenient = replace(student, self_test=replace(student.self_test, decided=decided))
    assert run_self_test(lenient, Answer(logits)).undecided_differing == 1


@pytest.mark.parametrize("logits", [np.zeros((2, 8, 8, 8), np.float32), np.full((3, 8, 8, 8), np.nan, np.float32)])
def test_logits_that_cannot_be_right_are_refused(student: Student, logits: np.ndarray) -> None:
    with pytest.raises(SelfTestError, match="no usable logits"):
        run_self_test(student, Answer(logits))


def test_a_student_without_a_self_test_does_not_pass(student: Student) -> None:
    with pytest.raises(SelfTestError, match="has no self-test"):
        run_self_test(replace(student, self_test=None), PlainEngine(student.model))


def test_decisions_by_hand() -> None:
    logits = np.array([[0.0, 1.0, 2.0, 0.0], [1.0, 1.0, 1.995, -1.0], [-1.0, 0.0, 0.0, 0.5]], np.float32)
    labels, decided = decide(logits, has_regions=False)
    assert labels.tolist() == [[1, 0, 0, 2]]  # a tie goes to the lowest label
    assert decided.tolist() == [[True, False, False, True]]
    labels, decided = decide(np.array([[0.02, 0.005], [-0.02, 0.0]], np.float32), has_regions=True)
    assert labels.tolist() == [[1, 1], [0, 0]]
    assert decided.tolist() == [[True, False], [True, False]]


def test_numpy_reads_what_is_written() -> None:
    arrays = {"a": np.arange(6, dtype="<f4").reshape(2, 3), "b": np.array([[True]])}
    with np.load(io.BytesIO(write_npz(arrays)), allow_pickle=False) as loaded:
        assert sorted(loaded) == ["a", "b"]
        assert all((loaded[name] == arrays[name]).all() and loaded[name].dtype == arrays[name].dtype for name in arrays)


def test_the_self_test_comes_back(student: Student) -> None:
    again = read_self_test(write_self_test(student.self_test), student.plan, "x")
    for name in ("image", "labels", "decided"):
        assert (getattr(again, name) == getattr(student.self_test, name)).all()


@pytest.mark.parametrize(
    "array", [np.zeros(3, "<f8"), np.zeros(3, ">f4"), np.asfortranarray(np.zeros((2, 3), "<f4")), np.zeros(3, "S4")]
)
def test_an_array_of_another_kind_is_refused(array: np.ndarray) -> None:
    # ascontiguousarray would repair the order, so the header is written with NumPy's own function.
    from kdseg.bundle.archive import pack

    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)
    with pytest.raises(BundleIntegrityError, match="damaged"):
        read_npz(pack({"a.npy": file.getvalue()}), {"a": "<f4"}, 10_000, "x")


def test_pickled_objects_are_refused_and_never_loaded() -> None:
    from kdseg.bundle.archive import pack

    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    file.write(b"cbuiltins\nexit\n(tR.")  # unpickling this would end the test run
    with pytest.raises(BundleIntegrityError, match="damaged"):
        read_npz(pack({"a.npy": file.getvalue()}), {"a": "|O"}, 10_000, "x")


def test_a_header_that_asks_for_more_than_there_is_is_refused() -> None:
    from kdseg.bundle.archive import pack

    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (2**40,)})
    with pytest.raises(BundleIntegrityError, match="damaged"):
        read_npz(pack({"a.npy": file.getvalue()}), {"a": "<f4"}, 10_000, "x")


def bad_self_tests(good: SelfTest) -> Dict[str, SelfTest]:
    nan = good.image.copy()
    nan[0, 0, 0, 0, 0] = np.nan
    return {
        "undecided": replace(good, decided=np.zeros_like(good.decided)),
        "other shape": replace(good, labels=good.labels[:, :4]),
        "channels": replace(good, image=np.repeat(good.image, 2, axis=1)),
        "nan": replace(good, image=nan),
        "unknown label": replace(good, labels=good.labels + 3),
    }


@pytest.mark.parametrize("case", ["undecided", "other shape", "channels", "nan", "unknown label"])
def test_a_self_test_that_does_not_fit_is_refused(student: Student, case: str) -> None:
    content = write_self_test(bad_self_tests(student.self_test)[case])
    with pytest.raises(BundleSchemaError, match="self-test"):
        read_self_test(content, student.plan, "x")
