"""``kdseg-training synthesize``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Dict, Optional

import typer

from kdseg.errors import KDSegError


def synthesize(
    config: Annotated[Path, typer.Argument(help="YAML file that describes label maps, spacing, network and appearance.")],
    *,
    label_maps: Annotated[Optional[Path], typer.Option(help="Folder of label maps, instead of the file's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for programs at the end.")] = False,
) -> None:
    """Prepare label maps as an nnU-Net data set whose training batches are drawn while a network trains."""
    try:
        from kdseg_training.synthesis.config import read_synthesis_config
        from kdseg_training.synthesis.dataset import prepare

        settings = read_synthesis_config(config)
        if label_maps is not None:
            settings = settings.model_copy(update={"label_maps": label_maps.resolve()})
        result = prepare(settings, say=_silent if as_json else typer.echo)
    except KDSegError as error:
        typer.echo(json.dumps({"error": error.as_dict()}) if as_json else f"Error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    if as_json:
        described: Dict[str, Any] = {key: str(getattr(result, key)) for key in ("raw", "preprocessed", "plans")}
        typer.echo(json.dumps({**described, "training": result.training, "validation": result.validation}))
        return
    typer.echo(f"{result.training} label maps for training, {result.validation} for validation, in {result.preprocessed}.")
    typer.echo(
        f"Train with dataset: {result.preprocessed.name}, plans: {result.plans}, mirror_augmentation: false, synthesis: {{}}."
    )


def _silent(_: str) -> None:
    """Say nothing."""
