"""The command ``kdseg-training family``: which students a teacher may have, and their plans."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Dict, List, Optional

import typer

from kdseg.errors import ConfigurationError, KDSegError, OutputError
from kdseg.limits import available_cpus
from kdseg.wording import counted

if TYPE_CHECKING:
    from kdseg_training.distillation.family import Member, PlansFile, Workload

DEFAULT_FACTORS = (2.0, 4.0, 8.0)
"""Students that are shown when neither factors nor a budget are given."""

_GIB = 1024**3


def family(
    source: Annotated[
        Path, typer.Argument(metavar="MODEL_FOLDER_OR_PLANS", help="Model folder, preprocessed data set or plans.")
    ],
    *,
    factors: Annotated[Optional[List[float]], typer.Option("--factor", help="Divide all channels by this.")] = None,
    floor: Annotated[int, typer.Option(help="Least channels of a stage.")] = 4,
    configuration: Annotated[
        Optional[str], typer.Option("-c", "--configuration", help="Only this one; a model folder has its own.")
    ] = None,
    plans_name: Annotated[Optional[str], typer.Option("-p", "--plans", help="Which plans of a data set.")] = None,
    max_parameters: Annotated[Optional[float], typer.Option(help="Largest student with at most so many parameters.")] = None,
    max_memory: Annotated[Optional[float], typer.Option(help="… with at most this peak of memory in GiB, estimated.")] = None,
    max_seconds: Annotated[
        Optional[float], typer.Option(help="… with at most so many seconds per volume, measured here.")
    ] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Measure the seconds of every member on this machine.")] = False,
    shape: Annotated[
        Optional[str], typer.Option(help="Volume for memory and seconds: voxels z,y,x; default the median.")
    ] = None,
    spacing: Annotated[Optional[str], typer.Option(help="Its spacing z,y,x in mm.")] = None,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 for all.")] = 0,
    mirroring: Annotated[bool, typer.Option(help="Whether the student mirrors every patch over all axes.")] = True,
    output: Annotated[
        Optional[Path],
        typer.Option("-o", "--output", help="Write the students' plans into this folder; made if it does not exist."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")] = False,
) -> None:
    """Show the students of a teacher, and write their plans.

    Without a factor or a budget: 2, 4 and 8. With a budget: the largest student within it, of the given factors or of all.
    Trained with nnUNetv2_train -p PLANS_NAME, they use the data that were preprocessed for the teacher.
    """
    from kdseg_training.distillation.family import family_members, read_plans

    try:
        budgets = _budgets(max_parameters, max_memory, max_seconds)
        file = read_plans(source, plans_name=plans_name)
        shown = configuration or file.trained_configuration
        dataset = _dataset(file)
        workload = _workload(file, shape, spacing, threads=threads, mirroring=mirroring)
        wanted, chosen = list(factors or ()), None
        if any(value is not None for value in budgets.values()):
            chosen = _largest(file, shown, wanted, floor=floor, workload=workload, budgets=budgets)
            wanted = [chosen]
        members = family_members(
            file.plans,
            dataset,
            factors=wanted or DEFAULT_FACTORS,
            floor=floor,
            configurations=None if shown is None else [shown],
            workload=workload,
            measure=measure or max_seconds is not None,
        )
        written = _write(file, members, floor, configuration, output)
    except KDSegError as error:
        typer.echo(json.dumps({"error": error.as_dict()}) if as_json else f"Error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    if as_json:
        report = {"chosen_factor": chosen, "members": [m.as_dict() for m in members], "written": [str(p) for p in written]}
        typer.echo(json.dumps({**report, "workload": _workload_dict(workload)}))
        return
    _print(members, workload)
    if chosen == 1:
        typer.echo("The teacher itself is within the budget.")
    for path in written:
        typer.echo(f"Wrote {path}")


def _budgets(parameters: Optional[float], memory_gib: Optional[float], seconds: Optional[float]) -> Dict[str, Any]:
    given = {"--max-parameters": parameters, "--max-memory": memory_gib, "--max-seconds": seconds}
    for option, value in given.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ConfigurationError(f"{option} is not usable.", expected="a number above 0", found=f"{value:g}")
    return {
        "parameters": None if parameters is None else int(parameters),
        "memory_bytes": None if memory_gib is None else int(memory_gib * _GIB),
        "seconds": seconds,
    }


def _largest(
    file: PlansFile,
    configuration: Optional[str],
    candidates: List[float],
    *,
    floor: int,
    workload: Workload,
    budgets: Dict[str, Any],
) -> float:
    from kdseg_training.distillation.family import largest_within

    name = _only_configuration(file, configuration)
    dataset = _dataset(file)
    return largest_within(
        file.plans, name, dataset=dataset, candidates=candidates or None, floor=floor, workload=workload, **budgets
    )


def _dataset(file: PlansFile) -> Dict[str, Any]:
    if file.dataset is None:
        raise ConfigurationError("There is no dataset.json beside the plans.", expected="channels and labels", path=file.path)
    return file.dataset


def _only_configuration(file: PlansFile, configuration: Optional[str]) -> str:
    from kdseg_training.distillation.family import network_configurations

    available = network_configurations(file.plans)
    if configuration is None and len(available) != 1:
        found, remedy = ", ".join(available) or "none", "Name it with --configuration."
        raise ConfigurationError(
            "A budget is for one configuration.", expected="one", found=found, path=file.path, remedy=remedy
        )
    return configuration or available[0]


def _workload(file: PlansFile, shape: Optional[str], spacing: Optional[str], *, threads: int, mirroring: bool) -> Workload:
    from kdseg_training.distillation.family import Workload, typical_workload

    if shape is None and spacing is None:
        return typical_workload(file.plans, threads=threads, mirroring=mirroring)
    if shape is None or spacing is None:
        raise ConfigurationError("Shape and spacing belong together.", expected="--shape z,y,x and --spacing z,y,x")
    sizes, spacings = _three("--shape", shape), _three("--spacing", spacing)
    voxels = (round(sizes[0]), round(sizes[1]), round(sizes[2]))
    return Workload(voxels, (spacings[0], spacings[1], spacings[2]), threads or available_cpus(), mirroring)


def _three(option: str, text: str) -> List[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 3 or not all(0 < value < 1e6 for value in values):
        raise ConfigurationError(f"{option} is not usable.", expected="three numbers, for example 35,50,35", found=text)
    return values


def _write(
    file: PlansFile, members: List[Member], floor: int, configuration: Optional[str], output: Optional[Path]
) -> List[Path]:
    from kdseg_training.distillation.family import write_student_plans

    if output is None:
        return []
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("The output folder cannot be made.", found=error.strerror or str(error), path=output) from error
    factors = sorted({member.factor for member in members} - {1.0})
    return [
        write_student_plans(file.path, factor=factor, floor=floor, configuration=configuration, output_folder=output)
        for factor in factors
    ]


def _workload_dict(workload: Workload) -> Dict[str, Any]:
    return {
        "shape_zyx": list(workload.shape),
        "spacing_mm_zyx": list(workload.spacing_mm),
        "threads": workload.threads,
        "mirroring": workload.mirroring,
    }


def _print(members: List[Member], workload: Workload) -> None:
    from rich.console import Console
    from rich.table import Table

    measured = any(member.latency is not None for member in members)
    table = Table(title="Teacher and students")
    for heading in ("network", "÷", "channels"):
        table.add_column(heading, no_wrap=heading != "channels")
    for heading in ("parameters", "share", "memory", *(["seconds"] if measured else [])):
        table.add_column(heading, justify="right", no_wrap=True)
    teachers = {m.configuration: m.parameters for m in members if m.factor == 1}
    for number, member in enumerate(members):
        row = [
            member.configuration,
            f"{member.factor:g}",
            " ".join(map(str, member.features)),
            f"{member.parameters / 1e6:,.2f} M",
            f"{member.parameters / teachers[member.configuration]:.1%}",
            "–" if member.memory_bytes is None else f"{member.memory_bytes / _GIB:.2f} GiB",
        ]
        if number and member.factor == 1:
            table.add_section()
        table.add_row(*row, *(["–" if member.latency is None else f"{member.latency.seconds:.2f}"] if measured else []))
    console = Console()
    console.print(table)
    size, spacing = ("×".join(f"{n:g}" for n in values) for values in (workload.shape, workload.spacing_mm))
    mirrored = "every patch mirrored over all axes" if workload.mirroring else "no mirroring"
    setting = f"{size} voxels (z, y, x) at {spacing} mm, {counted(workload.threads, 'thread')}, {mirrored}"
    note = f"Memory is kdseg's estimate for {setting}."
    if measured:
        note += " Seconds were measured once on this machine with random weights, without reading and writing files."
    console.print(note, style="dim", highlight=False)
    names = list(dict.fromkeys(member.plans_name for member in members if member.factor != 1))
    if names:
        console.print(f"Plans: {', '.join(names)}", style="dim", highlight=False)
