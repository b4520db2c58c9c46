"""Cases measured here or by Dask's workers: the same numbers, and a lost worker loses nothing."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path

import distributed
import numpy as np
import psutil
import pytest

from kdseg.errors import Cancelled, GeometryError, KDSegError, WorkerError
from kdseg_testing.deadly_work import always_die, die_at_first, fail, slow_square, square
from kdseg_testing.label_maps import random_case, write_cases, write_labels
from kdseg_training.evaluation import Evaluation, EvaluationSettings, Pair, evaluate, match_cases
from kdseg_training.evaluation.executors import InProcess, clusters
from kdseg_training.evaluation.executors.clusters import open_executor
from kdseg_training.evaluation.executors.dask_client import DaskExecutor

SETTINGS = EvaluationSettings({1: "a", 2: "b", 3: "c"}, (0.5, 1.0), engine="numpy")
CASES = 12
NO_PAIRS = [Pair(str(number), Path(), Path()) for number in range(100)]


@pytest.fixture(scope="module")
def cluster():
    """Two processes of this computer, through the same door as the command."""
    with open_executor(NO_PAIRS, Path(), workers=2) as executor:
        yield executor


@pytest.fixture(scope="module")
def scheduler():
    """A scheduler somewhere else, with a worker that sees the same files."""
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(protocol="tcp://", **options) as remote:
        yield remote.scheduler_address


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Cases of random shapes, one with rough surfaces of many thousand elements, one damaged."""
    root = tmp_path_factory.mktemp("cases")
    predictions, references = write_cases(root / "p", range(CASES), shift=1), write_cases(root / "r", range(CASES))
    rng = np.random.default_rng(0)
    for folder in (predictions, references):
        rough = np.where(rng.random((60, 70, 80)) < 0.02, 0, random_case(5, (60, 70, 80)))
        write_labels(folder / "rough.nii.gz", rough.astype(np.uint8))
    (predictions / "case_003.nii.gz").write_bytes(b"no longer a label map")
    return predictions, references


def numbers(evaluation: Evaluation) -> str:
    """Everything that must not depend on who measured."""
    data = json.loads(evaluation.to_json())
    del data["environment"]
    return json.dumps(data)


def values(executor, function, items) -> list:
    found = dict(executor.run(function, items))
    assert sorted(found) == list(range(len(items)))
    assert [found[n].failure for n in sorted(found)] == [None] * len(items)
    return [found[n].value for n in sorted(found)]


def test_two_workers_give_the_numbers_and_the_order_of_one(cluster, folders: tuple[Path, Path]) -> None:
    alone = evaluate({"m": folders[0]}, folders[1], SETTINGS)
    together = evaluate({"m": folders[0]}, folders[1], SETTINGS, cluster)
    assert numbers(together) == numbers(alone)
    assert [case.case for case in alone.models[0].cases][:4] == ["case_000", "case_001", "case_002", "case_004"]
    assert [name for name, _ in alone.models[0].failed] == ["case_003"]
    assert alone.environment["workers"] == 1
    assert together.environment["workers"] == 2


