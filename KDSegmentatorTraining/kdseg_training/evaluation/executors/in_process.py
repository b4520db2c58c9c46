"""One case after the other, in this process."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Optional, Sequence, Tuple

from kdseg.progress import CancelCallback
from kdseg_training.evaluation.executors.base import Outcome, attempt, stop_if


class InProcess:
    """An :class:`~kdseg_training.evaluation.executors.base.Executor` without any other process."""

    def run(
        self, function: Callable[[Any], Any], items: Sequence[Any], cancel: Optional[CancelCallback] = None
    ) -> Iterator[Tuple[int, Outcome]]:
        """Yield outcomes in the order of the items."""
        for position, item in enumerate(items):
            stop_if(cancel)
            yield position, attempt(function, item)

    def describe(self) -> Dict[str, Any]:
        """Return its name."""
        return {"executor": "in this process", "workers": 1}
