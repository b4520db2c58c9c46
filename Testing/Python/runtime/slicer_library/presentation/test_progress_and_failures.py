"""What the bar shows, and how a failure is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdseg.errors import Cancelled, GeometryError, KDSegError, MemoryLimitError, VolumeFileError, WorkerError
from kdseg.progress import Stage
from KDSegmentatorLib.presentation.failures import failure_view, is_cancellation
from KDSegmentatorLib.presentation.progress import progress_view, starting


def test_every_stage_of_a_run_has_words() -> None:
    words = {stage.value: progress_view(stage.value, 0.5, None).stage for stage in Stage}
    assert all(text != value for value, text in words.items())
    assert len(set(words.values())) == len(Stage)


def test_a_stage_of_a_newer_runtime_is_shown_as_it_is() -> None:
    assert progress_view("calibrate", 0.1, None).stage == "calibrate"


@pytest.mark.parametrize(("overall", "percent"), [(-0.5, 0), (0.0, 0), (0.426, 43), (1.0, 100), (1.7, 100)])
def test_percent_stays_within_the_bar(overall: float, percent: int) -> None:
    assert progress_view("network", overall, 12).percent == percent


def test_time_left_stands_beside_the_stage() -> None:
    view = progress_view("network", 0.4, 61)
    assert (view.stage, view.time_left) == ("Segmenting", "about 1 min left")
    assert starting().percent is None


def test_an_error_of_the_tree_tells_what_why_and_what_to_do() -> None:
    error = VolumeFileError("It is truncated.", expected="100 bytes", found="60 bytes", path="a.nrrd", remedy="Copy it again.")
    view = failure_view(error, "last words of the child")
    assert view.problem == "It is truncated."
    assert view.reasons == (("Expected", "100 bytes"), ("Found", "60 bytes"), ("File", "a.nrrd"))
    assert view.remedy == "Copy it again."
    assert view.details == "last words of the child"
    assert view.plain().splitlines()[0] == "It is truncated."
    assert view.plain().endswith("last words of the child")


@pytest.mark.parametrize(
    ("error", "label"),
    [
        (GeometryError("Sheared.", path="2: T1 1.5mm"), "Volume"),
        (GeometryError("Sheared.", path="CT.nii.gz"), "File"),
        (GeometryError("Sheared.", path=str(Path.cwd() / "series")), "File"),
        (WorkerError("Ended.", path="MR segmentation"), "Name"),
    ],
)
def test_a_node_is_not_called_a_file(error: KDSegError, label: str) -> None:
    assert failure_view(error).reasons == ((label, error.path),)


def test_a_refusal_keeps_its_numbers() -> None:
    error = MemoryLimitError("Too much.", estimate_bytes=3 * 1024**3, limit_bytes=1024**3, remedy="Crop.")
    assert dict(failure_view(error).reasons) == {"Expected": "at most 1.00 GiB", "Found": "an estimate of 3.00 GiB"}


def test_there_is_always_something_to_do() -> None:
    assert failure_view(WorkerError("The process ended.")).remedy


def test_a_fault_of_the_program_is_not_blamed_on_the_user() -> None:
    try:
        raise ZeroDivisionError("division by zero")
    except ZeroDivisionError as error:
        view = failure_view(error)
    assert "did not expect" in view.problem
    assert view.reasons == (("Message", "division by zero"),)
    assert "ZeroDivisionError" in view.details and "test_progress_and_failures" in view.details


def test_stopping_on_purpose_is_no_failure() -> None:
    assert is_cancellation(Cancelled("stopped"))
    assert not is_cancellation(WorkerError("gone"))
