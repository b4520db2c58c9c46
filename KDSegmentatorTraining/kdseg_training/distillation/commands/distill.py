"""``kdseg-training distill``."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Dict, Literal, Optional

import typer

from kdseg.errors import Cancelled, ConfigurationError, KDSegError


def distill(
    config: Annotated[Path, typer.Argument(help="YAML file that describes data, teacher, students and budget.")],
    *,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an earlier run where its last checkpoint ends.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Move an earlier run aside and start again.")] = False,
    device: Annotated[Optional[str], typer.Option(help="cpu, cuda or cuda:1, instead of the file's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for programs at the end.")] = False,
) -> None:
    """Train students, with a teacher or without; several of them share every batch and every forward of the teacher."""
    try:
        if resume and restart:
            raise ConfigurationError("The run cannot be continued and started again.", expected="--resume or --restart")
        _run(config, "resume" if resume else "restart" if restart else "new", device, as_json)
    except KDSegError as error:
        typer.echo(json.dumps({"error": error.as_dict()}) if as_json else f"Error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        typer.echo("Stopped at once; the last checkpoint counts.", err=True)
        raise typer.Exit(Cancelled.exit_code) from error


def _run(path: Path, mode: Literal["new", "resume", "restart"], device: Optional[str], as_json: bool) -> None:
    from kdseg_training.distillation.config import read_config

    config = read_config(path)  # what is wrong in the file is told before torch is imported
    from kdseg_training.distillation.training.display import Silent, choose_display
    from kdseg_training.distillation.training.runs import train_from_config

    def say(text: str) -> None:
        if not as_json:
            typer.echo(text)

    display = Silent() if as_json or not _is_first_process() else choose_display(say)
    with StopRequest() as request:
        result = train_from_config(config, mode=mode, device=device, display=display, stop=request.asked, say=say)
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
    """Turns Ctrl-C and SIGTERM into a stop after the running step; a second Ctrl-C ends at once."""

    def __init__(self) -> None:
        self._asked = False
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
        return self._asked
