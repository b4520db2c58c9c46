"""A profile's report as points, its words, and the choice for a budget."""

from __future__ import annotations

import copy

import pytest

from kdseg.errors import WorkerError
from KDSegmentatorLib.presentation.readiness import Phase, Tone
from KDSegmentatorTrainingLib.presentation.profile import (
    ProfileSituation,
    chosen_text,
    outcome_text,
    profile_readiness,
    row_texts,
)
from KDSegmentatorTrainingLib.profile.request import ProfileRequest
from KDSegmentatorTrainingLib.profile.results import read_report

GIB = 1024**3


def point(key: str, seconds: float, dice: object, *, memory: object = 2 * GIB) -> dict:
    return {
        "key": key,
        "kind": "student",
        "threads": 4,
        "seconds": seconds,
        "seconds_low": None,
        "seconds_high": None,
        "peak_rss_bytes": memory,
        "parameters": 6_430_000,
        "quality": dice,
        "quality_source": "" if dice is None else "40 cases",
        "on_front": None if dice is None else True,
    }


REPORT = {
    "points": [point("wide", 60.0, 0.91), point("narrow", 12.5, 0.88, memory=GIB)],
    "card": "the card",
    "warnings": [],
    "kept": "profile.json",
}


@pytest.fixture
def result():
    return read_report(REPORT)


def test_points_become_rows(result) -> None:
    assert row_texts(result.points[0]) == ("wide", "60 s", "2.0 GiB", "0.910", "6.43 M")
    assert row_texts(read_report({**REPORT, "points": [point("x", 1.0, None, memory=None)]}).points[0])[2:4] == (
        "not known",
        "not known",
    )


def test_few_parameters_are_counted_and_private_paths_are_not_shown() -> None:
    assert row_texts(read_report({**REPORT, "points": [{**point("x", 1.0, None), "parameters": 4321}]}).points[0])[4] == "4,321"
    report = {**REPORT, "card": "Volume   /private/job/volume.nrrd: 40 voxels"}
    assert read_report(report, {"/private/job/volume.nrrd": "head"}).card == "Volume   head: 40 voxels"


def test_an_interval_stands_beside_its_median() -> None:
    report = copy.deepcopy(REPORT)
    report["points"][0].update(seconds_low=58.0, seconds_high=66.0)
    assert row_texts(read_report(report).points[0])[1] == "60 s (58 to 66)"


@pytest.mark.parametrize(
    ("limits", "chosen", "words"),
    [
        ((0, 0, 0), "wide", "best quality"),
        ((30, 0, 0), "narrow", "the only student that keeps to at most 30 s"),
        ((0, 1.5, 0), "narrow", "1.50 GiB"),
        ((0, 0, 0.9), "wide", "Dice of at least 0.900"),
        ((30, 0, 0.9), "", "No student keeps to"),
    ],
)
def test_the_budget_decides(result, limits: tuple, chosen: str, words: str) -> None:
    sentence, tone, name = chosen_text(result, *limits)
    assert name == chosen
    assert words in sentence
    assert tone is (Tone.HINT if chosen else Tone.WARNING)


def test_an_unknown_number_is_never_guessed() -> None:
    report = {**REPORT, "points": [point("wide", 60.0, 0.91, memory=None), point("narrow", 12.5, 0.88, memory=GIB)]}
    sentence, tone, name = chosen_text(read_report(report), 0, 1.5, 0)
    assert name == "narrow"
    assert tone is Tone.WARNING
    assert "not known: wide" in sentence


def test_doubts_are_said(result) -> None:
    sentence, tone = outcome_text(read_report({**REPORT, "warnings": ["The machine was busy."]}))
    assert tone is Tone.WARNING
    assert sentence.splitlines()[-1] == "The machine was busy."
    assert outcome_text(result)[1] is Tone.HINT


@pytest.mark.parametrize("change", [{"points": None}, {"points": [{}]}, {"warnings": 3}])
def test_other_reports_are_refused(change: dict) -> None:
    with pytest.raises(WorkerError):
        read_report({**REPORT, **change})


def test_the_request_is_one_that_the_companion_reads(tmp_path) -> None:
    from kdseg_training.profiling.request import ProfileJob

    request = ProfileRequest((tmp_path / "a.kdseg.zip",), tmp_path / "profile.json", (tmp_path / "v.nrrd",), 3, 2, False)
    job = ProfileJob.from_json(request.to_json())
    assert [student.path for student in job.request.students] == [str(tmp_path / "a.kdseg.zip")]
    assert (job.request.repetitions, job.request.threads, job.request.mirroring, job.keep) == (3, (2,), False, True)
    assert job.output == str(request.result)


@pytest.mark.parametrize(
    ("situation", "enabled", "words"),
    [
        (ProfileSituation(), False, "Add a student first"),
        (ProfileSituation(installed=2), False, "Choose at least one student."),
        (ProfileSituation(2, 1, "volume", channels=2), False, "needs 2 volumes"),
        (ProfileSituation(2, 1, "", channels=2), True, ""),
        (ProfileSituation(phase=Phase.RUNNING), True, "Leave the computer alone"),
        (ProfileSituation(phase=Phase.STOPPING), False, "stopped"),
    ],
)
def test_when_a_profile_can_start(situation: ProfileSituation, enabled: bool, words: str) -> None:
    state = profile_readiness(situation)
    assert state.enabled is enabled
    assert words in state.sentence
