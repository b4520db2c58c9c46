"""What the child found, as rows: one for each case and structure."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from kdseg.errors import KDSegError, WorkerError
from kdseg.worker.error_data import error_from_data
from KDSegmentatorLib.i18n import _
from KDSegmentatorTrainingLib.evaluate.columns import Column, columns

SCHEMA = "kdseg-evaluation/1"

OK, MISSED, HALLUCINATED, BOTH_EMPTY = "ok", "missed", "hallucinated", "both_empty"
"""Values of a row's status."""


@dataclass(frozen=True)
class ErrorPlace:
    """Where prediction and reference are farthest apart.

    Attributes
    ----------
    point_lps_mm
        In the frame of the files, LPS, in mm.
    distance_mm
        Infinity where one of the two has no such structure.
    """

    point_lps_mm: Tuple[float, float, float]
    distance_mm: float


@dataclass(frozen=True)
class StructureRow:
    """One structure in one case.

    Attributes
    ----------
    case, label, name
        Which one.
    status
        :data:`OK`, :data:`MISSED`, :data:`HALLUCINATED` or :data:`BOTH_EMPTY`.
    values
        By the keys of the columns; NaN where there is nothing to measure, infinity for distances to nothing.
    place
        Where to look first; None where it was not asked for or there is none.
    """

    case: str
    label: int
    name: str
    status: str
    values: Mapping[str, float]
    place: Optional[ErrorPlace] = None


@dataclass(frozen=True)
class EvaluationResult:
    """One model against the reference.

    Attributes
    ----------
    rows
        In the order of cases, then of structures.
    columns
        The metrics.
    structures
        Names in order.
    failed
        Name and reason of the cases that were refused.
    missing, unexpected
        Cases without a prediction, and predictions without a reference.
    notes
        Sentences about files.
    files
        Prediction and reference of each case.
    definition
        What a surface is; it belongs beside every distance.
    """

    rows: Tuple[StructureRow, ...]
    columns: Tuple[Column, ...]
    structures: Tuple[str, ...]
    failed: Tuple[Tuple[str, KDSegError], ...] = ()
    missing: Tuple[str, ...] = ()
    unexpected: Tuple[str, ...] = ()
    notes: Tuple[str, ...] = ()
    files: Mapping[str, Tuple[Path, Path]] = field(default_factory=dict)
    definition: str = ""

    @property
    def cases(self) -> Tuple[str, ...]:
        """Names of the measured cases in order."""
        return tuple(dict.fromkeys(row.case for row in self.rows))


def read_result(text: Union[str, bytes], places: Union[str, bytes] = "[]") -> EvaluationResult:
    """Return the first model of an ``evaluation.json``.

    Parameters
    ----------
    text
        The file's content.
    places
        Content of ``worst_places.json``.

    Raises
    ------
    WorkerError
        If it is not such a text.
    """
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA:
            raise ValueError(f"the schema is {data['schema']!r}")
        return _result(data["settings"], data["models"][0], _places(json.loads(places)))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise WorkerError(
            _("The result of the evaluation cannot be understood."),
            expected=SCHEMA,
            found=f"{type(error).__name__}: {error}",
            remedy=_("Install the extension again, so that all of its parts are of one version."),
        ) from error


def _result(settings: Mapping[str, Any], model: Mapping[str, Any], places: Mapping[Any, ErrorPlace]) -> EvaluationResult:
    names = {entry["value"]: entry["name"] for entry in settings["labels"]}
    rows: List[StructureRow] = []
    for case in model["cases"]:
        for entry in case["classes"]:
            label = entry["label"]
            place = places.get((case["case"], label))
            values = _values(entry, settings)
            rows.append(StructureRow(case["case"], label, names[label], entry["status"], values, place))
    return EvaluationResult(
        rows=tuple(rows),
        columns=columns(settings["tolerances_mm"], settings["percentiles"]),
        structures=tuple(names.values()),
        failed=tuple((entry["case"], error_from_data(entry["error"])) for entry in model["failed"]),
        missing=tuple(model["missing"]),
        unexpected=tuple(model["unexpected"]),
        notes=tuple(f"{case}: {note}" for case, note in model["notes"]),
        files={entry["case"]: (Path(entry["prediction"]), Path(entry["reference"])) for entry in model["files"]},
        definition=settings["definition"],
    )


def _values(entry: Mapping[str, Any], settings: Mapping[str, Any]) -> Dict[str, float]:
    voxel_ml = entry["voxel_volume_ml"]
    prediction_ml, reference_ml = entry["prediction_voxels"] * voxel_ml, entry["reference_voxels"] * voxel_ml
    found = {key: _number(entry[key]) for key in ("dice", "iou", "hd_mm", "assd_mm", "masd_mm")}
    for tolerance, value in zip(settings["tolerances_mm"], entry["nsd"]):
        found[f"nsd_{tolerance:g}mm"] = _number(value)
    for percent, value in zip(settings["percentiles"], entry["hd_percentiles_mm"]):
        found[f"hd{percent:g}_mm"] = _number(value)
    found.update(prediction_volume_ml=prediction_ml, reference_volume_ml=reference_ml)
    found["volume_difference_ml"] = prediction_ml - reference_ml
    return found


def _places(entries: Sequence[Mapping[str, Any]]) -> Dict[Tuple[str, int], ErrorPlace]:
    return {
        (entry["case"], entry["label"]): ErrorPlace(_point(entry["point_lps_mm"]), _number(entry["distance_mm"]))
        for entry in entries
    }


def _point(values: Sequence[Any]) -> Tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _number(value: Union[float, str, None]) -> float:
    return math.nan if value is None else float(value)
