"""What is to be evaluated, as an object that cannot be invalid and as a JSON file for a child process."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, Union

from kdseg.errors import ConfigurationError
from kdseg_training.evaluation.compared_metrics import compared_metrics
from kdseg_training.evaluation.labels import LabelTable
from kdseg_training.evaluation.settings import EvaluationSettings
from kdseg_training.metrics.definitions import SurfaceDefinition

JOB_SCHEMA = "kdseg-evaluation-job/1"
"""Name and version of the file's layout, in its key ``schema``."""

Labels = Union[None, Path, Mapping[int, str]]
"""A file that names the structures, the structures themselves, or None for what is found."""


@dataclass(frozen=True)
class EvaluationJob:
    """One evaluation from its files to its files.

    Attributes
    ----------
    models
        Folder of predictions (or one file) by the model's name, at least one.
    reference
        Folder of references (or one file).
    output
        Folder for the results; made if it is not there.
    labels
        A ``dataset.json``, bundle or ``labels.csv``; names by value; None for a ``dataset.json`` near the files, else what
        the label maps hold.
    tolerances_mm, percentiles, definition, strict_tolerance, engine, resample
        As in :class:`~kdseg_training.evaluation.settings.EvaluationSettings`.
    allow_missing
        Go on where a prediction is missing.
    teacher, baseline, margins
        Roles of the models and accepted losses, as in :func:`~kdseg_training.evaluation.comparison.compare`.
    report
        Write ``report.html``; needs matplotlib.
    images
        Folder with the images of the cases, for the report's pictures.
    worst_places
        Write ``worst_places.json``: where each structure of each case is most wrong.
    private_folder
        The folder of the request file belongs to this job: the child removes it when its parent is gone.

    Raises
    ------
    ConfigurationError
        If a value is not allowed.
    """

    models: Mapping[str, Path]
    reference: Path
    output: Path
    labels: Labels = None
    tolerances_mm: Tuple[float, ...] = (1.0,)
    percentiles: Tuple[float, ...] = (95.0,)
    definition: SurfaceDefinition = SurfaceDefinition.SURFACE_ELEMENTS
    strict_tolerance: bool = False
    engine: str = "auto"
    resample: bool = False
    allow_missing: bool = False
    teacher: Optional[str] = None
    baseline: Optional[str] = None
    margins: Mapping[str, float] = field(default_factory=dict)
    report: bool = True
    images: Optional[Path] = None
    worst_places: bool = False
    private_folder: bool = False

    def __post_init__(self) -> None:
        if not self.models or not all(name.strip() and name.isprintable() for name in self.models):
            raise _error("models", "at least one, each with a printable name", str(list(self.models)))
        for role, name in (("teacher", self.teacher), ("baseline", self.baseline)):
            if name is not None and name not in self.models:
                raise _error(role, f"one of the models {', '.join(self.models)}", name)
        if self.margins and self.teacher is None:
            raise _error("margins", "a teacher that the margins are against", "none")
        labels = self.labels if isinstance(self.labels, Mapping) else {1: "any"}
        try:
            object.__setattr__(self, "definition", SurfaceDefinition(self.definition))
            settings = self.settings(LabelTable(labels, ""))
        except ValueError as error:
            raise ConfigurationError("The evaluation is not described well.", found=str(error)) from error
        metrics = compared_metrics(settings)
        if not set(self.margins) <= set(metrics) or not all(math.isfinite(v) and v > 0 for v in self.margins.values()):
            raise _error("margins", f"values above 0 for some of {', '.join(metrics)}", str(dict(self.margins)))

    def settings(self, table: LabelTable) -> EvaluationSettings:
        """Return how to measure the structures of ``table``."""
        return EvaluationSettings(
            labels=table.labels,
            tolerances_mm=self.tolerances_mm,
            percentiles=self.percentiles,
            definition=self.definition,
            strict_tolerance=self.strict_tolerance,
            engine=self.engine,
            ignore_label=table.ignore_label,
            regions=table.regions,
            resample=self.resample,
        )

    def to_json(self) -> str:
        """Return the job as text of ASCII characters."""
        data: Dict[str, Any] = {"schema": JOB_SCHEMA}
        for entry in fields(self):
            data[entry.name] = _plain(getattr(self, entry.name))
        return json.dumps(data, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: Union[str, bytes]) -> EvaluationJob:
        """Parse what :meth:`to_json` wrote; keys with a default may be missing, paths must be absolute.

        Raises
        ------
        ConfigurationError
            If it is not JSON, has another schema, lacks a key, has an unknown one, or a value is not allowed.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ConfigurationError("The request is not JSON.", found=str(error)) from error
        if not isinstance(data, dict) or data.pop("schema", None) != JOB_SCHEMA:
            raise ConfigurationError("The request has another layout.", expected=f"an object with the schema {JOB_SCHEMA}")
        missing, unknown = sorted({"models", "reference", "output"} - set(data)), sorted(set(data) - set(_TYPES))
        if missing or unknown:
            raise _error("the keys", ", ".join(_TYPES), f"without {missing}" if missing else f"with {unknown}")
        for key, value in data.items():
            kinds, what = _TYPES[key]
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise _error(key, what, repr(value)[:100])
        return cls(**{key: _typed(key, value) for key, value in data.items()})


_NONE = type(None)
_NUMBERS = "a list of numbers"
_TYPES: Mapping[str, Tuple[Tuple[type, ...], str]] = {
    "models": ((dict,), "paths by name"),
    "reference": ((str,), "a path"),
    "output": ((str,), "a path"),
    "labels": ((str, dict, _NONE), "a path, names by value, or null"),
    "tolerances_mm": ((list,), _NUMBERS),
    "percentiles": ((list,), _NUMBERS),
    "definition": ((str,), "the name of a definition"),
    "strict_tolerance": ((bool,), "true or false"),
    "engine": ((str,), "the name of an engine"),
    "resample": ((bool,), "true or false"),
    "allow_missing": ((bool,), "true or false"),
    "teacher": ((str, _NONE), "the name of a model or null"),
    "baseline": ((str, _NONE), "the name of a model or null"),
    "margins": ((dict,), "numbers by metric"),
    "report": ((bool,), "true or false"),
    "images": ((str, _NONE), "a path or null"),
    "worst_places": ((bool,), "true or false"),
    "private_folder": ((bool,), "true or false"),
}


def _typed(key: str, value: Any) -> Any:
    if key == "models":
        return {name: _path(key, path) for name, path in value.items()}
    if key in ("tolerances_mm", "percentiles"):
        return _numbers(key, value)
    if key == "margins":
        return dict(zip(value, _numbers(key, list(value.values()))))
    if key == "labels" and isinstance(value, dict):
        if not all(text.isascii() and text.isdigit() and isinstance(name, str) for text, name in value.items()):
            raise _error(key, _TYPES[key][1], repr(value)[:100])
        return {int(text): name for text, name in value.items()}
    return _path(key, value) if key in ("reference", "output", "labels", "images") and value is not None else value


def _numbers(key: str, values: Sequence[Any]) -> Tuple[float, ...]:
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        raise _error(key, _TYPES[key][1], repr(values)[:100])
    return tuple(float(value) for value in values)


def _path(key: str, value: Any) -> Path:
    if not isinstance(value, str) or not Path(value).is_absolute():
        raise _error(key, "absolute paths", repr(value)[:100])
    return Path(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, SurfaceDefinition):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _error(what: str, expected: str, found: str) -> ConfigurationError:
    return ConfigurationError(f"The evaluation is not described well: {what}.", expected=expected, found=found[:300])
