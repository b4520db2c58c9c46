"""Open an executor: this process, a cluster of this computer, or a Dask scheduler somewhere else."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import threading
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Optional, Sequence, Tuple

from kdseg.errors import PathLike, WorkerError
from kdseg.limits import available_cpus
from kdseg_training.evaluation.cases import Pair
from kdseg_training.evaluation.executors.base import Executor
from kdseg_training.evaluation.executors.in_process import InProcess

CONNECT_S = 20.0
"""How long to wait for a scheduler, in seconds."""

ALLOWED_DEATHS = 3
"""How often workers may die with a case in their hands before it is set aside and tried alone."""


_THIS_COMPUTER = "127.0.0.1"

_LOCAL_CONFIGURATION = {
    "distributed.scheduler.allowed-failures": ALLOWED_DEATHS,
    "distributed.deploy.lost-worker-timeout": "1h",  # a busy computer takes long to start a lost worker again
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}

SMALL_BYTES = 4 << 20
"""Files of fewer bytes in all are measured sooner than a cluster starts (seconds)."""


@contextmanager
def open_executor(
    pairs: Sequence[Pair], reference: PathLike, *, workers: Optional[int] = None, scheduler: Optional[str] = None
) -> Iterator[Executor]:
    """Yield an executor and close what it opened.

    Parameters
    ----------
    pairs
        The cases that will be measured.
    reference
        A path that every worker of a scheduler must see.
    workers
        Processes on this computer, at least 1; never more than cases. One is this process itself. By default one for each CPU
        that may be used, or this process alone if all files together are smaller than :data:`SMALL_BYTES`.
    scheduler
        Address of a Dask scheduler, for example ``tcp://node1:8786``; its workers see the same files under the same paths.

    Raises
    ------
    WorkerError
        If Dask is not installed, the scheduler does not answer, or its workers have another version or do not see the files.
    """
    if scheduler is not None:
        with _remote(scheduler, reference) as executor:
            yield executor
        return
    number = min(_usual_workers(pairs) if workers is None else workers, max(len(pairs), 1))
    if number <= 1:
        yield InProcess()
        return
    with _local(number) as executor:
        yield executor


def _usual_workers(pairs: Sequence[Pair]) -> int:
    if importlib.util.find_spec("distributed") is None:
        return 1
    size = sum(path.stat().st_size for pair in pairs for path in (pair.prediction, pair.reference))
    return 1 if size < SMALL_BYTES else available_cpus()


@contextmanager
def _local(workers: int) -> Iterator[Executor]:
    distributed = _distributed()
    import dask

    from kdseg_training.evaluation.executors.dask_client import DaskExecutor

    options = {
        "n_workers": workers,
        "threads_per_worker": 1,
        "processes": True,
        "memory_limit": 0,
        "host": _THIS_COMPUTER,
        "dashboard_address": f"{_THIS_COMPUTER}:0",  # with None, a server for everybody is opened at port 8787
        "preload": ["kdseg_training.evaluation.executors.quiet_worker"],
        "silence_logs": logging.CRITICAL,
        "security": distributed.Security.temporary(),
        "protocol": "tls://",
    }
    with dask.config.set(_LOCAL_CONFIGURATION):
        try:
            with _children_leave_interrupts_to_us():
                cluster = distributed.LocalCluster(**options)
        except RuntimeError as error:
            raise WorkerError(
                "The worker processes cannot be started.",
                found=str(error),
                remedy="Evaluate in this process: with one worker.",
            ) from error
        with cluster, distributed.Client(cluster, set_as_default=False) as client:
            yield DaskExecutor(client, {"executor": "Dask on this computer", "workers": workers})


@contextmanager
def _children_leave_interrupts_to_us() -> Iterator[None]:
    """Ignore Ctrl-C while processes are started (seconds), because they inherit that; it would end them with tracebacks."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


@contextmanager
def _remote(address: str, reference: PathLike) -> Iterator[Executor]:
    distributed = _distributed()
    from kdseg_training.evaluation.executors.dask_client import DaskExecutor

    try:
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise WorkerError(
            "The scheduler does not answer.",
            expected="the address of a Dask scheduler, for example tcp://node1:8786",
            found=f"{address}: {' '.join(str(error).split())}",
            remedy="Check the address and that the scheduler runs; without --scheduler this computer does the work.",
        ) from error
    with client:
        workers = _check_workers(client, address, reference)
        yield DaskExecutor(client, {"executor": f"Dask scheduler {address}", "workers": workers})


def probe(path: str) -> Tuple[str, bool]:
    """Return, on a worker, the version of this program and whether it sees a path."""
    from kdseg._version import __version__

    return __version__, os.path.exists(path)  # noqa: PTH110 – the text of another computer


def _check_workers(client: Any, address: str, reference: PathLike) -> int:
    """Return how many workers there are, all of this version and seeing the files."""
    from kdseg._version import __version__

    path = os.path.abspath(reference)  # noqa: PTH100 – as text, see probe
    try:
        answers: Dict[str, Tuple[str, bool]] = client.run(probe, path)
    except Exception as error:  # whatever a worker raised: it cannot even load the function
        raise WorkerError(
            "A worker of the scheduler cannot load this program.",
            expected=f"kdsegmentator {__version__} on every worker",
            found=f"{type(error).__name__}: {' '.join(str(error).split())}"[:300],
            remedy="Install the same version for all workers.",
        ) from error
    if not answers:
        raise WorkerError(f"The scheduler {address} has no worker.", remedy="Start workers at it first.")
    for worker, (version, sees) in answers.items():
        if version != __version__:
            raise WorkerError(
                "A worker has another version of this program, so its numbers might differ.",
                expected=__version__,
                found=f"{version} on {worker}",
                remedy="Install the same version for all workers.",
            )
        if not sees:
            raise WorkerError(
                "A worker does not see the files.",
                expected=f"{path} on every worker",
                found=f"nothing there on {worker}",
                remedy="Put the label maps on a file system that all computers share, under the same path.",
            )
    return len(answers)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise WorkerError(
            "Dask is not installed.",
            expected="the packages dask and distributed",
            found=str(error),
            remedy="Install kdsegmentator with the extra 'training', or use one worker.",
        ) from error
    return distributed
