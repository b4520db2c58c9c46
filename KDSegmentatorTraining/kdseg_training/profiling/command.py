"""The command ``kdseg-training profile``."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import typer

from kdseg.errors import Cancelled, ConfigurationError, KDSegError
from kdseg.limits import EngineName, available_cpus
from kdseg.worker.error_data import error_from_data
from kdseg_training.profiling.request import ProfileRequest, StudentSubject, SyntheticVolume, TeacherSubject

if TYPE_CHECKING:
    from kdseg.choosing import Choice
    from kdseg_training.profiling.results import Profile

MIRRORING_OF_TEACHERS = {"on": (True,), "off": (False,), "both": (True, False)}
_GIB = 1024**3


def profile(
    bundles: Annotated[Optional[List[Path]], typer.Argument(help="Students: .kdseg.zip files.")] = None,
    *,
    teacher: Annotated[
        Optional[List[Path]], typer.Option("--teacher", help="nnU-Net model folder, run by stock nnU-Net. Repeatable.")
    ] = None,
    fold: Annotated[Optional[str], typer.Option(help="Fold of the teachers; needed if there are several.")] = None,
    checkpoint: Annotated[str, typer.Option(help="Name of the teachers' checkpoint.")] = "checkpoint_final.pth",
    teacher_mirroring: Annotated[str, typer.Option(help="on: mirrored as nnUNetv2_predict does by default; off; both.")] = "on",
    teacher_workers: Annotated[int, typer.Option(min=0, help="nnU-Net's -npp and -nps; 0 is faster for a single volume.")] = 0,
    teacher_python: Annotated[Optional[Path], typer.Option(help="Python with torch and nnunetv2; default this one.")] = None,
    volume: Annotated[
        Optional[List[Path]], typer.Option("--volume", "-i", help="Image file or DICOM folder; once for each channel.")
    ] = None,
    shape: Annotated[Optional[str], typer.Option(help="Synthetic volume: voxels z,y,x; default the median.")] = None,
    spacing: Annotated[Optional[str], typer.Option(help="Its spacing z,y,x in mm; default 1,1,1.")] = None,
    repetitions: Annotated[int, typer.Option("-n", "--repetitions", min=1, help="Counted runs of each subject.")] = 5,
    warm_ups: Annotated[int, typer.Option(min=0, help="Runs before them, recorded and left out.")] = 1,
    threads: Annotated[Optional[str], typer.Option(help="CPU threads, for a sweep 1,2,4; default all CPUs.")] = None,
    mirroring: Annotated[bool, typer.Option(help="Whether students mirror where their bundle allows it.")] = True,
    step: Annotated[Optional[float], typer.Option(help="Step between patches as a share of their size.")] = None,
    engine: Annotated[EngineName, typer.Option(help="What runs the students.")] = EngineName.AUTO,
    machine_peak: Annotated[bool, typer.Option(help="Whether the machine's peak is measured between the runs.")] = True,
    reference: Annotated[
        Optional[str], typer.Option(help="Compare with this subject; default the first teacher, else the slowest.")
    ] = None,
    quality: Annotated[
        Optional[List[str]], typer.Option("--quality", help="SUBJECT=DICE in place of what the bundle says. Repeatable.")
    ] = None,
    budget_seconds: Annotated[Optional[float], typer.Option(help="Choose for me: longest time of a case.")] = None,
    budget_gb: Annotated[Optional[float], typer.Option(help="Choose for me: most memory in GiB.")] = None,
    least_dice: Annotated[Optional[float], typer.Option(help="Choose for me: least mean Dice, 0 to 1.")] = None,
    output: Annotated[
        Optional[Path], typer.Option("-o", "--output", help="Folder for JSON, CSV, card and chart; made if needed.")
    ] = None,
    journal: Annotated[
        Optional[Path], typer.Option(help="Keep every finished run in this file, and go on from it after an interruption.")
    ] = None,
    keep: Annotated[bool, typer.Option(help="Whether the panel may use the profile: a copy goes to the user's data.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")] = False,
) -> None:
    """Measure what students, and the teacher in stock nnU-Net, cost on this machine: time, memory and work, side by side."""
    try:
        request = _request(
            [StudentSubject(str(path)) for path in bundles or ()],
            _teachers(teacher or [], fold, checkpoint, teacher_mirroring, teacher_workers),
            [str(path) for path in volume or ()],
            _synthetic(shape, spacing),
            repetitions=repetitions,
            warm_ups=warm_ups,
            threads=_integers(threads, "--threads") if threads else (available_cpus(),),
            mirroring=mirroring,
            tile_step_size=step,
            engine=engine,
            machine_peak=machine_peak,
            teacher_python=None if teacher_python is None else str(teacher_python.absolute()),
        )
        stated = _qualities(quality or [])
        budget = _budget(budget_seconds, budget_gb, least_dice)
        _prepare_folders(output, keep)
        check = _names_checker(stated, reference)
        found = _with_qualities(_measure(request, journal, check, quiet=as_json), stated)
        written = _write(found, output, reference, keep)
        choice = None if budget is None else _choose(found, budget)
    except KDSegError as error:
        typer.echo(json.dumps({"error": error.as_dict()}) if as_json else f"Error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    if as_json:
        typer.echo(json.dumps(_as_data(found, reference, written, choice), allow_nan=False))
    else:
        _show(found, reference, written, choice)
    raise typer.Exit(_exit_code(found, choice))


def _request(
    students: List[StudentSubject],
    teachers: List[TeacherSubject],
    volumes: List[str],
    synthetic: Optional[SyntheticVolume],
    **settings: Any,
) -> ProfileRequest:
    try:
        return ProfileRequest(tuple(students), tuple(teachers), tuple(volumes), synthetic, **settings)
    except ValueError as error:
        raise ConfigurationError(f"The profile cannot be made: {error}.") from error


def _teachers(folders: List[Path], fold: Optional[str], checkpoint: str, mirroring: str, workers: int) -> List[TeacherSubject]:
    if mirroring not in MIRRORING_OF_TEACHERS:
        raise ConfigurationError("--teacher-mirroring is not usable.", expected="on, off or both", found=mirroring)
    return [
        TeacherSubject(str(folder), fold, checkpoint, mirrored, workers)
        for folder in folders
        for mirrored in MIRRORING_OF_TEACHERS[mirroring]
    ]


def _synthetic(shape: Optional[str], spacing: Optional[str]) -> Optional[SyntheticVolume]:
    if shape is None:
        if spacing is not None:
            raise ConfigurationError("--spacing needs --shape.", remedy="Give both, or neither for the median volume.")
        return None
    sizes = _integers(shape, "--shape")
    mm = (1.0, 1.0, 1.0) if spacing is None else _numbers(spacing, "--spacing")
    if len(sizes) != 3 or len(mm) != 3:
        raise ConfigurationError("--shape and --spacing need three values each.", expected="z,y,x", found=f"{shape}; {spacing}")
    try:
        return SyntheticVolume((sizes[0], sizes[1], sizes[2]), (mm[2], mm[1], mm[0]))
    except ValueError as error:
        raise ConfigurationError(f"The volume cannot be made: {error}.") from error


def _integers(text: str, option: str) -> Tuple[int, ...]:
    values = _numbers(text, option)
    if not all(value == int(value) for value in values):
        raise ConfigurationError(f"{option} is not usable.", expected="whole numbers", found=text)
    return tuple(int(value) for value in values)


def _numbers(text: str, option: str) -> Tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.replace("x", ",").split(","))
    except ValueError as error:
        raise ConfigurationError(f"{option} is not usable.", expected="numbers with commas between", found=text) from error


def _qualities(stated: List[str]) -> Dict[str, float]:
    found: Dict[str, float] = {}
    for text in stated:
        name, _, value = text.rpartition("=")
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = -1.0
        if not name or not 0 <= found[name] <= 1:
            raise ConfigurationError("--quality is not usable.", expected="SUBJECT=DICE, Dice from 0 to 1", found=text)
    return found


def _budget(seconds: Optional[float], gib: Optional[float], least_dice: Optional[float]) -> Any:
    from kdseg.choosing import Budget

    if seconds is None and gib is None and least_dice is None:
        return None
    try:
        return Budget(seconds, None if gib is None else int(gib * _GIB), least_dice)
    except ValueError as error:
        raise ConfigurationError(f"The budget is not usable: {error}.") from error


def _prepare_folders(output: Optional[Path], keep: bool) -> None:
    """Find out before the first run whether the results can be written."""
    from kdseg.user_data import profiles_folder
    from kdseg_training.profiling.files import make_folder

    for folder in (output, profiles_folder() if keep else None):
        if folder is not None:
            make_folder(folder)


def _names_checker(stated: Dict[str, float], reference: Optional[str]) -> Callable[[Sequence[str]], None]:
    """Return what finds names of no subject before the first run."""

    def check(keys: Sequence[str]) -> None:
        known = ", ".join(keys)
        unknown = sorted(set(stated) - set(keys))
        if unknown:
            raise ConfigurationError("--quality names no subject.", expected=known, found=", ".join(unknown))
        if reference is not None and reference not in keys:
            raise ConfigurationError("--reference names no subject.", expected=known, found=reference)

    return check


def _measure(
    request: ProfileRequest, journal: Optional[Path], check: Callable[[Sequence[str]], None], *, quiet: bool
) -> Profile:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from kdseg_training.profiling.profiler import ProfileProgress
    from kdseg_training.profiling.profiler import profile as measure

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with _sigterm_as_ctrl_c(), Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("Profiling", total=1.0)

        def tell(progress: ProfileProgress) -> None:
            bar.update(task, completed=progress.fraction, description=progress.text)

        try:
            command = ("kdseg-training", *sys.argv[1:])
            return measure(request, progress=tell, journal=journal, command=command, on_described=check)
        except KeyboardInterrupt as error:
            kept = "Finished runs are in the journal." if journal is not None else "Keep finished runs with --journal."
            raise Cancelled("The profile was interrupted.", remedy=kept) from error


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Take a scheduler's wish to stop as Ctrl-C, so that nothing is left behind; afterwards all is as it was."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _with_qualities(found: Profile, stated: Dict[str, float]) -> Profile:
    from kdseg_training.profiling.subjects import Quality

    subjects = tuple(
        replace(subject, quality=Quality(stated[subject.key], "stated on the command line"))
        if subject.key in stated
        else subject
        for subject in found.subjects
    )
    return replace(found, subjects=subjects)


def _write(found: Profile, output: Optional[Path], reference: Optional[str], keep: bool) -> List[Path]:
    from kdseg_training.profiling.files import keep_profile, write_profile

    written = [] if output is None else write_profile(found, output, reference=reference)
    return [*written, keep_profile(found)] if keep else written


def _choose(found: Profile, budget: Any) -> Choice:
    from kdseg.choosing import choose
    from kdseg_training.profiling.choice import candidates

    return choose(candidates(found), budget)


def _as_data(found: Profile, reference: Optional[str], written: List[Path], choice: Optional[Choice]) -> Dict[str, Any]:
    from kdseg_training.profiling.json_data import to_data
    from kdseg_training.profiling.points import chart_points
    from kdseg_training.profiling.ratios import ratios

    data = found.to_data()
    data.update(points=to_data(chart_points(found)), ratios=to_data(ratios(found, reference)))
    data.update(written=[str(path) for path in written], choice=None)
    if choice is not None:
        rejected = [rejection.sentence() for rejection in choice.rejected]
        name = None if choice.chosen is None else choice.chosen.name
        data["choice"] = {"chosen": name, "why": choice.why, "rejected": rejected, "cautions": list(choice.cautions)}
    return data


def _show(found: Profile, reference: Optional[str], written: List[Path], choice: Optional[Choice]) -> None:
    from kdseg_training.profiling.card import card

    typer.echo(card(found, reference), nl=False)
    if choice is not None:
        typer.echo(f"\nChoose for me: {choice.why}")
        for line in (*(rejection.sentence() for rejection in choice.rejected), *choice.cautions):
            typer.echo(f"  {line}")
    for path in written:
        typer.echo(f"Wrote {path}")


def _exit_code(found: Profile, choice: Optional[Choice]) -> int:
    """Return that of the first subject that failed; 1 if no student keeps to the budget; else 0."""
    errors = [m.error for subject in found.subjects for m in subject.measurements if m.error is not None]
    if errors:
        return error_from_data(errors[0]).exit_code
    return 1 if choice is not None and choice.chosen is None else 0
