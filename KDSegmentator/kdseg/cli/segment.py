"""``kdseg segment``: one or many cases, one after the other; a bad one does not stop the others."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from kdseg.cli.cases import Plan, find_cases, plan_outputs, refuse_existing
from kdseg.cli.console import Console, format_bytes, format_seconds
from kdseg.cli.done import is_done, make_request
from kdseg.cli.failures import as_error, common_exit_code
from kdseg.cli.interrupt import Interrupt
from kdseg.cli.run_case import CaseResult, CaseRunner
from kdseg.cli.runtime import Runtime
from kdseg.errors import Cancelled, KDSegError, OutputError
from kdseg.hardware import describe_hardware
from kdseg.limits import EngineName, Limits, Options, available_cpus
from kdseg.student import Student
from kdseg.wording import counted


@dataclass(frozen=True)
class Outcome:
    """How a case ended: ``done``, ``skipped``, ``failed`` or ``cancelled``; and what was warned of."""

    name: str
    status: str
    seconds: float = 0.0
    error: Optional[KDSegError] = None
    note: str = ""
    warnings: Tuple[str, ...] = ()


def run_segment(arguments: argparse.Namespace, runtime: Runtime, console: Console) -> int:
    """Run the command and return its exit code.

    Raises
    ------
    KDSegError
        If nothing can be started: the student, an input's path, or where a result would go.
    """
    student = runtime.load_student(Path(arguments.model))
    limits, options = make_limits(arguments), make_options(arguments, student)
    plans = _plan(arguments, student)
    request = make_request(student, options)
    done = [plan for plan in plans if arguments.skip_done and is_done(plan, request)]
    todo = [plan for plan in plans if plan not in done]
    if not arguments.overwrite:
        refuse_existing(todo, skip_done=arguments.skip_done)
    made = _make_folders(todo)
    _announce(student, limits, len(todo), console)
    outcomes = [Outcome(plan.case.name, "skipped", note="already done, hashes verified") for plan in done]
    with Interrupt() as interrupt:
        runner = CaseRunner(runtime, student, limits, options, request, arguments.command_line, console)
        for index, plan in enumerate(todo, start=1):
            console.begin_case(plan.case.name, index, len(todo))
            outcomes.append(_run_one(plan, runner, interrupt, console, debug=arguments.debug))
            if outcomes[-1].status == "cancelled":
                break
    _remove_empty(made)
    return _summarise(outcomes, len(plans), console)


def make_limits(arguments: argparse.Namespace) -> Limits:
    """Return threads and memory ceiling from the options."""
    memory = None if arguments.memory_gb is None else max(1, int(arguments.memory_gb * 1024**3))
    return Limits(arguments.threads or available_cpus(), memory)


def make_options(arguments: argparse.Namespace, student: Student) -> Options:
    """Return how to compute: what the user chose, else what the student's bundle says, else nnU-Net's defaults."""
    from kdseg.job import Job

    chosen = Options(mirroring=not arguments.no_mirroring, tile_step_size=arguments.step, engine=EngineName(arguments.engine))
    return replace(chosen, tile_step_size=Job(student, options=chosen).tile_step_size)


def _plan(arguments: argparse.Namespace, student: Student) -> List[Plan]:
    cases = find_cases(arguments.images, len(student.plan.channel_names))
    report = "" if arguments.report is None and arguments.skip_done else arguments.report
    return plan_outputs(
        cases,
        arguments.output,
        arguments.format or (),
        folders=[image for image in arguments.images if Path(image).is_dir()],
        report=report,
        picture=arguments.picture,
    )


def _make_folders(plans: Sequence[Plan]) -> List[Path]:
    """Make the folders for the results, prove that files can be written there, and return those that were made."""
    made: List[Path] = []
    for folder in sorted({target.parent for plan in plans for target in plan.targets}):
        try:
            missing = [p for p in (folder, *folder.parents) if not p.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            made += missing
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            _remove_empty(made)
            raise OutputError(
                "Results cannot be written into this folder.",
                found=error.strerror or str(error),
                path=folder,
                remedy="Choose another folder with -o.",
            ) from error
    return made


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders that this run made and nothing was written to, the deepest first."""
    for folder in sorted(folders, key=lambda f: len(f.parts), reverse=True):
        with suppress(OSError):  # not empty: it holds results
            folder.rmdir()


