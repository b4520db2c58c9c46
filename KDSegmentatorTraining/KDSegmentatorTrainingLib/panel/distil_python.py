"""The Python that trains: named by the user, asked what it has, remembered."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

import qt
import slicer.util

import slicer
from kdseg.errors import InstallationError, KDSegError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.panel.guard import guarded
from KDSegmentatorLib.presentation.readiness import Tone
from KDSegmentatorTrainingLib.distil.environment import (
    TrainingPython,
    default_python,
    probe_arguments,
    read_probe,
    training_environment,
)
from KDSegmentatorTrainingLib.distil.question import Answer, Question
from KDSegmentatorTrainingLib.presentation.distil import python_sentence

SETTING = "KDSegmentatorTraining/Python"
"""Key of the application's setting with the interpreter."""

SECONDS = 180.0
"""How long a Python may take to load PyTorch, from a slow disk and past a virus scanner."""

WhenReady = Callable[[TrainingPython], None]


class PythonControl:
    """Asks the Python that the user names, once for each name.

    Parameters
    ----------
    failures
        Shows errors.
    on_changed
        Called when something is to be shown anew.

    Attributes
    ----------
    program
        The chosen interpreter; empty for none.
    known
        What it has; None before it was asked.
    """

    def __init__(self, *, failures: Any, on_changed: Callable[[], None]) -> None:
        self.failures, self._on_changed = failures, on_changed
        self.program = str(qt.QSettings().value(SETTING, "") or "") or default_python(startup_environment())
        self.known: Optional[TrainingPython] = None
        self.sentence, self.tone = self._hint(), Tone.HINT
        self._question: Optional[Question] = None
        self._when_ready: Optional[WhenReady] = None

    @property
    def asking(self) -> bool:
        """Whether it is being asked."""
        return self._question is not None

    def choose(self, program: str) -> None:
        """Take another interpreter; it is asked when it is needed."""
        program = program.strip()
        if program == self.program:
            return
        self.stop()
        self.program, self.known = program, None
        self.sentence, self.tone = self._hint(), Tone.HINT
        qt.QSettings().setValue(SETTING, program)
        self._on_changed()

    def ensure(self, when_ready: Optional[WhenReady] = None, *, anew: bool = False) -> None:
        """Ask the interpreter unless it is known, and call ``when_ready`` if it can train.

        Raises
        ------
        InstallationError
            If none is chosen. What is missing in it is shown later, with the failures.
        """
        if not self.program:
            raise InstallationError(
                _("No Python that trains is chosen."),
                expected=_("a Python with PyTorch and nnU-Net"),
                remedy=_("Name the interpreter of such an environment at the top. Slicer's own Python cannot train."),
            )
        if self.known is not None and not anew:
            if when_ready is not None:
                when_ready(self.known)
            return
        self.stop()
        self._when_ready = when_ready
        self._question = Question(
            self.program, probe_arguments(), environment=environment(), on_answered=self._answered, seconds=SECONDS
        )
        self._question.ask()
        self._on_changed()

    def stop(self) -> None:
        """End a question that is open."""
        if self._question is not None:
            self._question.withdraw()
        self._question = self._when_ready = None

    @guarded
    def _answered(self, answer: Answer) -> None:
        when_ready, self._when_ready, self._question = self._when_ready, None, None
        try:
            self.known = read_probe(self.program, answer.output if answer.exit_code == 0 else "", answer.errors)
            self.sentence, self.tone = python_sentence(self.known), Tone.HINT
        except KDSegError as error:
            self.known = None
            self.sentence, self.tone = error.problem, Tone.PROBLEM
            self.failures.show(error, answer.errors)
        self._on_changed()
        if self.known is not None and when_ready is not None:
            when_ready(self.known)

    def _hint(self) -> str:
        if self.program:
            return _("Not checked yet.")
        return _("Training needs PyTorch and nnU-Net, which Slicer does not have: name the Python of an environment with both.")


def startup_environment() -> Dict[str, str]:
    """Return the environment as it was before Slicer's launcher changed it."""
    return {str(name): str(value) for name, value in slicer.util.startupEnvironment().items()}


def environment() -> Dict[str, str]:
    """Return the environment of children in the Python that trains."""
    return training_environment(startup_environment())
