"""Work through a Dask scheduler; loaded only where it is used."""

from __future__ import annotations

import queue
import time
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from kdseg.errors import WorkerError
from kdseg.progress import CancelCallback
from kdseg.worker.error_data import error_as_data
from kdseg_training.evaluation.executors.base import Outcome, attempt, stop_if

POLL_S = 0.2
"""How often a wish to stop is asked for while no case ends, in seconds."""

BATCH = 100
"""Cases that are given to the scheduler at once."""

PATIENCE_S = 60.0
"""How long to wait without any worker before giving up, in seconds; lost workers may come back."""


_GONE = "gone"
_Result = Union[Outcome, None, str]
"""An outcome, None for a case that no worker survived, or :data:`_GONE`."""


class DaskExecutor:
    """An :class:`~kdseg_training.evaluation.executors.base.Executor` on the workers of a scheduler.

    A worker that dies loses nothing: the scheduler gives its cases to the others.

    Parameters
    ----------
    client
        A ``distributed.Client``.
    description
        For the result's environment.
    patience_s
        How long to wait without any worker, in seconds.
    """

    def __init__(self, client: Any, description: Mapping[str, Any], patience_s: float = PATIENCE_S) -> None:
        self._client = client
        self._description = dict(description)
        self._patience_s = patience_s

    def run(
        self, function: Callable[[Any], Any], items: Sequence[Any], cancel: Optional[CancelCallback] = None
    ) -> Iterator[Tuple[int, Outcome]]:
        """Yield outcomes as they come; see :class:`~kdseg_training.evaluation.executors.base.Executor`.

        A case whose workers died again and again may only have been the neighbour of the one that killed them, so it is tried
        once more, alone.
        """
        work = partial(attempt, function)
        blamed = []
        for position, outcome in self._outcomes(work, list(items), cancel):
            if outcome is None:
                blamed.append(position)
            else:
                yield position, outcome
        for position in blamed:
            for _, outcome in self._outcomes(work, [items[position]], cancel):
                yield position, _killed() if outcome is None else outcome

    def _outcomes(
        self, work: Callable[[Any], Outcome], items: List[Any], cancel: Optional[CancelCallback]
    ) -> Iterator[Tuple[int, Optional[Outcome]]]:
        """Yield the position and the outcome of every item when it ended; None for one that no worker survived."""
        stop_if(cancel)
        futures: List[Any] = self._client.map(work, items, pure=False, batch_size=BATCH)
        ended: queue.Queue[Tuple[int, _Result]] = queue.Queue()
        for place, future in enumerate(futures):
            future.add_done_callback(lambda future, place=place: ended.put((place, _result(future))))
        try:
            for _ in futures:
                position, result = self._next(ended, cancel)
                if isinstance(result, str):
                    raise _scheduler_gone()
                yield position, result
        finally:
            self._client.cancel(futures)

    def describe(self) -> Dict[str, Any]:
        """Return what was given as ``description``."""
        return dict(self._description)

    def _next(self, ended: queue.Queue[Tuple[int, _Result]], cancel: Optional[CancelCallback]) -> Tuple[int, _Result]:
        alone_since: Optional[float] = None
        while True:
            stop_if(cancel)
            try:
                return ended.get(timeout=POLL_S)
            except queue.Empty:
                alone_since = self._still_alone(alone_since)

    def _still_alone(self, since: Optional[float]) -> Optional[float]:
        """Return since when there is no worker; None if there is one."""
        if self._client.status != "running":
            raise _scheduler_gone()
        if self._client.scheduler_info(n_workers=-1)["workers"]:
            return None
        now = time.monotonic()
        if since is not None and now - since > self._patience_s:
            raise WorkerError(
                "No worker is left to measure the cases.",
                expected="at least one worker at the scheduler",
                found=f"none for {self._patience_s:g} s",
                remedy="Start workers at the scheduler and evaluate again, or evaluate without --scheduler.",
            )
        return now if since is None else since


def _result(future: Any) -> _Result:
    """Return what an ended future holds; called in a thread of Dask's.

    Its worker may have died after it ended: then it is measured again, and this waits meanwhile.
    """
    from distributed import KilledWorker

    try:
        outcome: Outcome = future.result()
    except KilledWorker:
        return None
    except Exception:  # noqa: BLE001 – attempt() raises nothing: the client was closed, or lost its scheduler
        return _GONE
    return outcome


def _killed() -> Outcome:
    error = WorkerError(
        "The workers died of the case.",
        remedy="Look at their memory and their log; evaluate with fewer workers if they ran out of memory.",
    )
    return Outcome(None, error_as_data(error))


def _scheduler_gone() -> WorkerError:
    return WorkerError(
        "The scheduler is gone.",
        remedy="Start it again and evaluate again, or evaluate without --scheduler; nothing was written.",
    )
