"""``kdseg-training soft-labels``."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Callable, Iterator, Optional

import typer

from kdseg.wording import counted
from kdseg_training.distillation.commands.ending import Watch, one_message

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
    watch = Watch("soft-labels", "The computation of soft labels", config, "The cases that are done are kept.")
    with one_message(as_json=as_json, interrupted="Stopped; the cases that are done are kept."), watch.unforeseen():
        written = _run(watch, device, as_json)
    if as_json:
        typer.echo(json.dumps({"new": written.new, "skipped": written.skipped, **written.fidelity.as_dict()}))
        return
    typer.echo(f"{counted(written.new, 'case')} computed, {written.skipped} were there already.")
    for line in written.fidelity.lines():
        typer.echo(line)


def _run(watch: Watch, device: Optional[str], as_json: bool) -> Written:
    from kdseg_training.distillation.config import read_config

    config = read_config(watch.settings)  # what is wrong in the file is told before torch is imported
    watch.prepare(config.results)
    from kdseg_training.distillation.soft_labels.run import write_for_run

    def say(text: str) -> None:
        if not as_json:
            typer.echo(text)

    with _progress(as_json, say) as show:

        def progress(done: int, total: int, case: str) -> None:
            watch.doing = f"computing soft labels, {done} of {total} cases done"
            show(done, total, case)

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
