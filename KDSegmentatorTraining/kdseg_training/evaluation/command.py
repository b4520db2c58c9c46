"""``kdseg-training evaluate``."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ContextManager, Dict, List, Optional, Sequence, Tuple

import typer

from kdseg.cli.failures import common_exit_code
from kdseg.cli.interrupt import Interrupt
from kdseg.errors import ConfigurationError, KDSegError
from kdseg_training.metrics.definitions import SurfaceDefinition

if TYPE_CHECKING:
    from kdseg_training.evaluation.cases import Pair
    from kdseg_training.evaluation.executors import Executor
    from kdseg_training.evaluation.job import EvaluationJob
    from kdseg_training.evaluation.workflow import JobOutcome


def evaluate(
    prediction: Annotated[Path, typer.Argument(help="Predicted label map, or folder of them.")],
    reference: Annotated[Path, typer.Argument(help="Reference label map, or folder of them; cases are matched by name.")],
    *,
    name: Annotated[Optional[str], typer.Option(help="Name of the model; by default that of the folder or file.")] = None,
    compare: Annotated[
        Optional[List[str]], typer.Option(metavar="NAME=PRED", help="Another model's predictions; may be repeated.")
    ] = None,
    teacher: Annotated[Optional[str], typer.Option(help="Name of the model that the others are to match.")] = None,
    baseline: Annotated[Optional[str], typer.Option(help="Name of the small network that was trained alone.")] = None,
    margin: Annotated[
        Optional[List[str]],
        typer.Option(metavar="METRIC=VALUE", help="Largest accepted loss against the teacher, for example dice=0.01."),
    ] = None,
    tolerance: Annotated[
        Optional[List[float]], typer.Option(metavar="MM", help="Tolerance of the NSD in mm; may be repeated. Default 1.")
    ] = None,
    percentile: Annotated[
        Optional[List[float]], typer.Option(help="Percentile of the Hausdorff distance; may be repeated. Default 95.")
    ] = None,
    definition: Annotated[SurfaceDefinition, typer.Option(help="What a surface is.")] = SurfaceDefinition.SURFACE_ELEMENTS,
    strict_tolerance: Annotated[
        bool, typer.Option("--strict-tolerance", help="Compare with the tolerance itself, as other packages do.")
    ] = False,
    engine: Annotated[str, typer.Option(help="auto, numpy or numba; the numbers are the same.")] = "auto",
    labels: Annotated[
        Optional[Path], typer.Option(help="dataset.json, bundle or labels.csv that names the structures.")
    ] = None,
    resample: Annotated[
        bool, typer.Option("--resample", help="Bring predictions to the reference's grid with nearest neighbours.")
    ] = False,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Go on without the predictions that are missing.")
    ] = False,
    images: Annotated[Optional[Path], typer.Option(help="Folder of images for the report's pictures.")] = None,
    scheduler: Annotated[Optional[str], typer.Option(metavar="ADDRESS", help="Dask scheduler that has the workers.")] = None,
    workers: Annotated[Optional[int], typer.Option(min=1, help="Processes on this computer; one for each CPU.")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = Path("evaluation"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")] = False,
    no_html: Annotated[bool, typer.Option("--no-html", help="Write no report.html.")] = False,
) -> None:
    """Measure predictions against references: Dice, NSD and surface distances per structure and case, models side by side.

    Writes cases.csv, averages.csv, nnU-Net's summary.json, evaluation.json, comparison.json and report.html. Cases that cannot
    be measured are named, the others are measured, and the exit code is not 0.
    """
    try:
        job = _job(
            _models(prediction, name, compare or []),
            reference=reference,
            output=output,
            labels=labels,
            tolerances_mm=tuple(tolerance or (1.0,)),
            percentiles=tuple(percentile or (95.0,)),
            definition=definition,
            strict_tolerance=strict_tolerance,
            engine=engine,
            resample=resample,
            allow_missing=allow_missing,
            teacher=teacher,
            baseline=baseline,
            margins=_margins(margin or []),
            report=not no_html,
            images=images,
        )
        outcome = _carry_out(job, workers, scheduler, quiet=as_json)
    except KDSegError as error:
        typer.echo(json.dumps({"error": error.as_dict()}) if as_json else f"Error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    _tell(outcome, as_json=as_json)
    code = common_exit_code([error.exit_code for model in outcome.evaluation.models for _, error in model.failed])
    if code:
        raise typer.Exit(code)


def _models(prediction: Path, name: Optional[str], others: Sequence[str]) -> Dict[str, Path]:
    """Return every model's predictions by name, in the order of the command line."""
    from kdseg_training.evaluation.cases import case_name

    own = prediction.resolve()
    models = {name or (own.name if own.is_dir() else case_name(own)): prediction}
    for text in others:
        other, path = _split(text, "--compare NAME=PRED")
        if other in models:
            raise ConfigurationError("Two models have one name.", found=other, remedy="Name them with --name and --compare.")
        models[other] = Path(path)
    return models


def _margins(texts: Sequence[str]) -> Dict[str, float]:
    margins = {}
    for text in texts:
        metric, value = _split(text, "--margin METRIC=VALUE")
        try:
            margins[metric] = float(value)
        except ValueError as error:
            raise ConfigurationError("A margin is no number.", expected="for example --margin dice=0.01", found=text) from error
    return margins


def _split(text: str, usage: str) -> Tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (separator and name.strip() and value.strip()):
        raise ConfigurationError("An option is not complete.", expected=usage, found=text)
    return name.strip(), value.strip()


def _job(models: Dict[str, Path], **options: object) -> EvaluationJob:
    from kdseg_training.evaluation.job import EvaluationJob

    return EvaluationJob(models, **options)  # type: ignore[arg-type]


def _carry_out(job: EvaluationJob, workers: Optional[int], scheduler: Optional[str], *, quiet: bool) -> JobOutcome:
    from kdseg_training.evaluation.console import Console
    from kdseg_training.evaluation.executors.clusters import open_executor
    from kdseg_training.evaluation.workflow import Watcher, carry_out

    def open_for(pairs: Sequence[Pair]) -> ContextManager[Executor]:
        return open_executor(pairs, job.reference, workers=workers, scheduler=scheduler)

    with Interrupt() as interrupt, Console(quiet=quiet) as console:
        watcher = Watcher(
            say=console.say,
            progress=console.progress,
            cancel=interrupt.requested,
            commit=lambda: not interrupt.requested(),
            command=shlex.join(_typed()),
        )
        return carry_out(job, open_for, watcher)


def _typed() -> List[str]:
    """Return the command line, the program by its name alone."""
    return ["kdseg-training", *sys.argv[1:]]


def _tell(outcome: JobOutcome, *, as_json: bool) -> None:
    if as_json:
        from kdseg_training.evaluation.child import report

        typer.echo(json.dumps(report(outcome), allow_nan=False))
        return
    from kdseg_training.evaluation.console import tell_outcome

    tell_outcome(outcome)
