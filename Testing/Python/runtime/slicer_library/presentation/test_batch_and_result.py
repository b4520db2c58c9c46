"""The queue of several volumes, and what is said when a run has ended."""

from __future__ import annotations

import pytest

from KDSegmentatorLib.presentation.batch import (
    Case,
    CaseState,
    Queue,
    Source,
    ended_text,
    queue_readiness,
    stands,
    state_text,
    summary,
)
from KDSegmentatorLib.presentation.readiness import Phase, Tone
from KDSegmentatorLib.presentation.result import failed, names_text, replaced_by_new, stopped, succeeded

NEW = Case("head")
DONE = Case("liver", state=CaseState.SUCCEEDED)
FAILED = Case("broken", state=CaseState.FAILED, problem="It is truncated.")


def test_the_button_counts_what_is_checked() -> None:
    state = queue_readiness(Queue(cases=(NEW, NEW, Case("not this", wanted=False))))
    assert (state.enabled, state.button, state.sentence) == (True, "Segment 2 volumes", "")
    assert queue_readiness(Queue(cases=(NEW,))).button == "Segment 1 volume"


@pytest.mark.parametrize(
    ("queue", "words"),
    [
        (Queue(), "Load volumes first"),
        (Queue(Source.FOLDER), "Choose a folder with images"),
        (Queue(Source.SEQUENCE), "no volumes"),
        (Queue(cases=(Case("x", wanted=False),)), "Check at least one"),
        (Queue(cases=(NEW,), has_student=False), "Choose a student"),
        (Queue(cases=(NEW,), structures=0), "at least one structure"),
        (Queue(cases=(NEW,), channels=("T1", "T2")), "2 aligned volumes (T1, T2)"),
        (Queue(Source.FOLDER, folder_problem="It is empty."), "It is empty."),
        (Queue(Source.FOLDER, (NEW,)), "folder for the results"),
        (Queue(cases=(NEW,), other_run=True), "single run"),
    ],
)
def test_a_queue_that_cannot_start_says_why(queue: Queue, words: str) -> None:
    state = queue_readiness(queue)
    assert not state.enabled
    assert words in state.sentence


def test_loaded_volumes_need_no_folder() -> None:
    assert queue_readiness(Queue(cases=(NEW,), folder_chosen=False)).enabled
    assert queue_readiness(Queue(Source.FOLDER, (NEW,), folder_chosen=True)).enabled


def test_a_running_queue_can_be_cancelled_once() -> None:
    running, stopping = (queue_readiness(Queue(cases=(NEW,), phase=phase)) for phase in (Phase.RUNNING, Phase.STOPPING))
    assert (running.enabled, running.button) == (True, "Cancel all")
    assert not stopping.enabled


def test_a_failure_in_the_queue_stays_visible() -> None:
    assert state_text(FAILED) == "failed: It is truncated."
    assert queue_readiness(Queue(cases=(FAILED, DONE))).tone is Tone.WARNING
    assert summary([FAILED, DONE, DONE, NEW]) == "2 done, 1 failed"
    assert summary([NEW]) == ""


def test_the_end_of_a_queue_lists_the_failures() -> None:
    explained = Case(
        "broken", state=CaseState.FAILED, problem="It is truncated.", explanation="It is truncated.\nCopy it anew."
    )
    assert ended_text([DONE]) == "The queue has ended: 1 done."
    assert ended_text([explained, DONE]).splitlines() == [
        "The queue has ended: 1 done, 1 failed.",
        "broken failed: It is truncated.",
        "Copy it anew.",
    ]


def test_cases_behind_the_running_one_wait() -> None:
    running = ("running", "")
    states = stands([True, False, True, True], [("failed", "Truncated."), running, running], current=1)
    assert states == (
        (CaseState.FAILED, "Truncated."),
        (CaseState.NEW, ""),
        (CaseState.RUNNING, ""),
        (CaseState.WAITING, ""),
    )


def test_a_result_asks_to_be_looked_at() -> None:
    text, tone = succeeded("head segmentation", found=2, not_found=(), doubts=(), notes=(), seconds=3.4)
    assert text.startswith("Done in 3 s: 2 structures in “head segmentation”.")
    assert tone is Tone.HINT


def test_what_was_not_found_and_what_is_doubtful_is_said() -> None:
    text, tone = succeeded("s", found=1, not_found=("Spleen",), doubts=("It looks like CT.",), notes=("Note.",), seconds=70)
    assert text.splitlines()[1:] == ["Not found: Spleen.", "It looks like CT.", "Note."]
    assert tone is Tone.WARNING


def test_a_failed_or_stopped_run_never_claims_the_old_result() -> None:
    text, tone = failed("It is truncated.", "old result")
    assert text == "Not segmented: It is truncated. “old result” still holds what it held before."
    assert tone is Tone.PROBLEM
    assert stopped("") == ("Stopped. There is no result.", Tone.HINT)
    assert "still holds" in stopped("old result")[0]


def test_long_lists_of_names_are_counted() -> None:
    assert names_text(["a", "b"]) == "a, b"
    assert names_text(list("abcdefgh")) == "a, b, c, d, e, f and 2 more"


def test_nothing_found_says_why_and_what_next() -> None:
    text, tone = succeeded("s", found=0, not_found=("Spleen", "Liver"), doubts=("It looks like CT.",), notes=(), seconds=3)
    head, why, doubt = text.splitlines()
    assert head == "Nothing was found: “s” has no voxel of the structures looked for. Looked for: Spleen, Liver."
    assert "Perhaps" in why and "choose another volume or student" in why
    assert doubt == "It looks like CT."
    assert "0 structures" not in text and "every slice" not in text
    assert tone is Tone.WARNING


def test_a_segmentation_that_was_deleted_meanwhile_is_named() -> None:
    assert replaced_by_new("old").startswith("“old”, which was to take the result, was deleted meanwhile;")
