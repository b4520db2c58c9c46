"""The request: the same on both sides, and never one that cannot be carried out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kdseg.errors import WorkerError
from kdseg.limits import EngineName
from kdseg.worker.request import JobRequest

ROOT = Path("/").resolve()


def request(**changes) -> JobRequest:
    values = {
        "volume_paths": (ROOT / "a b" / "Bild ü.nrrd", ROOT / "second.nrrd"),
        "student_path": ROOT / "s.kdseg.zip",
        "student_sha256": "0f" * 32,
        "output_path": ROOT / "out" / "labels.nrrd",
        "threads": 3,
        "memory_bytes": 5_000_000_000,
        "engine": EngineName.CPU,
        "mirroring": False,
        "tile_step_size": 0.75,
        "structures": (1, 5),
    }
    return JobRequest(**{**values, **changes})


def test_it_is_the_same_after_the_file() -> None:
    for changes in ({}, {"structures": None, "memory_bytes": None, "tile_step_size": None}, {"estimate_only": True}):
        original = request(**changes)
        assert JobRequest.from_json(original.to_json()) == original
        assert original.to_json().isascii()


def test_an_engine_may_be_named_by_its_text() -> None:
    assert request(engine="openvino").engine is EngineName.OPENVINO


@pytest.mark.parametrize(
    "changes",
    [
        {"volume_paths": ()},
        {"volume_paths": (Path("relative.nrrd"),)},
        {"output_path": ROOT / "labels.seg.nrrd"},
        {"output_path": ROOT / "labels.nii.gz"},
        {"student_sha256": "0f" * 31},
        {"student_sha256": "0F" * 32},
        {"threads": 0},
        {"memory_bytes": 0},
        {"engine": "abacus"},
        {"tile_step_size": 0.0},
        {"tile_step_size": float("nan")},
        {"structures": ()},
        {"structures": (0,)},
        {"structures": (2, 2)},
        {"structures": (True,)},
    ],
)
def test_a_request_that_cannot_be_carried_out_is_refused(changes) -> None:
    with pytest.raises(WorkerError):
        request(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "kdseg-job/2"},
        {"unknown": 1},
        {"threads": True},
        {"threads": "2"},
        {"volume_paths": "one path"},
        {"volume_paths": [1]},
        {"structures": [1.5]},
        {"mirroring": 1},
        {"engine": None},
    ],
)
def test_a_file_with_another_layout_is_refused(changes) -> None:
    data = {**json.loads(request().to_json()), **changes}
    with pytest.raises(WorkerError):
        JobRequest.from_json(json.dumps(data))


def test_a_missing_key_and_what_is_not_json_are_refused() -> None:
    data = json.loads(request().to_json())
    del data["threads"]
    for text in (json.dumps(data), "[]", "{", b"\xff\xfe"):
        with pytest.raises(WorkerError):
            JobRequest.from_json(text)


def test_limits_and_options_are_those_of_the_request() -> None:
    original = request()
    assert (original.limits.threads, original.limits.memory_bytes) == (3, 5_000_000_000)
    assert (original.options.mirroring, original.options.tile_step_size) == (False, 0.75)
    assert replace(original, mirroring=True).options.mirroring is True
