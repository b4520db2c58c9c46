"""chooseStudent from Python: the family of an installed student, with what this computer knows of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kdseg.errors import BundleError, InputError
from kdseg_testing.threshold_student import write_threshold_student

from .conftest import SHAPE_KJI, blobs


def latency(seconds: float) -> list[dict[str, Any]]:
    return [{"hardware": "a laptop", "threads": 4, "engine": "cpu", "task": "a head", "n": 20, "median_s": seconds}]


def quality(dice: float) -> dict[str, Any]:
    share = {"mean": dice, "n": 9, "interval": [0.0, 1.0], "confidence": 0.95}
    distance = {"mean": 1.0, "n": 9, "interval": [0.0, 2.0], "confidence": 0.95}
    return {
        "test_set": "9 cases",
        "method": "by hand",
        "classes": [{"value": 1, "dice": share, "nsd": share, "hd95_mm": distance}],
    }


@pytest.fixture
def family(logic: Any, students_folder: Path) -> Any:
    """The logic with two students of one family beside the one that is there."""
    students_folder.mkdir(exist_ok=True)
    write_threshold_student(students_folder, name="wide", modality="CT", quality=quality(0.9), latency=latency(90.0))
    write_threshold_student(students_folder, name="narrow", modality="CT", quality=quality(0.8), latency=latency(9.0))
    return logic


def test_the_budget_names_the_student(family: Any) -> None:
    assert family.chooseStudent("narrow").student.name == "wide"
    answer = family.chooseStudent("wide", seconds=20)
    assert answer.student.name == "narrow"
    assert {m.student.name for m in answer.members} == {"wide", "narrow"}
    assert "stated by its author" in answer.choice.why
    assert family.chooseStudent("wide", seconds=20, leastQuality=0.85).student is None


def test_with_a_volume_memory_is_estimated_for_it(family: Any, make_volume: Callable[..., Any]) -> None:
    volume_node = make_volume(blobs(SHAPE_KJI))
    answer = family.chooseStudent("wide", volume_node, memoryBytes=2 * 1024**3)
    for member in answer.members:
        estimate = family.estimate(volume_node, member.student, memoryBytes=2 * 1024**3)
        assert member.candidate.memory_bytes.value == estimate.peak_bytes
    assert family.chooseStudent("wide", volume_node, memoryBytes=1024**2).student is None


def test_what_cannot_be_is_refused(family: Any, make_volume: Callable[..., Any], scene: Any) -> None:
    with pytest.raises(ValueError, match="seconds"):
        family.chooseStudent("wide", seconds=0)
    with pytest.raises(BundleError, match="no student of this name"):
        family.chooseStudent("nobody")
    with pytest.raises(InputError):
        family.chooseStudent("wide", scene.AddNewNodeByClass("vtkMRMLTableNode", "a table"))
