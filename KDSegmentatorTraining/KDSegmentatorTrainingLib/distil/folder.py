"""The folder of a run: what lies in it, and which process works there."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from kdseg.atomic import write_bytes
from kdseg.errors import ConfigurationError, OutputError
from KDSegmentatorLib.i18n import _

CONFIGURATION, STATE, PROGRESS, STOP, LOG = "distil.yaml", "run.json", "progress.json", "stop", "log.txt"
"""Files in the folder; the students lie in ``results``, exported ones in ``students``."""

ENDED = "ended"
"""An empty file: the process was ended at once because the user wanted it, so that this is not taken for a failure."""

CHECKED = "distil.check.yaml"
"""The settings while they are being checked; only what passed becomes the run's."""

RESULTS, STUDENTS = "results", "students"

SCHEMA = "kdseg-run/1"
"""Name and version of the state's content."""

LOG_TAIL_BYTES = 16 * 1024
"""How much of the log is shown."""


@dataclass(frozen=True)
class StudentFolder:
    """Where one student of a run is written.

    Attributes
    ----------
    name
        Its name.
    model_folder, fold_folder
        As nnU-Net has them; checkpoints and table lie in the second.
    parameters
        Of its network.
    """

    name: str
    model_folder: str
    fold_folder: str
    parameters: int = 0

    @property
    def table(self) -> Path:
        """The table of its epochs."""
        return Path(self.fold_folder) / "training.csv"

    @property
    def finished(self) -> bool:
        """Whether its final checkpoint is there."""
        return (Path(self.fold_folder) / "checkpoint_final.pth").is_file()


@dataclass(frozen=True)
class RunState:
    """What is known of a run since it was started; enough to find it again.

    Attributes
    ----------
    pid, started
        The process, and when it was started (:func:`~KDSegmentatorTrainingLib.distil.process_identity.started_at`).
    host
        Name of the computer.
    python
        The interpreter.
    settings
        ``as_dict()`` of the :data:`~KDSegmentatorTrainingLib.distil.settings.Settings`.
    students
        Where they are written.
    """

    pid: int
    started: str
    python: str
    settings: Mapping[str, Any]
    students: Tuple[StudentFolder, ...]
    host: str = field(default_factory=platform.node)


@dataclass(frozen=True)
class Progress:
    """What the run told last; see ``kdseg_training.distillation.training.progress_file``."""

    state: str = ""
    message: str = ""
    step: int = 0
    steps: int = 0
    seconds_left: Optional[float] = None
    losses: Mapping[str, float] = field(default_factory=dict)
    epochs: Mapping[str, int] = field(default_factory=dict)
    error: Optional[Mapping[str, Any]] = None


class RunFolder:
    """Reads and writes the files of one run.

    Parameters
    ----------
    path
        The folder; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def file(self, name: str) -> Path:
        """Return one of the files named above."""
        return self.path / name

    def make(self) -> None:
        """Make the folder.

        Raises
        ------
        OutputError
            If it cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                _("The folder of the run cannot be made."),
                found=error.strerror or str(error),
                path=self.path,
                remedy=_("Choose another folder."),
            ) from error

    def require_own(self) -> None:
        """Raise ConfigurationError unless the folder is new, empty, or that of a run, so that nothing is mixed."""
        if not self.path.is_absolute():
            raise ConfigurationError(_("The folder of the run is not chosen."), remedy=_("Choose a folder for this run."))
        if self.path.is_file() or not (self.file(STATE).is_file() or self._foreign() == []):
            raise ConfigurationError(
                _("This folder holds other things."),
                expected=_("a new or empty folder, or one of an earlier run"),
                path=self.path,
                remedy=_("Choose another folder for this run, or make a new one."),
            )

    def _foreign(self) -> List[str]:
        """Return what lies in the folder besides hidden files and what a run that did not start may have left."""
        own = {CONFIGURATION, CHECKED, PROGRESS, STOP, ENDED, LOG}
        names = [path.name for path in self.path.iterdir()] if self.path.is_dir() else []
        return [name for name in names if name not in own and not name.startswith(".")]

    def write_state(self, state: RunState) -> None:
        """Write the state atomically."""
        write_bytes(self.file(STATE), (json.dumps({"schema": SCHEMA, **asdict(state)}, indent=2) + "\n").encode("utf-8"))

    def state(self) -> Optional[RunState]:
        """Return the state; None where no run was started.

        Raises
        ------
        ConfigurationError
            If the file is damaged.
        """
        data = self._json(STATE)
        if data is None:
            return None
        try:
            if data["schema"] != SCHEMA:
                raise ValueError(data["schema"])
            students = tuple(StudentFolder(**student) for student in data["students"])
            texts = {name: str(data[name]) for name in ("started", "python", "host")}
            return RunState(pid=int(data["pid"]), settings=dict(data["settings"]), students=students, **texts)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                _("The file that tells of the run is damaged."),
                expected=SCHEMA,
                found=f"{type(error).__name__}: {error}"[:200],
                path=self.file(STATE),
                remedy=_("Choose another folder. The students in this one are not touched; kdseg-training can continue them."),
            ) from error

    def progress(self) -> Progress:
        """Return what the run told last; empty where it has told nothing yet."""
        data = self._json(PROGRESS) or {}
        try:
            left = data.get("seconds_left")
            return Progress(
                state=str(data.get("state", "")),
                message=str(data.get("message", "")),
                step=int(data.get("step", 0)),
                steps=int(data.get("steps", 0)),
                seconds_left=None if left is None else float(left),
                losses={str(name): float(value) for name, value in data.get("losses", {}).items()},
                epochs={str(name): int(value) for name, value in data.get("epochs", {}).items()},
                error=data.get("error"),
            )
        except (AttributeError, TypeError, ValueError):
            return Progress()

    def log_tail(self) -> str:
        """Return the end of what the run printed."""
        try:
            with open(self.file(LOG), "rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - LOG_TAIL_BYTES))
                return file.read().decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def _json(self, name: str) -> Optional[Dict[str, Any]]:
        try:
            data = json.loads(self.file(name).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}
