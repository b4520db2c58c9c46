"""What the child is asked: the request of ``python -m kdseg_training.evaluation``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Tuple, Union

PACKAGE = "kdseg_training.evaluation"
SCHEMA = "kdseg-evaluation-job/1"
MODEL_NAME = "segmentation"

RESULT_NAME, PLACES_NAME = "evaluation.json", "worst_places.json"
"""What the child writes into the folder of results."""


@dataclass(frozen=True)
class Measures:
    """What is measured.

    Attributes
    ----------
    tolerances_mm, percentiles
        Of the normalised surface distance and of the robust Hausdorff distance.
    definition
        What a surface is: ``surface_elements`` or ``boundary_voxels``.
    """

    tolerances_mm: Tuple[float, ...] = (1.0,)
    percentiles: Tuple[float, ...] = (95.0,)
    definition: str = "surface_elements"


@dataclass(frozen=True)
class EvaluationRequest:
    """One comparison.

    Attributes
    ----------
    prediction, reference
        Two files or two folders.
    output
        Folder for the results.
    labels
        Name of each structure by its value, a file that names them, or None to let the child find out.
    measures
        What is measured.
    resample
        Bring predictions onto the grid of the reference by nearest neighbours.
    allow_missing
        Measure the other cases where predictions are missing.
    places
        Look for the places of the largest errors, too.
    report
        Write a report for people, too; it needs matplotlib.
    """

    prediction: Path
    reference: Path
    output: Path
    labels: Union[Path, Mapping[int, str], None] = None
    measures: Measures = Measures()
    resample: bool = False
    allow_missing: bool = False
    places: bool = False
    report: bool = False

    @property
    def result(self) -> Path:
        """Return the file with the numbers."""
        return self.output / RESULT_NAME

    def to_json(self) -> bytes:
        """Return the request as the child reads it."""
        data: Dict[str, Any] = {
            "schema": SCHEMA,
            "models": {MODEL_NAME: str(self.prediction)},
            "reference": str(self.reference),
            "output": str(self.output),
            "labels": _labels(self.labels),
            "tolerances_mm": list(self.measures.tolerances_mm),
            "percentiles": list(self.measures.percentiles),
            "definition": self.measures.definition,
            "engine": "numpy",
            "resample": self.resample,
            "allow_missing": self.allow_missing,
            "worst_places": self.places,
            "report": self.report,
            "private_folder": True,
        }
        return json.dumps(data).encode("ascii")


def _labels(labels: Union[Path, Mapping[int, str], None]) -> Any:
    if labels is None or isinstance(labels, Path):
        return None if labels is None else str(labels)
    return {str(value): name for value, name in labels.items()}
