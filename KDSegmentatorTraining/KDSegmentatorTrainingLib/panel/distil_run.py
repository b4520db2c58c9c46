"""The run in the chosen folder: checked, started, watched, stopped, continued."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import qt

from kdseg.atomic import write_bytes
from kdseg.errors import KDSegError, WorkerError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.panel.guard import guarded
from KDSegmentatorTrainingLib.distil.environment import TrainingPython, companion_arguments
from KDSegmentatorTrainingLib.distil.export import last_object, told_error
from KDSegmentatorTrainingLib.distil.folder import CHECKED, CONFIGURATION, Progress, StudentFolder
from KDSegmentatorTrainingLib.distil.question import Answer, Question
from KDSegmentatorTrainingLib.distil.run import MODES, DistilRun, RunPhase, forget_finished
from KDSegmentatorTrainingLib.distil.settings import OwnFile, Settings
from KDSegmentatorTrainingLib.distil.yaml_file import yaml_text
from KDSegmentatorTrainingLib.panel.distil_python import environment

SETTING = "KDSegmentatorTraining/RunFolder"
"""Key of the application's setting with the folder of the run that was looked at last."""

INTERVAL_MS = 1000
"""How often the run's files are looked at."""

SECONDS = 600.0
"""How long a check may take: it loads the teacher."""

ACTIVE = (RunPhase.RUNNING, RunPhase.STOPPING)


