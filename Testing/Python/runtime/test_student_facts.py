"""What a bundle says that decides between students, and where the user's data lie."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Optional

import pytest

from kdseg.student_facts import family_of, latency_figure, memory_figure, quality_figure
from kdseg.user_data import profiles_folder, user_data_folder


def document(
    teacher: Optional[str] = None, *, dataset: str = "Hippocampi", classes: tuple = ((1, "A"), (2, "B")), channel: str = "MRI"
) -> dict[str, Any]:
    return {
        "modality": "MR",
        "channels": [{"name": channel}],
        "classes": [{"value": value, "name": name} for value, name in classes],
        "provenance": {"dataset": {"name": dataset}, "teacher": teacher},
    }


def dice(mean: float) -> dict[str, Any]:
    return {"mean": mean, "n": 40, "interval": [0.0, 1.0], "confidence": 0.95}


def latency(hardware: str, seconds: float, **more: Any) -> dict[str, Any]:
    return {"hardware": hardware, "threads": 4, "engine": "cpu", "task": "a head", "n": 20, "median_s": seconds, **more}


def test_quality_is_the_mean_over_the_classes() -> None:
    classes = [{"value": 1, "dice": dice(0.9)}, {"value": 2, "dice": dice(0.8)}]
    figure = quality_figure({"quality": {"test_set": "40 cases", "method": "mean over cases", "classes": classes}})
    assert figure.value == pytest.approx(0.85)
    assert figure.source == "mean over 2 classes, 40 cases"
    assert figure.basis == "40 cases | mean over cases"


def test_what_is_not_stated_is_unknown() -> None:
    assert quality_figure({}) is None
    assert latency_figure({}) is None
    assert latency_figure({"latency": []}) is None
    assert memory_figure({"latency": [latency("a laptop", 3)]}) is None


def test_the_latency_of_this_processor_comes_first() -> None:
    stated = {"latency": [latency("a laptop", 3), latency("AMD EPYC 7B13, 8 GB", 5, peak_rss_bytes=7)]}
    assert latency_figure(stated).value == 3
    assert latency_figure(stated, "AMD EPYC 7B13").value == 5
    assert memory_figure(stated, "AMD EPYC 7B13").value == 7
    assert latency_figure(stated).source == "stated by its author for a head on a laptop, cpu, 4 threads"


def test_a_family_has_one_teacher_and_the_same_task() -> None:
    mine = document("T")
    others = [
        document("T"),
        document(None),  # the teacher itself, or a student trained alone
        document("T", dataset="Livers"),
        document("T", classes=((1, "A"),)),
        document("T", channel="CT"),
        document("T", classes=((2, "B"), (1, "A"))),  # the same classes in another order
    ]
    assert family_of(mine, others) == (0, 1, 5)


def test_with_two_teachers_those_without_one_belong_to_none() -> None:
    others = [document("T"), document("S"), document(None)]
    assert family_of(document("T"), others) == (0,)
    assert family_of(document(None), others) == (2,)
    assert family_of(document(None), [document("T"), document(None)]) == (0, 1)


@pytest.mark.parametrize(
    ("platform", "variable", "below"),
    [("win32", "APPDATA", ("KDSegmentator",)), ("linux", "XDG_DATA_HOME", ("KDSegmentator",))],
)
def test_the_users_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, variable: str, below: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert user_data_folder() == tmp_path.joinpath(*below)
    assert profiles_folder() == tmp_path.joinpath(*below, "Profiles")


def test_the_users_folder_on_a_mac(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(Path, "home", classmethod(lambda cls: tmp_path))
    assert user_data_folder() == tmp_path / "Library" / "Application Support" / "KDSegmentator"
