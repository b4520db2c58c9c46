"""The queue of several volumes, and what is said when a run has ended."""

from __future__ import annotations

import pytest

from KDSegmentatorLib.presentation.batch import BatchRow, ItemState, added_text, batch_readiness, row_text, summary
from KDSegmentatorLib.presentation.readiness import Phase, Tone
from KDSegmentatorLib.presentation.result import failed, names_text, stopped, succeeded

WAITING = BatchRow("head", "volume")
DONE = BatchRow("liver", "volume", ItemState.SUCCEEDED)
FAILED = BatchRow("broken.nrrd", "file", ItemState.FAILED, "It is truncated.")


def decide(*rows: BatchRow, student: bool = True, phase: Phase = Phase.IDLE, other_run: bool = False):
    return batch_readiness(rows, has_student=student, phase=phase, other_run=other_run)


def test_the_queue_starts_while_something_waits() -> None:
    state = decide(DONE, WAITING)
    assert (state.enabled, state.button, state.sentence) == (True, "Segment all", "1 waiting, 1 done")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (decide(), "Add volumes"),
        (decide(WAITING, student=False), "Choose a student"),
        (decide(WAITING, other_run=True), "single run"),
        (decide(DONE), "1 done"),
    ],
)
def test_a_queue_that_cannot_start_says_why(state, words: str) -> None:
    assert not state.enabled
    assert words in state.sentence


def test_a_running_queue_can_be_cancelled_once() -> None:
    running, stopping = decide(WAITING, phase=Phase.RUNNING), decide(WAITING, phase=Phase.STOPPING)
    assert (running.enabled, running.button) == (True, "Cancel all")
    assert not stopping.enabled


def test_a_failure_in_the_queue_stays_visible() -> None:
    assert row_text(FAILED) == "failed: It is truncated."
    assert decide(FAILED, DONE).tone is Tone.WARNING
    assert summary([FAILED, DONE, WAITING, WAITING]) == "2 waiting, 1 done, 1 failed"


def test_adding_says_what_came() -> None:
    assert added_text(0).startswith("Nothing was added")
    assert (added_text(1), added_text(3)) == ("1 added.", "3 added.")


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