class RunWatch:
    """Looks after one run at a time; others go on by themselves.

    Parameters
    ----------
    failures
        Shows errors.
    log
        Takes lines for the log.
    on_changed
        Called when something is to be shown anew.
    """

    def __init__(self, *, failures: Any, log: Callable[[str], None], on_changed: Callable[[], None]) -> None:
        self.failures, self._log, self._on_changed = failures, log, on_changed
        self.run: Optional[DistilRun] = None
        self.phase: Optional[RunPhase] = None
        self.progress, self.error = Progress(), ""
        self._question: Optional[Question] = None
        self._timer = qt.QTimer()
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._tick)

    @property
    def checking(self) -> bool:
        """Whether settings are being checked."""
        return self._question is not None

    @property
    def students(self) -> Tuple[StudentFolder, ...]:
        """The students of the run; none before it was started."""
        state = self.run.folder.state() if self.run is not None and self.phase is not None else None
        return () if state is None else state.students

    def stored_settings(self) -> Mapping[str, Any]:
        """Return the settings that the run was started with; none before."""
        state = self.run.folder.state() if self.run is not None and self.phase is not None else None
        return {} if state is None else state.settings

    def choose(self, folder: Path) -> None:
        """Look at the run in another folder.

        Raises
        ------
        ConfigurationError
            If it has a state that cannot be read.
        """
        self.stop_checking()
        self.run, self.phase = None, None
        self.progress, self.error = Progress(), ""
        if folder != Path() and folder.is_absolute():
            qt.QSettings().setValue(SETTING, str(folder))
            try:
                self.run = DistilRun(folder)
                self._look()
            except KDSegError:
                self.run = None
                self._on_changed()
                raise
        self._on_changed()

    def start_watching(self) -> None:
        """Look at the run's files from time to time."""
        self._timer.start()

    def stop_watching(self) -> None:
        """Look no more; the run goes on."""
        self._timer.stop()

    def start(self, python: TrainingPython, settings: Settings, mode: str) -> None:
        """Check the settings in a child, and start training when they pass.

        Raises
        ------
        ConfigurationError, OutputError
            If the folder cannot be used.
        """
        if self.run is None or self.checking or self.phase in ACTIVE:
            return
        folder = self.run.folder
        folder.require_own()
        folder.make()
        checked = folder.file(CHECKED)
        if isinstance(settings, OwnFile):
            checked = settings.file
        else:
            write_bytes(checked, yaml_text(settings.as_run()).encode("utf-8"))
        arguments = companion_arguments("distill", str(checked), "--check", "--json", *MODES[mode])
        self._question = Question(
            python.program,
            arguments,
            environment=environment(),
            on_answered=lambda answer: self._checked(answer, python, settings, mode),
            folder=folder.path,
            seconds=SECONDS,
        )
        self._question.ask()
        self._on_changed()

    def stop(self) -> None:
        """Ask the run to stop after the running step."""
        if self.run is not None and self.phase is RunPhase.RUNNING:
            self.run.request_stop()
            self._log(_("Asked the training to stop after the running step."))
            self._look()
            self._on_changed()

    def kill(self) -> None:
        """End the run at once; its last checkpoint counts."""
        if self.run is not None and self.phase in ACTIVE:
            self.run.kill()
            self._log(_("Ended the training at once; its last checkpoint counts."))

    def stop_checking(self) -> None:
        """End a check that is on."""
        if self._question is not None:
            self._question.withdraw()
            self._question = None

    def clean_up(self) -> None:
        """Let go of everything; the run goes on."""
        self.stop_checking()
        self._timer.stop()
        self._timer.deleteLater()

    @guarded
    def _checked(self, answer: Answer, python: TrainingPython, settings: Settings, mode: str) -> None:
        self._question = None
        try:
            self._launch(answer, python, settings, mode)
        finally:
            self._look()
            self._on_changed()

    def _launch(self, answer: Answer, python: TrainingPython, settings: Settings, mode: str) -> None:
        run = self.run
        if run is None:
            return
        checked, own = run.folder.file(CHECKED), settings.file if isinstance(settings, OwnFile) else None
        try:
            told = _passed(answer)
            if own is None:
                write_bytes(run.folder.file(CONFIGURATION), checked.read_bytes())
        except KDSegError as error:
            self.failures.show(error, answer.errors)
            return
        finally:
            if checked.exists():
                checked.unlink()
        for note in told["notes"]:
            self._log(str(note))
        names = {field.name for field in dataclasses.fields(StudentFolder)}
        students = tuple(StudentFolder(**{k: v for k, v in s.items() if k in names}) for s in told["students"])
        run.start(python.program, settings.as_dict(), students, mode=mode, environment=environment(), configuration=own)
        begun = {"new": _("Training starts"), "resume": _("Training continues"), "restart": _("Training starts again")}[mode]
        text = _("{begun}: {students}; {steps} steps on {device}, {cases} training cases.")
        self._log(
            text.format(
                begun=begun,
                students=", ".join(student.name for student in students),
                steps=told["steps"],
                device=told["device"],
                cases=told["training_cases"],
            )
        )

    @guarded
    def _tick(self) -> None:
        self.look()

    def look(self) -> None:
        """Look at the run's files, and tell what has changed."""
        forget_finished()
        if self.run is None or self.phase is None:
            return
        before = self.phase
        self._look()
        if before in ACTIVE and self.phase not in ACTIVE:
            self._ended()
        if before in ACTIVE or before is not self.phase:
            self._on_changed()

    def _look(self) -> None:
        if self.run is None:
            return
        self.phase = None  # what cannot be read is not asked again and again
        self.phase = self.run.phase()
        self.progress = self.run.folder.progress()
        error = self.run.error() if self.phase is RunPhase.FAILED else None
        self.error = "" if error is None else " ".join(text for text in (error.problem, error.remedy) if text)

    def _ended(self) -> None:
        if self.run is None:
            return
        if self.phase is RunPhase.FAILED:
            self.failures.show(self.run.error(), self.run.folder.log_tail())
        elif self.phase is RunPhase.DONE:
            self._log(_("The training is finished: {names}.").format(names=", ".join(s.name for s in self.students)))
        elif self.phase is RunPhase.STOPPED:
            self._log(_("The training is stopped; Resume continues it."))


def _passed(answer: Answer) -> Dict[str, Any]:
    """Return what a check told; raise KDSegError with its reason if it did not pass."""
    told = (last_object(answer.output) or {}).get("check")
    if answer.exit_code == 0 and isinstance(told, dict):
        return dict(told)
    lines: List[str] = [line.strip() for line in answer.errors.splitlines() if line.strip()]
    raise told_error(answer.errors) or WorkerError(
        _("The settings could not be checked."),
        found=lines[-1][:300] if lines else _("no answer"),
        remedy=_("Look at the text under Details. Is the Python that trains complete?"),
    )
