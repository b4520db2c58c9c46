"""``kdseg-training soft-labels``."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Callable, Iterator, Optional

import typer

from kdseg.errors import Cancelled, KDSegError

if TYPE_CHECKING:
    from kdseg_training.distillation.soft_labels.writing import Progress, Written


def soft_labels(
    config: Annotated[Path, typer.Argument(help="The run's YAML file, with teacher.soft_labels.")],
    *,
    device: Annotated[Optional[str], typer.Option(help="cpu, cuda or cuda:1, instead of the file's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for programs at the end.")] = False,
) -> None:
    """Run the teacher once over all training cases of a run and store what it says, so that training need not run it.

    Also preprocesses and includes the unlabelled cases, if the file names any. Cases that are done are skipped.
    """
    try:
        written = _run(config, device, as_json)
    except KDSegError as error:
        typer.echo(json.dumps({"error": error.as_dict()}) if as_json else f"Error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        typer.echo("Stopped; the cases that are done are kept.", err=True)
        raise typer.Exit(Cancelled.exit_code) from error
    if as_json:
        typer.echo(json.dumps({"new": written.new, "skipped": written.skipped, **written.fidelity.as_dict()}))
        return
    typer.echo(f"{written.new} cases computed, {written.skipped} were there already.")
    for line in written.fidelity.lines():
        typer.echo(line)


def _run(path: Path, device: Optional[str], as_json: bool) -> Written:
    from kdseg_training.distillation.config import read_config

    config = read_config(path)  # what is wrong in the file is told before torch is imported
    from kdseg_training.distillation.soft_labels.run import write_for_run

    def say(text: str) -> None:
        if not as_json:
            typer.echo(text)

    with _progress(as_json, say) as progress:
        return write_for_run(config, device=device, say=say, progress=progress)


@contextmanager
def _progress(silent: bool, say: Callable[[str], None]) -> Iterator[Progress]:
    """Give a bar in a terminal, a line now and then elsewhere."""
    if silent:
        yield lambda _done, _all, _case: None
    elif sys.stdout.isatty():
        from rich.progress import Progress as Bar

        with Bar(transient=True) as bar:
            task = bar.add_task("teacher")
            yield lambda done, total, case: bar.update(task, completed=done, total=total, description=case or "teacher")
    else:
        yield lambda done, total, case: say(f"{done} of {total} cases") if done % 10 == 0 or done == total else None
