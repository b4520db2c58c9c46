"""Work through a Dask scheduler; loaded only where it is used."""

from __future__ import annotations

import queue
import time
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from kdseg.errors import WorkerError
from kdseg.progress import CancelCallback
from kdseg.worker.error_data import error_as_data
from kdseg_training.evaluation.executors.base import Outcome, attempt, stop_if

POLL_S = 0.2
"""How often a wish to stop is asked for while no case ends, in seconds."""

PATIENCE_S = 60.0
"""How long to wait without any worker before giving up, in seconds; lost workers may come back."""


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
        """Yield outcomes as they come; see :class:`~kdseg_training.evaluation.executors.base.Executor`."""
        stop_if(cancel)
        futures: List[Any] = self._client.map(partial(attempt, function), list(items), pure=False, batch_size=100)
        ended: queue.Queue[int] = queue.Queue()
        for position, future in enumerate(futures):
            future.add_done_callback(lambda _, position=position: ended.put(position))
        try:
            for _ in futures:
                position = self._next(ended, cancel)
                yield position, self._outcome(futures[position])
        finally:
            self._client.cancel(futures)

    def describe(self) -> Dict[str, Any]:
        """Return what was given as ``description``."""
        return dict(self._description)

    def _next(self, ended: queue.Queue[int], cancel: Optional[CancelCallback]) -> int:
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

    def _outcome(self, future: Any) -> Outcome:
        if future.status == "cancelled":
            raise _scheduler_gone()
        try:
            outcome: Outcome = future.result()
        except Exception as raised:  # noqa: BLE001 – whatever Dask raises: the case could not be measured by any worker
            error = WorkerError(
                "The workers could not measure the case.",
                found=f"{type(raised).__name__}: {' '.join(str(raised).split())}"[:500],
                remedy="Look at the memory and the log of the workers; evaluate with fewer workers if they ran out of memory.",
            )
            return Outcome(None, error_as_data(error))
        return outcome


def _scheduler_gone() -> WorkerError:
    return WorkerError(
        "The scheduler is gone.",
        remedy="Start it again and evaluate again, or evaluate without --scheduler; nothing was written.",
    )
