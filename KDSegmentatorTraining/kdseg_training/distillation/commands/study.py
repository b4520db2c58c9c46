"""``kdseg-training study``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Dict

import typer

from kdseg_training.distillation.commands.ending import Watch, one_message

if TYPE_CHECKING:
    from kdseg_training.distillation.study.outcome import Outcome


def study(
    config: Annotated[
        Path, typer.Argument(help="YAML file that describes the arms, the split, the statistics and the report.")
    ],
    *,
    validation_only: Annotated[
        bool, typer.Option("--validation-only", help="Train and choose, but leave the test cases alone.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a report of other settings or networks; the new one says so.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for programs at the end.")] = False,
) -> None:
    """Repeat a whole comparison: train every arm, predict the test cases once, compare and report.

    Start it again after any interruption: what is finished is not done twice.
    """
    watch = Watch("study", "The study", config, "What is finished is kept; start the study again.")
    with one_message(as_json=as_json, interrupted="Stopped."), watch.unforeseen():
        outcome = _run(watch, validation_only=validation_only, force=force, as_json=as_json)
    if as_json:
        typer.echo(json.dumps(_summary(outcome)))
    elif validation_only:
        for (factor, method), dice in outcome.validation_dice().items():
            typer.echo(f"x1/{factor:g} {method}: inner-validation Dice {dice:.4f}")


def _run(watch: Watch, *, validation_only: bool, force: bool, as_json: bool) -> Outcome:
    from kdseg_training.distillation.study.config import read_study

    config = read_study(watch.settings)  # what is wrong in the file is told before torch is imported
    watch.prepare(config.results)
    from kdseg_training.distillation.commands.distill import StopRequest
    from kdseg_training.distillation.study.study import run_study
    from kdseg_training.distillation.training.display import Display, Silent, choose_display

    def say(text: str) -> None:
        watch.doing = f"working on the study, after it said: {text}"
        if not as_json:
            typer.echo(text)

    def display() -> Display:
        return watch.shown(Silent() if as_json else choose_display(typer.echo))

    with StopRequest() as request:
        return run_study(config, validation_only=validation_only, force=force, display=display, stop=request.asked, say=say)


def _summary(outcome: Outcome) -> Dict[str, Any]:
    scores = {f"x{factor:g}_{method}": dice for (factor, method), dice in outcome.validation_dice().items()}
    return {
        "report": str(outcome.config.report) if outcome.analyses else None,
        "validation_dice": scores,
        "recommended": {f"{factor:g}": method for factor, method in outcome.recommended().items()},
    }