def test_the_cluster_of_this_computer_listens_to_this_computer_only(cluster) -> None:
    """And what it listens to speaks TLS; anybody who reached a plain port could run code as this user."""
    (own, *others) = [psutil.Process(pid) for pid in (os.getpid(), *cluster._client.run(os.getpid).values())]
    listening = [
        connection.laddr.ip
        for process in (own, *others)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3
    assert set(listening) == {"127.0.0.1"}
    assert cluster._client.scheduler.address.startswith("tls://")


def test_a_terminals_interrupt_is_left_to_the_command(cluster) -> None:
    """Ctrl-C reaches every process of a terminal; the workers must not die of it before the command has decided."""
    before = set(cluster._client.run(os.getpid).values())
    for pid in before:
        os.kill(pid, signal.SIGINT)
    assert values(cluster, slow_square, [1, 2, 3, 4]) == [1, 4, 9, 16]
    assert set(cluster._client.run(os.getpid).values()) == before


def test_a_scheduler_elsewhere_gives_the_same_numbers(scheduler: str, folders: tuple[Path, Path]) -> None:
    pairs = match_cases(*folders).pairs
    with open_executor(pairs, folders[1], scheduler=scheduler) as executor:
        remote = evaluate({"m": folders[0]}, folders[1], SETTINGS, executor)
    assert numbers(remote) == numbers(evaluate({"m": folders[0]}, folders[1], SETTINGS))
    assert remote.environment["executor"] == f"Dask scheduler {scheduler}"


def test_a_worker_killed_in_the_middle_of_a_case_loses_nothing(cluster, tmp_path: Path) -> None:
    work = partial(die_at_first, folder=str(tmp_path), victim=5)
    assert values(cluster, work, list(range(20))) == [n * n for n in range(20)]
    assert (tmp_path / "died").exists()


def test_a_worker_killed_from_outside_loses_nothing(cluster) -> None:
    pids = list(cluster._client.run(os.getpid).values())
    found = {}
    for position, outcome in cluster.run(slow_square, list(range(40))):
        if len(found) == 5:
            os.kill(pids[0], signal.SIGKILL)
        found[position] = outcome.value
    assert found == {n: n * n for n in range(40)}


def test_a_case_that_kills_every_worker_costs_only_itself(cluster) -> None:
    found = dict(cluster.run(partial(always_die, victim=3), list(range(8))))
    assert {n: outcome.value for n, outcome in found.items() if n != 3} == {n: n * n for n in range(8) if n != 3}
    assert isinstance(found[3].error, WorkerError)
    assert "died of the case" in found[3].error.problem


@pytest.mark.parametrize("kind", ["in process", "Dask"])
def test_a_failure_costs_only_its_case(kind: str, cluster) -> None:
    found = dict((cluster if kind == "Dask" else InProcess()).run(fail, [0, 1, 2]))
    assert isinstance(found[0].error, GeometryError)
    assert str(found[0].error) == "Elsewhere. Expected: here. What to do: Move it."
    assert type(found[1].error) is KDSegError
    assert "ZeroDivisionError: a bug" in found[1].error.problem
    assert "Traceback" in found[1].details
    assert found[2].value == 2


@pytest.mark.parametrize("kind", ["in process", "Dask"])
def test_a_wish_to_stop_is_heard(kind: str, cluster) -> None:
    executor = cluster if kind == "Dask" else InProcess()
    found: list[int] = []
    with pytest.raises(Cancelled):
        for position, _ in executor.run(slow_square, list(range(500)), lambda: len(found) >= 2):
            found.append(position)
    assert 2 <= len(found) < 100
    assert values(executor, square, [3]) == [9]


def test_little_work_is_done_in_this_process(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "available_cpus", lambda: 7)
    pairs = match_cases(*folders).pairs
    assert clusters._usual_workers(pairs) == 1
    monkeypatch.setattr(clusters, "SMALL_BYTES", 1000)
    assert clusters._usual_workers(pairs) == 7
    with open_executor(pairs[:1], folders[1], workers=5) as executor:
        assert isinstance(executor, InProcess)


def test_a_scheduler_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "CONNECT_S", 0.5)
    with pytest.raises(WorkerError, match="does not answer"), open_executor(NO_PAIRS, Path(), scheduler="tcp://127.0.0.1:9"):
        raise AssertionError("opened")


def test_workers_that_do_not_see_the_files_are_told(scheduler: str, tmp_path: Path) -> None:
    lost = tmp_path / "nowhere"
    with pytest.raises(WorkerError, match="does not see the files"), open_executor(NO_PAIRS, lost, scheduler=scheduler):
        raise AssertionError("opened")


def test_workers_of_another_version_are_told(scheduler: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(clusters, "probe", old_probe)
    with pytest.raises(WorkerError, match="another version"), open_executor(NO_PAIRS, tmp_path, scheduler=scheduler):
        raise AssertionError("opened")


def old_probe(path: str) -> tuple[str, bool]:
    return "0.0.1", True


def test_without_any_worker_it_gives_up() -> None:
    options = {"n_workers": 0, "processes": False, "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(protocol="tcp://", **options) as empty, distributed.Client(empty) as client:
        with pytest.raises(WorkerError, match="No worker is left"):
            list(DaskExecutor(client, {}, patience_s=0.3).run(square, [1, 2]))
        with pytest.raises(WorkerError, match="has no worker"):
            clusters._check_workers(client, "tcp://x", Path())


def test_a_scheduler_that_goes_away_is_told() -> None:
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(protocol="tcp://", **options) as remote:
        client = distributed.Client(remote.scheduler_address, set_as_default=False)
        with client, pytest.raises(WorkerError, match="scheduler is gone"):
            for _ in DaskExecutor(client, {}).run(slow_square, list(range(100))):
                remote.close()
