"""Whether Segment may be pressed, and what stands beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from KDSegmentatorLib.presentation.estimate import EstimateView, estimate_sentence
from KDSegmentatorLib.presentation.readiness import Phase, Situation, StudentFacts, Tone, VolumeFacts, readiness

GIB = 1024**3
VOLUME = VolumeFacts("head", (40, 56, 40), modality="MR")
STUDENT = StudentFacts("hippocampus 1.0.0", "MR", ("MRI",), structures=2)
READY = Situation(volumes_loaded=1, volume=VOLUME, student=STUDENT, chosen_structures=2)


def test_everything_in_place_needs_no_words() -> None:
    state = readiness(READY)
    assert (state.enabled, state.button, state.sentence) == (True, "&Segment", "")


@pytest.mark.parametrize(
    ("change", "words", "tone"),
    [
        ({"volume": None, "volumes_loaded": 0}, "Load a CT or MR volume first", Tone.HINT),
        ({"volume": None}, "Choose the volume", Tone.HINT),
        ({"student": None}, "Add a student", Tone.HINT),
        ({"student": None, "missing_student": "liver 2.0.0"}, "liver 2.0.0 is not installed here", Tone.PROBLEM),
        ({"volume": replace(VOLUME, shape=(0, 0, 0))}, "no voxels", Tone.PROBLEM),
        ({"volume": replace(VOLUME, components=3)}, "3 values for each voxel", Tone.PROBLEM),
        ({"student": replace(STUDENT, channels=("T1", "T2"))}, "2 aligned volumes (T1, T2)", Tone.PROBLEM),
        ({"chosen_structures": 0}, "at least one structure", Tone.HINT),
    ],
)
def test_a_disabled_button_says_why(change: dict[str, Any], words: str, tone: Tone) -> None:
    state = readiness(replace(READY, **change))
    assert not state.enabled
    assert words in state.sentence
    assert state.tone is tone


def test_too_much_memory_is_refused_with_both_numbers() -> None:
    situation = replace(READY, estimate=EstimateView(int(6.3 * GIB)), ceiling_bytes=4 * GIB)
    state = readiness(situation)
    assert not state.enabled and state.tone is Tone.PROBLEM
    assert "6.3 GiB" in state.sentence and "4.0 GiB" in state.sentence and "Advanced" in state.sentence


@pytest.mark.parametrize(("chosen", "advised"), [(False, True), (True, False)])
def test_closing_programs_is_advised_only_where_it_raises_the_ceiling(chosen: bool, advised: bool) -> None:
    state = readiness(replace(READY, estimate=EstimateView(6 * GIB), ceiling_bytes=4 * GIB, ceiling_is_chosen=chosen))
    assert ("close other programs" in state.sentence) is advised
    assert "Crop the volume" in state.sentence and "Advanced" in state.sentence


@pytest.mark.parametrize("ceiling_bytes", [None, 4 * GIB])
def test_what_fits_is_not_refused(ceiling_bytes: int) -> None:
    assert readiness(replace(READY, estimate=EstimateView(4 * GIB), ceiling_bytes=ceiling_bytes)).enabled


def test_a_foreign_modality_is_a_warning_and_no_refusal() -> None:
    state = readiness(replace(READY, volume=replace(VOLUME, modality="CT")))
    assert state.enabled and state.tone is Tone.WARNING
    assert "is CT" in state.sentence and "trained on MR" in state.sentence


@pytest.mark.parametrize(("volume", "student"), [("", "MR"), ("CT", "not stated"), ("MR", "MR")])
def test_an_unknown_or_equal_modality_is_no_doubt(volume: str, student: str) -> None:
    situation = replace(READY, volume=replace(VOLUME, modality=volume), student=replace(STUDENT, modality=student))
    assert readiness(situation).sentence == ""


def test_segment_becomes_cancel() -> None:
    running = readiness(replace(READY, phase=Phase.RUNNING))
    assert (running.enabled, running.button) == (True, "&Cancel")
    stopping = readiness(replace(READY, phase=Phase.STOPPING))
    assert not stopping.enabled and "being stopped" in stopping.sentence


def test_a_run_can_be_cancelled_even_if_its_volume_is_gone() -> None:
    assert readiness(Situation(phase=Phase.RUNNING)).enabled


def test_the_estimate_tells_time_and_memory() -> None:
    assert estimate_sentence(None, 4 * GIB) == ""
    view = EstimateView(int(0.42 * GIB), 3.2)
    assert estimate_sentence(view, 4 * GIB) == "Expected: 3 s, 430 MiB of memory (at most 4.0 GiB)."
    assert estimate_sentence(view, None) == "Expected: 3 s, 430 MiB of memory."
    assert "after the first run" in estimate_sentence(EstimateView(GIB), None)


def test_a_single_run_waits_for_the_queue() -> None:
    state = readiness(replace(READY, queue_runs=True))
    assert not state.enabled and "queue" in state.sentence


def test_a_volume_that_is_large_for_its_student_is_announced() -> None:
    small = estimate_sentence(EstimateView(GIB, None, patches=8, passes=8), None)
    assert small == "Expected: 1.0 GiB of memory. The time is known after the first run."
    large = estimate_sentence(EstimateView(GIB, None, patches=1200, passes=8), None)
    assert large.startswith(small)
    assert "1200 patches × 8 passes. This will take long" in large
    known = estimate_sentence(EstimateView(GIB, 3600.0, patches=1200, passes=8), None)
    assert known.endswith("1200 patches × 8 passes.")
