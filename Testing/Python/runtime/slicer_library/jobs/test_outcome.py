"""How a job ended: only exit code, last message and the file's digest together make a success."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from kdseg.errors import Cancelled, MemoryLimitError, WorkerError
from KDSegmentatorLib.jobs.messages import DoneMessage, FailedMessage, LogMessage, MessageReader
from KDSegmentatorLib.jobs.outcome import Ended, Failed, Stopped, Succeeded, judge
from KDSegmentatorLib.jobs.request import JobRequest

CONTENT = b"labels"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def request_(tmp_path: Path) -> JobRequest:
    output = tmp_path / "labels.nrrd"
    output.write_bytes(CONTENT)
    return JobRequest((tmp_path / "v.nrrd",), tmp_path / "s.kdseg.zip", "0" * 64, output, threads=1)


def done(request: JobRequest, digest: str = DIGEST) -> DoneMessage:
    return DoneMessage(str(request.output_path), digest, {"key": 1})


def ended(last, exit_code: int = 0, *, crashed: bool = False) -> Ended:
    return Ended(exit_code, crashed, last, "what libraries printed")


def failure(request: JobRequest, end: Ended) -> WorkerError:
    outcome = judge(request, end, cancelled=False)
    assert isinstance(outcome, Failed)
    assert type(outcome.error) is WorkerError
    assert outcome.details == "what libraries printed"
    return outcome.error


def test_a_verified_result_is_a_success(request_: JobRequest) -> None:
    assert judge(request_, ended(done(request_)), cancelled=False) == Succeeded(request_.output_path, {"key": 1})


def test_a_result_that_was_changed_after_done_is_a_failure(request_: JobRequest) -> None:
    request_.output_path.write_bytes(b"other")
    error = failure(request_, ended(done(request_)))
    assert DIGEST in error.expected
    assert hashlib.sha256(b"other").hexdigest() == error.found


def test_a_result_that_is_gone_or_elsewhere_is_a_failure(request_: JobRequest) -> None:
    elsewhere = DoneMessage(str(request_.output_path.with_name("other.nrrd")), DIGEST, {})
    failure(request_, ended(elsewhere))
    failure(request_, ended(DoneMessage(None, None, {})))
    request_.output_path.unlink()
    failure(request_, ended(done(request_)))


def test_done_does_not_count_with_another_exit_code_or_after_a_crash(request_: JobRequest) -> None:
    assert failure(request_, ended(done(request_), 1)).found == "exit code 1"
    assert "crashed" in failure(request_, ended(done(request_), 9, crashed=True)).found
    assert "memory" in failure(request_, ended(None, 9, crashed=True)).remedy


def test_done_must_be_the_last_word(request_: JobRequest) -> None:
    failure(request_, ended(LogMessage("more")))
    failure(request_, ended(None))


def test_the_childs_own_error_is_passed_on(request_: JobRequest) -> None:
    error = MemoryLimitError("Too much.", estimate_bytes=2, limit_bytes=1, remedy="r")
    outcome = judge(request_, ended(FailedMessage(error, "Traceback"), 5), cancelled=False)
    assert isinstance(outcome, Failed)
    assert outcome.error is error
    assert outcome.details == "Traceback\nwhat libraries printed"


def test_a_wish_to_cancel_wins_over_everything(request_: JobRequest) -> None:
    for last in (done(request_), None, FailedMessage(WorkerError("x"))):
        assert judge(request_, ended(last, 1), cancelled=True) == Stopped()
    assert judge(request_, ended(FailedMessage(Cancelled("c")), 130), cancelled=False) == Stopped()


def test_an_estimate_has_no_file(request_: JobRequest) -> None:
    from dataclasses import replace

    estimate = replace(request_, estimate_only=True)
    assert judge(estimate, ended(DoneMessage(None, None, {})), cancelled=False) == Succeeded(None, {})


def test_messages_arrive_in_pieces_of_any_size() -> None:
    reader = MessageReader()
    stream = b'{"event": "log", "text": "a"}\nnoise \xff\n\n{"event": "log", "text": "b"}\r\n{"event": "lo'
    found = [message for i in range(len(stream)) for message in reader.feed(stream[i : i + 1])]
    assert found == [LogMessage("a"), LogMessage("b")]
    reader.close()
    assert reader.garbage == ["noise \ufffd", '{"event": "lo']


def test_endless_garbage_is_not_kept() -> None:
    reader = MessageReader()
    for _ in range(5000):
        assert list(reader.feed(b"garbage " * 500 + b"\n")) == []
    assert len(reader.garbage) == 200
    assert max(map(len, reader.garbage)) <= 1000
