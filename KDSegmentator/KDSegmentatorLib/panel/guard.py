"""Failures of slots: shown to the user, logged for the engineer, never lost."""

from __future__ import annotations

import functools
import logging
from typing import Any, Callable, TypeVar

from KDSegmentatorLib.presentation.failures import failure_view
from KDSegmentatorLib.widgets.error_dialog import show_failure

Slot = TypeVar("Slot", bound=Callable[..., Any])


class FailureReporter:
    """Shows failures above the panel.

    Parameters
    ----------
    parent
        The panel's widget.
    log
        Takes lines for the panel's log.
    """

    def __init__(self, parent: Any, log: Callable[[str], None]) -> None:
        self._parent, self._log = parent, log

    def show(self, error: BaseException, details: str = "") -> None:
        """Show an error; the technical text goes to Slicer's log as well."""
        view = failure_view(error, details)
        self._log(view.plain())
        logging.error("KDSegmentator: %s", view.plain())
        show_failure(view, self._parent)


def guarded(method: Slot) -> Slot:
    """Show what a slot raises with the ``failures`` of its object; an exception must not leave a Qt slot."""

    @functools.wraps(method)
    def slot(self: Any, *arguments: Any) -> Any:
        try:
            return method(self, *arguments)
        except Exception as error:  # noqa: BLE001  whatever it is, the user has to see it
            self.failures.show(error)
            return None

    return slot  # type: ignore[return-value]
