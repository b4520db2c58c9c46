"""The child process that evaluates for Slicer, as a parent meets it; also on the oldest Slicer's Python."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kdseg.errors import Cancelled, ConfigurationError, InputError, WorkerError
from kdseg.worker.messages import DoneMessage, FailedMessage, LogMessage, ProgressMessage, StartedMessage, decode
from kdseg_testing.label_maps import boxes, write_cases, write_labels
from kdseg_training.evaluation import Evaluation
from kdseg_training.evaluation.job import EvaluationJob

BOX = ((2, 6), (2, 6), (2, 6))
SLOW = """
import sys, time
import kdseg_training.evaluation.run as run
def slow(pair, settings):
    time.sleep(600)
run.measure = slow
from kdseg_training.evaluation.child import main
main(sys.argv[1:])
"""


@pytest.fixture
def job(tmp_path: Path) -> EvaluationJob:
    """Two files; the prediction is one voxel of 0.5 mm longer along x."""
    prediction = write_labels(tmp_path / "files" / "prediction.nrrd", boxes({1: ((2, 6), (2, 6), (2, 7))}))
    reference = write_labels(tmp_path / "files" / "reference.nrrd", boxes({1: BOX}))
    return EvaluationJob(
        {"student": prediction}, reference, tmp_path / "out", labels={1: "left"}, report=False, worst_places=True
    )


def start(repository: Path, folder: Path, request: str, program=("-m", "kdseg_training.evaluation")) -> subprocess.Popen:
    folder.mkdir(exist_ok=True)
    (folder / "request.json").write_text(request, encoding="ascii")
    paths = os.pathsep.join(str(repository / name) for name in ("KDSegmentator", "KDSegmentatorTraining"))
    command = [sys.executable, *program, str(folder / "request.json")]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, stdin=pipe, stdout=pipe, stderr=pipe)


def finish(child: subprocess.Popen):
    """Return exit code and messages of a child that is left alone."""
    with child:
        messages = [decode(line) for line in child.stdout]
        return child.wait(timeout=60), messages


def wait_until_it_measures(child: subprocess.Popen) -> None:
    for line in child.stdout:
        if b'"measure"' in line:
            return
    raise AssertionError(child.stderr.read().decode())


def test_two_files_become_tables_and_the_worst_place(repository: Path, tmp_path: Path, job: EvaluationJob) -> None:
    code, messages = finish(start(repository, tmp_path / "job", job.to_json()))
    assert code == 0, messages[-1]
    assert isinstance(messages[0], StartedMessage)
    done = messages[-1]
    assert isinstance(done, DoneMessage)
    content = Path(done.output).read_bytes()
    assert hashlib.sha256(content).hexdigest() == done.sha256
    (case,) = Evaluation.from_json(content).models[0].cases
    assert (case.case, case.classes[1].hd_mm) == ("reference", 0.5)
    progress = [m.overall for m in messages if isinstance(m, ProgressMessage)]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert [m.text for m in messages if isinstance(m, LogMessage)] == ["Structures (as given): 1 left"]
    with open(tmp_path / "out" / "cases.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["structure"], row["status"], float(row["dice"])) == ("left", "ok", 2 * 64 / 144)
    (place,) = json.loads((tmp_path / "out" / "worst_places.json").read_text())
    assert (place["case"], place["label"], place["distance_mm"]) == ("reference", 1, 0.5)
    assert place["index_zyx"][2] == 6
    assert str(tmp_path / "out" / "worst_places.json") in done.report["files"]


def test_it_needs_neither_torch_nor_what_only_the_companion_has(tmp_path: Path, repository: Path, job: EvaluationJob) -> None:
    code = (
        "import sys, kdseg_training.evaluation.child, kdseg_training.evaluation.workflow\n"
        "print(*sorted({'torch', 'nnunetv2', 'onnx', 'typer', 'rich', 'matplotlib', 'dask', 'distributed', 'numba'}"
        " & set(sys.modules)))"
    )
    paths = os.pathsep.join(str(repository / name) for name in ("KDSegmentator", "KDSegmentatorTraining"))
    result = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""


def test_another_grid_is_told_with_the_case(repository: Path, tmp_path: Path, job: EvaluationJob) -> None:
    write_labels(tmp_path / "files" / "prediction.nrrd", boxes({1: BOX}), spacing=(1.0, 1.0, 2.0))
    code, messages = finish(start(repository, tmp_path / "job", job.to_json()))
    assert code == 0
    (model,) = messages[-1].report["models"]
    assert model["measured"] == 0
    assert model["failed"][0]["error"]["type"] == "GeometryError"
    assert model["failed"][0]["error"]["found"] == "spacing_mm (1, 1, 2)"


def test_folders_are_measured_and_the_missing_refused(repository: Path, tmp_path: Path) -> None:
    write_cases(tmp_path / "p", range(2), shift=1)
    write_cases(tmp_path / "r", range(3))
    request = {
        "schema": "kdseg-evaluation-job/1",
        "models": {"m": str(tmp_path / "p")},
        "reference": str(tmp_path / "r"),
        "output": str(tmp_path / "out"),
        "report": False,
    }
    code, messages = finish(start(repository, tmp_path / "job", json.dumps(request)))
    assert code == InputError.exit_code
    assert "m lacks case_002" in messages[-1].error.found
    code, messages = finish(start(repository, tmp_path / "job", json.dumps({**request, "allow_missing": True})))
    assert code == 0
    assert messages[-1].report["models"][0]["missing"] == ["case_002"]
    assert messages[-1].report["labels"] == {"1": "label 1", "2": "label 2", "3": "label 3"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"schema": "kdseg-evaluation-job/0"}, ConfigurationError),
        ({"reference": "relative"}, ConfigurationError),
        ({"models": {}}, ConfigurationError),
        ({"tolerances_mm": ["1"]}, ConfigurationError),
        ({"labels": {"one": "left"}}, ConfigurationError),
        ({"unknown": 1}, ConfigurationError),
    ],
)
def test_a_request_that_is_wrong_fails(repository: Path, tmp_path: Path, job: EvaluationJob, change, error) -> None:
    request = {**json.loads(job.to_json()), **change}
    code, messages = finish(start(repository, tmp_path / "job", json.dumps(request)))
    assert code == error.exit_code
    assert isinstance(messages[-1], FailedMessage)
    assert type(messages[-1].error) is error


def test_a_request_survives_json(job: EvaluationJob) -> None:
    assert EvaluationJob.from_json(job.to_json()) == job


def test_no_request_is_told(repository: Path, tmp_path: Path, job: EvaluationJob) -> None:
    child = start(
        repository, tmp_path / "job", "{}", ("-c", "import sys, kdseg_training.evaluation.child as c; c.main(['lost'])")
    )
    code, messages = finish(child)
    assert (code, type(messages[-1].error)) == (WorkerError.exit_code, WorkerError)


def test_cancel_ends_it_and_leaves_nothing(repository: Path, tmp_path: Path, job: EvaluationJob) -> None:
    child = start(repository, tmp_path / "job", job.to_json(), ("-c", SLOW))
    wait_until_it_measures(child)
    child.stdin.write(b"cancel\n")
    child.stdin.flush()
    code, messages = finish(child)
    assert (code, type(messages[-1].error)) == (Cancelled.exit_code, Cancelled)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("way", ["closed input", "killed"])
def test_it_does_not_outlive_its_parent(repository: Path, tmp_path: Path, job: EvaluationJob, way: str) -> None:
    private = tmp_path / "kdseg-job-1"
    request = json.dumps({**json.loads(job.to_json()), "private_folder": True})
    child = start(repository, private, request, ("-c", SLOW))
    wait_until_it_measures(child)
    if way == "killed":
        child.send_signal(signal.SIGKILL)
    else:
        child.stdin.close()
    started = time.monotonic()
    child.wait(timeout=20)
    assert time.monotonic() - started < 15
    for pipe in (child.stdin, child.stdout, child.stderr):
        pipe.close()
    assert private.exists() == (way == "killed")