def _announce(student: Student, limits: Limits, count: int, console: Console) -> None:
    usable = describe_hardware().usable_bytes
    ceiling = "no ceiling" if limits.memory_bytes is None else f"ceiling {format_bytes(limits.memory_bytes)}"
    memory = "memory unknown" if usable is None else f"{format_bytes(usable)} of memory available"
    console.say(f"{student.name} {student.version} · {limits.threads} thread(s) · {memory}, {ceiling}")
    if not console.quiet:
        console.event("start", student=student.name, version=student.version, threads=limits.threads, cases=count)


def _run_one(plan: Plan, runner: CaseRunner, interrupt: Interrupt, console: Console, *, debug: bool) -> Outcome:
    name = plan.case.name
    try:
        result = interrupt.run(lambda: runner.run(plan, interrupt.requested))
    except Cancelled as cancelled:
        console.end_case()
        console.error(cancelled, case=name)
        return Outcome(name, "cancelled", error=cancelled)
    except Exception as raised:  # noqa: BLE001 – a bad case must not stop the others; the error is shown and counted
        console.end_case()
        error = as_error(raised, debug=debug)
        console.error(error, case=name)
        return Outcome(name, "failed", error=error)
    console.end_case()
    _show_result(plan, result, console)
    return Outcome(name, "done", result.seconds, note=", ".join(p.name for p in plan.outputs), warnings=result.warnings)


def _show_result(plan: Plan, result: CaseResult, console: Console) -> None:
    volumes_ml, seconds, report = result.volumes_ml, result.seconds, result.report
    found = {name: ml for name, ml in volumes_ml.items() if ml > 0}
    console.table([[f"  {name}", f"{ml:.2f} ml"] for name, ml in found.items()])
    if len(found) < len(volumes_ml):
        console.say("  not found: " + ", ".join(name for name in volumes_ml if name not in found))
    if report["removed_ml"]:
        console.say(f"  removed {report['removed_ml']:.3f} ml that is not connected with the rest")
    for target in plan.targets:
        console.say(f"  wrote {target}")
    console.say(f"  in {format_seconds(seconds)}")
    for doubt in result.doubts:
        console.warn(f"  warning: {plan.case.paths[0]}: {doubt}")
    console.event(
        "result",
        case=plan.case.name,
        outputs=[str(p) for p in plan.outputs],
        report=None if plan.report is None else str(plan.report),
        picture=None if plan.picture is None else str(plan.picture),
        volumes_ml={name: round(ml, 4) for name, ml in volumes_ml.items()},
        removed_ml=report["removed_ml"],
        seconds=round(seconds, 3),
        stages_seconds=report.get("stages_seconds", {}),
        engine=report.get("engine", {}),
        warnings=list(result.warnings),
    )


def _summarise(outcomes: Sequence[Outcome], planned: int, console: Console) -> int:
    """Print how every case ended and return the exit code."""
    counts = {s: sum(o.status == s for o in outcomes) for s in ("done", "skipped", "failed", "cancelled")}
    not_started, warned = planned - len(outcomes), sum(bool(o.warnings) for o in outcomes)
    code = common_exit_code([o.error.exit_code for o in outcomes if o.error is not None])
    if counts["cancelled"]:
        code = Cancelled.exit_code
    if planned > 1:
        rows = [("case", "result", "time", "")]
        for o in outcomes:
            time = format_seconds(o.seconds) if o.status == "done" else ""
            status = f"{o.status}, with {counted(len(o.warnings), 'warning')}" if o.warnings else o.status
            rows.append((o.name, status, time, o.note if o.error is None else o.error.problem))
        console.say("")
        console.table(rows)
        parts = [f"{n} {status}" for status, n in (*counts.items(), ("not started", not_started)) if n]
        console.say(", ".join(parts) + (f"; {warned} with warnings" if warned else ""))
    elif counts["skipped"]:
        console.say(f"{outcomes[0].name}: {outcomes[0].note}")
    console.event("summary", **counts, not_started=not_started, with_warnings=warned, exit_code=code)
    return code
