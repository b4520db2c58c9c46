"""``kdseg-training distill``."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Dict, Literal, Optional

import typer

from kdseg.errors import Cancelled, ConfigurationError, KDSegError, TrainingError
from kdseg.wording import counted
from kdseg_training.distillation.commands.ending import Watch, one_message

if TYPE_CHECKING:
    from kdseg_training.distillation.training.runs import TrainingResult

Mode = Literal["new", "resume", "restart"]

_INTERRUPTED = "Stopped at once; the last checkpoint counts."


def distill(
    config: Annotated[Path, typer.Argument(help="YAML file that describes data, teacher, students and budget.")],
    *,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an earlier run where its last checkpoint ends.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Move an earlier run aside and start again.")] = False,
    device: Annotated[Optional[str], typer.Option(help="cpu, cuda or cuda:1, instead of the file's.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only check the file, data, teacher and students; no training.")
    ] = False,
    progress: Annotated[Optional[Path], typer.Option(help="Keep how far the run is in this JSON file, for a program.")] = None,
    stop_file: Annotated[Optional[Path], typer.Option(help="Stop after the running step as soon as this file exists.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for programs at the end.")] = False,
) -> None:
    """Train students, with a teacher or without; several of them share every batch and every forward of the teacher."""
    watch = Watch("distill", "The check" if check else "The training", config, "The last checkpoint, if there is one, is kept.")
    with one_message(as_json=as_json, interrupted=_INTERRUPTED):
        if resume and restart:
            raise ConfigurationError("The run cannot be continued and started again.", expected="--resume or --restart")
        mode: Mode = "resume" if resume else "restart" if restart else "new"
        if check:
            with watch.unforeseen():
                _check(watch, mode, device, as_json)
        else:
            _run(watch, mode, device, as_json=as_json, progress=progress, stop_file=stop_file)


def _check(watch: Watch, mode: Mode, device: Optional[str], as_json: bool) -> None:
    from kdseg_training.distillation.config import read_config

    config = read_config(watch.settings)
    watch.prepare(config.results)
    from kdseg_training.distillation.training.check import check_run

    checked = check_run(config, mode=mode, device=device)
    if as_json:
        typer.echo(json.dumps({"check": checked.as_dict()}))
        return
    for note in checked.notes:
        typer.echo(note)
    for student in checked.students:
        typer.echo(
            f"{student.name}: {student.parameters / 1e6:.2f} M parameters, {student.model_folder} ({student.earlier} there)"
        )
    typer.echo(
        f"{checked.dataset}: {checked.training_cases} training and {checked.validation_cases} validation cases, "
        f"{counted(checked.steps, 'step')} on {checked.device} in {checked.precision}. Ready."
    )


def _run(
    watch: Watch, mode: Mode, device: Optional[str], *, as_json: bool, progress: Optional[Path], stop_file: Optional[Path]
) -> None:
    from kdseg_training.distillation.config import read_config
    from kdseg_training.distillation.training.display import Silent, choose_display
    from kdseg_training.distillation.training.progress_file import ProgressFile

    shown = Silent() if as_json or not _is_first_process() else choose_display(typer.echo)
    file = None if progress is None or not _is_first_process() else ProgressFile(progress, shown)

    def say(text: str) -> None:
        if file is not None:
            file.say(text)
        if not as_json:
            typer.echo(text)

    try:
        with watch.unforeseen():
            config = read_config(watch.settings)  # what is wrong in the file is told before torch is imported
            watch.prepare(config.results)
            from kdseg_training.distillation.training.runs import train_from_config

            with StopRequest(stop_file) as request:
                display = watch.shown(file or shown)
                result = train_from_config(config, mode=mode, device=device, display=display, stop=request.asked, say=say)
    except BaseException as raised:
        if file is not None:
            file.close("stopped" if isinstance(raised, (Cancelled, KeyboardInterrupt)) else "failed", _as_error(raised))
        raise
    if file is not None:
        file.close("done")
    _tell(result, as_json)


def _as_error(raised: BaseException) -> KDSegError:
    """Return what is written for a program."""
    if isinstance(raised, KDSegError):
        return raised
    if isinstance(raised, KeyboardInterrupt):
        return Cancelled(_INTERRUPTED)
    return TrainingError("The training ended.", found=f"{type(raised).__name__}: {raised}"[:300])


def _tell(result: TrainingResult, as_json: bool) -> None:
    if not result.is_first_process:
        return
    if as_json:
        students = [
            {"name": s.name, "model_folder": str(s.model_folder), "pseudo_dice": s.pseudo_dice} for s in result.students
        ]
        typer.echo(json.dumps({"students": students, "cost": result.cost.as_dict()}))
        return
    for line in result.cost.lines():
        typer.echo(line)
    for student in result.students:
        typer.echo(f"Wrote {student.model_folder} (pseudo Dice {student.pseudo_dice:.4f})")


def _is_first_process() -> bool:
    return os.environ.get("RANK", "0") == "0"


class StopRequest:
    """Turns Ctrl-C, SIGTERM and a file that appears into a stop after the running step; a second Ctrl-C ends at once.

    Parameters
    ----------
    file
        Whoever makes it asks to stop; for programs, and where there are no signals. None: signals only.
    """

    def __init__(self, file: Optional[Path] = None) -> None:
        self._asked, self._file = False, file
        self._before: Dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, _number: int, _frame: Optional[FrameType]) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def asked(self) -> bool:
        """Tell whether somebody asked."""
        return self._asked or (self._file is not None and self._file.exists())
