"""What the panel and the controllers of its tabs know of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Protocol


@dataclass(frozen=True)
class Services:
    """What every tab gets from the panel.

    Attributes
    ----------
    root
        The panel's widget, the parent of dialogs.
    failures
        Shows errors above the panel; the :class:`KDSegmentatorLib.panel.guard.FailureReporter`.
    log
        Takes lines for the log below the tabs.
    """

    root: Any
    failures: Any
    log: Callable[[str], None]


class TabControl(Protocol):
    """The controller of a tab."""

    def bind(self, parameters: Any) -> None:
        """Show the choices of a parameter node and write changes into it."""

    def unbind(self) -> None:
        """Let the parameter node go: the panel is left, or another scene comes. What runs goes on."""

    def refresh(self) -> None:
        """Look at the scene and at the students again."""

    def forget_scene(self) -> None:
        """Stop what works on nodes of the scene: it closes."""

    def clean_up(self) -> None:
        """Stop everything; the panel goes away."""
