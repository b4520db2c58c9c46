"""How a command that fails ends: one message or JSON object, an exit code, and a log of what nobody foresaw."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, List, Mapping, Optional, Sequence

import typer

from kdseg import __version__
from kdseg.atomic import write_bytes
from kdseg.errors import Cancelled, KDSegError, OutputError, TrainingError
from kdseg_training.missing_package import is_missing_package, missing_package

if TYPE_CHECKING:
    from kdseg_training.distillation.training.display import Display
    from kdseg_training.distillation.training.history import EpochRecord

_RESULTS = "nnUNet_results"
"""nnU-Net's environment variable."""

_READING, _PREPARING = "reading the settings", "preparing the run"


class Watch:
    """Knows what a command is doing and where its run lies, for the message and the log of an error that nobody foresaw.

    Parameters
    ----------
    command
        Its name, for example ``distill``.
    what
        What ends, for example ``The training``.
    settings
        The file that describes the run.
    kept
        What is not lost, one sentence.

    Attributes
    ----------
    doing
        What is being done, to follow the word "while".
    """

    def __init__(self, command: str, what: str, settings: Path, kept: str) -> None:
        self.command, self.what, self.settings, self.kept = command, what, settings, kept
        self.doing = _READING
        self._results: Optional[Path] = None

    def prepare(self, results: Optional[Path]) -> None:
        """Take the folder of the results, None if the environment names it; what comes is the preparation of the run."""
        named = os.environ.get(_RESULTS)
        self._results = results or (Path(named) if named else None)
        self.doing = _PREPARING

    def shown(self, display: Display) -> Display:
        """Return a display that passes on to another one what it is told, and tells this watch where the training is."""
        return _WatchedDisplay(self, display)

    @contextmanager
    def unforeseen(self) -> Iterator[None]:
        """Inside, an error that nobody foresaw becomes a :class:`TrainingError`; its traceback goes to a log beside the run.

        Raises
        ------
        InstallationError
            If a package was missing before anything was computed.
        TrainingError
            Naming type and text of the error, what was being done, and the log.
        """
        try:
            yield
        except (KDSegError, BrokenPipeError, typer.Exit, typer.Abort):
            raise
        except ModuleNotFoundError as raised:
            if is_missing_package(raised) and self.doing in (_READING, _PREPARING):
                raise missing_package(raised) from raised
            raise self._error(raised) from raised
        except Exception as raised:
            raise self._error(raised) from raised

    def _error(self, raised: Exception) -> TrainingError:
        log = self._write_log(raised)
        where = "This log has the traceback; send it with a report" if log is not None else "No log could be written"
        return TrainingError(
            f"{self.what} ended with an error that was not expected.",
            found=f"{_in_short(raised)}, while {self.doing}",
            path=log,
            remedy=f"{where}. {self.kept}",
        )

    def _write_log(self, raised: Exception) -> Optional[Path]:
        lines = [
            f"kdseg-training {self.command}, version {__version__}, Python {platform.python_version()}, {platform.platform()}",
            f"arguments: {sys.argv[1:]}",
            f"settings: {self.settings}",
            f"while {self.doing}",
            "",
            *traceback.format_exception(raised),
        ]
        content = "\n".join(line.rstrip("\n") for line in lines) + "\n"
        name = f"kdseg-training-{self.command}-error-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
        for folder in self._log_folders():
            try:
                write_bytes(folder / name, content.encode("utf-8", "backslashreplace"))
            except OutputError:
                continue
            return folder / name
        return None

    def _log_folders(self) -> List[Path]:
        folders = [self._results, self.settings.absolute().parent, Path(tempfile.gettempdir())]
        return [folder for folder in folders if folder is not None and folder.is_dir()]


class _WatchedDisplay:
    def __init__(self, watch: Watch, display: Display) -> None:
        self._watch, self._display = watch, display
        self._arms, self._steps = "", 0

    def begin(self, arms: Sequence[str], first_step: int, steps: int) -> None:
        self._arms, self._steps = ", ".join(arms), steps
        self._at(first_step)
        self._display.begin(arms, first_step, steps)

    def step(self, step: int, losses: Mapping[str, float]) -> None:
        self._at(step)
        self._display.step(step, losses)

    def epoch(self, arm: str, record: EpochRecord) -> None:
        self._display.epoch(arm, record)

    def end(self) -> None:
        self._display.end()

    def _at(self, step: int) -> None:
        self._watch.doing = f"training {self._arms}, after step {step} of {self._steps}"


@contextmanager
def one_message(*, as_json: bool, interrupted: str) -> Iterator[None]:
    """Inside, an error ends the command with its message and exit code.

    Parameters
    ----------
    as_json
        Print one JSON object instead of a sentence.
    interrupted
        What to say after Ctrl-C.
    """
    try:
        yield
    except KDSegError as error:
        typer.echo(json.dumps({"error": error.as_dict()}) if as_json else f"Error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        typer.echo(interrupted, err=True)
        raise typer.Exit(Cancelled.exit_code) from error


def _in_short(raised: Exception) -> str:
    """Return type and text of an error in one line; of one that a process passed on as text, the line behind its traceback."""
    lines = [line.strip() for line in str(raised).splitlines() if line.strip()] or [""]
    if any(line.startswith("Traceback") or "Original Traceback" in line for line in lines):
        return lines[-1][:300]
    return f"{type(raised).__name__}: {lines[0]}".rstrip(": ")[:300]
