"""The chart is drawn, with and without qualities, and says what it leaves out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kdseg_training.profiling import Profile, SubjectKind
from kdseg_training.profiling.chart import STUDENT_COLOUR, TEACHER_COLOUR, draw_chart

from .conftest import make_profile, make_subject


def colours(path: Path) -> set[tuple[int, ...]]:
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    return {tuple(int(v) for v in row) for row in np.unique(pixels, axis=0)}


def rgb(text: str) -> tuple[int, ...]:
    return tuple(int(text[i : i + 2], 16) for i in (1, 3, 5))


@pytest.fixture
def profile() -> Profile:
    teacher = make_subject("teacher", [90.0, 95.0], dice=0.93, kind=SubjectKind.NNUNET)
    return make_profile(make_subject("half", [20.0], dice=0.92), make_subject("quarter", [5.0], dice=0.9), teacher)


def test_quality_against_latency_shows_both_kinds(profile: Profile, tmp_path: Path) -> None:
    draw_chart(profile, tmp_path / "chart.png")
    assert {rgb(STUDENT_COLOUR), rgb(TEACHER_COLOUR)} <= colours(tmp_path / "chart.png")


def test_without_quality_it_is_latency_alone(tmp_path: Path) -> None:
    draw_chart(make_profile(make_subject("a", [20.0], dice=None)), tmp_path / "chart.png")
    assert rgb(STUDENT_COLOUR) in colours(tmp_path / "chart.png")
