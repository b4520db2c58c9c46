"""The command ``kdseg-training``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Dict, NoReturn, Optional

from kdseg.errors import KDSegError
from kdseg_training.missing_package import is_missing_package, missing_package


def _end(error: ModuleNotFoundError) -> NoReturn:
    """End with one sentence where a package is missing."""
    if not is_missing_package(error):
        raise error
    told = missing_package(error)
    text = json.dumps({"error": told.as_dict()}) if "--json" in sys.argv[1:] else f"Error: {told}"
    sys.stderr.write(f"{text}\n")
    sys.exit(told.exit_code)


try:
    import typer

    from kdseg_training.distillation.commands.distill import distill
    from kdseg_training.distillation.commands.family import family
    from kdseg_training.distillation.commands.soft_labels import soft_labels
    from kdseg_training.distillation.commands.study import study
    from kdseg_training.evaluation.command import evaluate
    from kdseg_training.profiling.command import profile
    from kdseg_training.synthesis.command import synthesize
except ModuleNotFoundError as error:
    _end(error)

app = typer.Typer(name="kdseg-training", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _root() -> None:
    """Distil, export, evaluate and profile KDSegmentator's students."""


@app.command()
def export(
    model_folder: Annotated[Path, typer.Argument(help="nnU-Net v2 model folder with plans.json, dataset.json and fold_*.")],
    *,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the bundle; made if it does not exist.")] = Path(),
    fold: Annotated[Optional[str], typer.Option(help="Fold to export; needed if there are several.")] = None,
    checkpoint: Annotated[str, typer.Option(help="Name of the checkpoint in the fold's folder.")] = "checkpoint_final.pth",
    configuration: Annotated[Optional[str], typer.Option(help="Must equal the checkpoint's, if given.")] = None,
    metadata: Annotated[Optional[Path], typer.Option(help="JSON file with the keys of bundle.json that people know.")] = None,
    labels: Annotated[Optional[Path], typer.Option(help="labels.csv: colours and terminology.")] = None,
    name: Annotated[Optional[str], typer.Option(help="Name of the student.")] = None,
    version: Annotated[Optional[str], typer.Option(help="Version of the student, for example 1.0.0.")] = None,
    licence: Annotated[Optional[str], typer.Option(help="Licence of the weights, for example CC-BY-SA-4.0.")] = None,
    modality: Annotated[Optional[str], typer.Option(help="DICOM modality, for example MR.")] = None,
    body_part: Annotated[Optional[str], typer.Option(help="Body part, for example Brain.")] = None,
    intended_use: Annotated[Optional[str], typer.Option(help="What the student is for, in one sentence.")] = None,
    capacity: Annotated[Optional[str], typer.Option(help="Width as a share of the teacher's, for example 1/4.")] = None,
    dataset_name: Annotated[Optional[str], typer.Option(help="Name of the training data.")] = None,
    dataset_licence: Annotated[Optional[str], typer.Option(help="Licence of the training data.")] = None,
    exchange_sides: Annotated[
        bool, typer.Option("--exchange-sides", help="Average every patch with its mirror image, left and right exchanged.")
    ] = False,
    keep_largest_part: Annotated[
        bool, typer.Option("--keep-largest-part", help="Remove what is not connected with the largest part of all structures.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a bundle of the same name and version.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")] = False,
) -> None:
    """Turn an nnU-Net v2 model folder into a student bundle. What is not stated, the bundle calls not stated."""
    from kdseg_training.export import export_student, read_metadata, state_dataset

    given = {
        "name": name,
        "version": version,
        "licence": licence,
        "modality": modality,
        "body_part": body_part,
        "intended_use": intended_use,
        "capacity": capacity,
    }
    try:
        described: Dict[str, Any] = {} if metadata is None else read_metadata(metadata)
        described.update({key: value for key, value in given.items() if value is not None})
        described = state_dataset(described, name=dataset_name, licence=dataset_licence)
        result = export_student(
            model_folder,
            output,
            configuration=configuration,
            fold=fold,
            checkpoint=checkpoint,
            metadata=described,
            labels_csv=labels,
            exchange_sides=exchange_sides,
            keep_largest_part=keep_largest_part,
            overwrite=overwrite,
        )
    except KDSegError as error:
        typer.echo(json.dumps({"error": error.as_dict()}) if as_json else f"Error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    if as_json:
        typer.echo(json.dumps(result.as_dict()))
        return
    for note in result.notes:
        typer.echo(f"Note: {note}")
    for drift in result.drift:
        typer.echo(f"{drift.sentence()}")
    typer.echo(f"Wrote {result.path}")


app.command()(distill)
app.command()(evaluate)
app.command()(family)
app.command()(profile)
app.command()(soft_labels)
app.command()(study)
app.command()(synthesize)


def main() -> None:
    """Run the command line; most packages are imported by the command that needs them."""
    try:
        app()
    except ModuleNotFoundError as error:
        _end(error)


if __name__ == "__main__":
    main()
