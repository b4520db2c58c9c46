"""What an executor is."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Protocol, Sequence, Tuple

from kdseg.errors import Cancelled, KDSegError
from kdseg.progress import CancelCallback
from kdseg.worker.child import as_error
from kdseg.worker.error_data import error_as_data, error_from_data


@dataclass(frozen=True)
class Outcome:
    """What became of one item; plain data, so that it passes between processes.

    Attributes
    ----------
    value
        What the function returned; None if it failed.
    failure
        The error as data, None without one.
    details
        The traceback of an error that nobody foresaw.
    """

    value: Any
    failure: Optional[Mapping[str, Any]] = None
    details: str = ""

    @property
    def error(self) -> Optional[KDSegError]:
        """The error, or None."""
        return None if self.failure is None else error_from_data(self.failure)


class Executor(Protocol):
    """Applies a function to items, anywhere."""

    def run(
        self, function: Callable[[Any], Any], items: Sequence[Any], cancel: Optional[CancelCallback] = None
    ) -> Iterator[Tuple[int, Outcome]]:
        """Yield the position and the outcome of every item once, as they end, in any order.

        Parameters
        ----------
        function
            A function of a module, or a ``functools.partial`` of one.
        items
            Its arguments.
        cancel
            Asked before every item.

        Raises
        ------
        Cancelled
            If ``cancel`` says so.
        WorkerError
            If there is nobody (left) to compute.
        """

    def describe(self) -> Dict[str, Any]:
        """Return what ran the work, as plain data for the result's environment."""


def attempt(function: Callable[[Any], Any], item: Any) -> Outcome:
    """Return what ``function`` returns or raises; one bad case must not cost the others."""
    try:
        return Outcome(function(item))
    except Cancelled:
        raise
    except Exception as raised:  # noqa: BLE001 – the border of a case: every failure is told beside the others' results
        error = as_error(raised)
        return Outcome(None, error_as_data(error), "" if isinstance(raised, KDSegError) else traceback.format_exc())


def stop_if(cancel: Optional[CancelCallback]) -> None:
    """Raise Cancelled if the caller wants to stop."""
    if cancel is not None and cancel():
        raise Cancelled("The evaluation was cancelled.", remedy="Nothing was written; start it again when you like.")
