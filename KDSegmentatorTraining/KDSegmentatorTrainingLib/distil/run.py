"""A run: started so that it survives the end of Slicer, found again, stopped politely or at once."""

from __future__ import annotations

import platform
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from kdseg.errors import KDSegError, OutputError, TrainingError, WorkerError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.jobs.kill import kill_tree
from KDSegmentatorTrainingLib.distil import process_identity
from KDSegmentatorTrainingLib.distil.detached import start_detached
from KDSegmentatorTrainingLib.distil.environment import companion_arguments
from KDSegmentatorTrainingLib.distil.folder import CONFIGURATION, ENDED, LOG, PROGRESS, STOP, RunFolder, RunState, StudentFolder

MODES = {"new": (), "resume": ("--resume",), "restart": ("--restart",)}
"""How a run begins, and what ``kdseg-training distill`` is told."""

_STARTED: Dict[int, Any] = {}
"""Processes that this Slicer started, by number: they are looked after when they end."""


class RunPhase(Enum):
    """Where a run stands; STOPPED after a step that it saved, ENDED at once because the user wanted it."""

    NEW = "new"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ENDED = "ended"
    FAILED = "failed"
    DONE = "done"
    ELSEWHERE = "elsewhere"


ENDS = {"done": RunPhase.DONE, "stopped": RunPhase.STOPPED, "failed": RunPhase.FAILED}
"""What a run says of itself when it ends; its process has nothing left to do then."""


class DistilRun:
    """The run in a folder, whoever started it.

    Parameters
    ----------
    path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.folder = RunFolder(path)

    def start(
        self,
        python: str,
        settings: Mapping[str, Any],
        students: Tuple[StudentFolder, ...],
        *,
        mode: str,
        environment: Mapping[str, str],
        configuration: Optional[Path] = None,
    ) -> None:
        """Start training in a process of its own and return at once; the file of settings must be there.

        Parameters
        ----------
        python
            The Python that trains.
        settings, students
            Kept in the state.
        mode
            ``new``, ``resume`` or ``restart``.
        environment
            See :func:`~KDSegmentatorTrainingLib.distil.environment.training_environment`.
        configuration
            The file of settings; None: the one in the folder.

        Raises
        ------
        WorkerError
            If it cannot be started, or a process works in this folder already.
        OutputError
            If the folder cannot be written.
        """
        if self.phase() in (RunPhase.RUNNING, RunPhase.STOPPING):
            raise WorkerError(_("This run is running already."), path=self.folder.path, remedy=_("Wait for it, or stop it."))
        for name in (STOP, ENDED, PROGRESS):
            self._remove(name)
        process = self._launch([python, *companion_arguments(*self._arguments(mode, configuration))], environment)
        _STARTED[process.pid] = process
        started = process_identity.started_at(process.pid) or ""
        try:
            self.folder.write_state(RunState(process.pid, started, python, dict(settings), students))
        except KDSegError:
            kill_tree(process.pid)  # nobody would find it again
            raise

    def phase(self) -> RunPhase:
        """Return where the run stands.

        Raises
        ------
        ConfigurationError
            If its state cannot be read.
        """
        state = self.folder.state()
        if state is None:
            return RunPhase.NEW
        if self._told() not in ENDS and self._is_running(state):
            return RunPhase.STOPPING if self.folder.file(STOP).exists() else RunPhase.RUNNING
        told = self._told()  # it may have ended in between
        if told in ENDS:
            return ENDS[told]
        if state.host != platform.node():
            return RunPhase.ELSEWHERE
        return RunPhase.ENDED if self.folder.file(ENDED).exists() else RunPhase.FAILED

    def error(self) -> KDSegError:
        """Return why a failed run failed."""
        told = self.folder.progress().error
        if told is not None:
            texts = {name: str(told.get(name) or "") for name in ("expected", "found", "remedy")}
            return TrainingError(str(told.get("problem") or _("The training failed.")), path=told.get("path") or None, **texts)
        lines = self.folder.log_tail().splitlines()
        return WorkerError(
            _("The training ended without saying why."),
            found=lines[-1][:300] if lines else _("an empty log"),
            path=self.folder.file(LOG),
            remedy=_(
                "Often memory was short, or the computer was switched off. Resume: the last checkpoint counts. Where it fails"
                " again, lower the batch size or train fewer students at once."
            ),
        )

    def request_stop(self) -> None:
        """Ask the run to stop after the running step, which it saves.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        """
        self._touch(STOP)

    def kill(self) -> None:
        """End the run with everything it started, at once; its last checkpoint counts."""
        state = self.folder.state()
        if state is not None and self._is_running(state):
            self._touch(ENDED)
            kill_tree(state.pid)

    def _told(self) -> str:
        return self.folder.progress().state

    def _arguments(self, mode: str, configuration: Optional[Path]) -> List[str]:
        files = {"--progress": PROGRESS, "--stop-file": STOP}
        watched = [part for option, name in files.items() for part in (option, str(self.folder.file(name)))]
        return ["distill", str(configuration or self.folder.file(CONFIGURATION)), *MODES[mode], *watched]

    def _launch(self, command: List[str], environment: Mapping[str, str]) -> Any:
        try:
            with open(self.folder.file(LOG), "ab") as log:
                return start_detached(command, self.folder.path, environment, log)
        except OSError as error:
            raise WorkerError(
                _("The training could not be started."),
                found=error.strerror or str(error),
                path=command[0],
                remedy=_("Check the Python that trains, and that the folder of the run can be written."),
            ) from error

    def _is_running(self, state: RunState) -> bool:
        process = _STARTED.get(state.pid)
        if process is not None and process.poll() is not None:
            del _STARTED[state.pid]
        return process_identity.is_running(state.pid, state.started)

    def _touch(self, name: str) -> None:
        try:
            self.folder.file(name).touch()
        except OSError as error:
            raise OutputError(
                _("The run cannot be stopped, because its folder cannot be written."),
                found=error.strerror or str(error),
                path=self.folder.path,
                remedy=_("Make the folder writable and stop the run again."),
            ) from error

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self.folder.file(name).unlink()


def forget_finished() -> None:
    """Look after processes that this Slicer started and that have ended."""
    for pid in [pid for pid, process in _STARTED.items() if process.poll() is not None]:
        del _STARTED[pid]
