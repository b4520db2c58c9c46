"""Messages and errors cross the pipe unchanged; anything else is refused."""

from __future__ import annotations

import inspect
import json

import pytest

import kdseg.errors
from kdseg.errors import KDSegError, MemoryLimitError, VolumeFileError, WorkerError
from kdseg.worker.error_data import error_as_data, error_from_data
from kdseg.worker.messages import (
    DoneMessage,
    DoubtMessage,
    EstimateMessage,
    FailedMessage,
    LogMessage,
    ProgressMessage,
    StartedMessage,
    as_data,
    decode,
    encode,
)

MESSAGES = [
    StartedMessage(1, 4711, {"numpy": "2.0"}),
    EstimateMessage(10**10, None, 12, 8, "1 patch × 8"),
    DoubtMessage("Is this a CT?"),
    ProgressMessage("network", 0.5, 0.54, None),
    ProgressMessage("write", 1, 1.0, 0.0),
    LogMessage("Zeile\nmit ü"),
    DoneMessage("labels.nrrd", "ab" * 32, {"volumes_ml": {"a": 1.5}}),
    DoneMessage(None, None, {}),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_message_is_one_ascii_line_and_comes_back_equal(message) -> None:
    line = encode(message)
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode(line) == message
    assert as_data(message)["event"] == json.loads(line)["event"]


def test_an_error_comes_back_as_its_class() -> None:
    error = VolumeFileError("It is cut off.", expected="12", found="7", path="a ü.nrrd", remedy="Export it again.")
    back = decode(encode(FailedMessage(error, "Traceback …")))
    assert type(back.error) is VolumeFileError
    assert back.error.as_dict() == error.as_dict()
    assert str(back.error) == str(error)
    assert back.details == "Traceback …"


def test_every_class_of_the_tree_comes_back() -> None:
    classes = [c for _, c in inspect.getmembers(kdseg.errors, inspect.isclass) if issubclass(c, KDSegError)]
    assert len(classes) > 20
    for kind in classes:
        error = kind("p", estimate_bytes=3, limit_bytes=2, remedy="r") if kind is MemoryLimitError else kind("p", remedy="r")
        back = error_from_data(error_as_data(error))
        assert type(back) is kind
        assert back.as_dict() == error.as_dict()


def test_a_memory_refusal_keeps_its_two_numbers() -> None:
    back = error_from_data(
        error_as_data(MemoryLimitError("Too much.", estimate_bytes=3 << 30, limit_bytes=1 << 30, remedy="r"))
    )
    assert isinstance(back, MemoryLimitError)
    assert (back.estimate_bytes, back.limit_bytes) == (3 << 30, 1 << 30)


def test_an_unknown_or_incomplete_error_is_still_an_error() -> None:
    assert type(error_from_data({"type": "FutureError", "problem": "New."})) is KDSegError
    assert type(error_from_data({"type": "MemoryLimitError", "problem": "Too much."})) is KDSegError
    assert error_from_data({}).problem != ""


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"not json\n",
        b"[1, 2]\n",
        b"null\n",
        b'{"event": "unknown"}\n',
        b'{"event": ["done"]}\n',
        b'{"event": "log"}\n',
        b'{"event": "log", "text": "a", "more": 1}\n',
        b'{"event": "log", "text": 1}\n',
        b'{"event": "started", "protocol": true, "pid": 1, "versions": {}}\n',
        b'{"event": "done", "output": 5, "sha256": null, "report": {}}\n',
        b'{"event": "failed", "error": "text", "details": ""}\n',
        '{"event": "log", "text": "ü"}\n'.encode(),
    ],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(WorkerError):
        decode(line)
