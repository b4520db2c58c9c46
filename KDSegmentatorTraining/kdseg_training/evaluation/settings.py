"""What an evaluation measures; it stands beside every number."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, Mapping, Optional, Tuple

from kdseg_training.metrics.definitions import SurfaceDefinition
from kdseg_training.metrics.engines import ENGINES
from kdseg_training.metrics.label_maps import LARGEST_LABEL


@dataclass(frozen=True)
class EvaluationSettings:
    """How every case of every model is measured.

    Attributes
    ----------
    labels
        Name of each structure by its value in the label maps, at least one; in the order in which they are reported.
    tolerances_mm
        Nominal tolerances of the normalised surface distance, in mm.
    percentiles
        Percentiles of the robust Hausdorff distance, above 0 and at most 100.
    definition
        What a surface is.
    strict_tolerance
        Compare with the tolerance itself instead of allowing for rounding.
    engine
        ``"auto"``, ``"numpy"`` or ``"numba"``: the numbers are the same.
    ignore_label
        Voxels with this value in the reference are left out of every count (nnU-Net's ``ignore``); None for none.
    regions
        Values that make up a structure, by its label, where it is not just its own value: nnU-Net's regions, which may
        overlap. A region's label is the value that nnU-Net paints for it.
    resample
        Bring a prediction on another grid to the reference's with nearest neighbours, and say so, instead of refusing it.

    Raises
    ------
    ValueError
        If a value is not allowed.
    """

    labels: Mapping[int, str]
    tolerances_mm: Tuple[float, ...] = (1.0,)
    percentiles: Tuple[float, ...] = (95.0,)
    definition: SurfaceDefinition = SurfaceDefinition.SURFACE_ELEMENTS
    strict_tolerance: bool = False
    engine: str = "auto"
    ignore_label: Optional[int] = None
    regions: Mapping[int, Tuple[int, ...]] = field(default_factory=dict)
    resample: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", {_label(value): str(name) for value, name in dict(self.labels).items()})
        regions = {_label(label): tuple(_label(value) for value in values) for label, values in dict(self.regions).items()}
        object.__setattr__(self, "regions", regions)
        object.__setattr__(self, "tolerances_mm", tuple(float(value) for value in self.tolerances_mm))
        object.__setattr__(self, "percentiles", tuple(float(value) for value in self.percentiles))
        object.__setattr__(self, "definition", SurfaceDefinition(self.definition))
        if not self.labels:
            raise ValueError("there must be at least one structure to measure")
        _check_names(self.labels)
        if not set(self.regions) <= set(self.labels) or not all(self.regions.values()):
            raise ValueError(f"every region needs a name and at least one value, found {self.regions}")
        _check_numbers("tolerances", self.tolerances_mm, lambda value: value >= 0, "at least 0 mm")
        _check_numbers("percentiles", self.percentiles, lambda value: 0 < value <= 100, "above 0 and at most 100")
        if self.engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, found {self.engine!r}")
        if self.ignore_label is not None and _label(self.ignore_label) in self.measured_values:
            raise ValueError(f"label {self.ignore_label} cannot be both measured and ignored")

    @property
    def measured_values(self) -> FrozenSet[int]:
        """Every value in the label maps that belongs to a structure."""
        return frozenset(value for label in self.labels for value in self.values_of(label))

    def values_of(self, label: int) -> Tuple[int, ...]:
        """Return the values in the label maps that make up a structure."""
        return self.regions.get(label, (label,))

    @property
    def metrics(self) -> Tuple[str, ...]:
        """Names of the metrics, in the order of :meth:`kdseg_training.metrics.ClassMetrics.values`."""
        return (
            *("dice", "iou", "prediction_volume_ml", "reference_volume_ml"),
            *("volume_difference_ml", "relative_volume_difference"),
            *(f"nsd_{tolerance:g}mm" for tolerance in self.tolerances_mm),
            "hd_mm",
            *(f"hd{percent:g}_mm" for percent in self.percentiles),
            *("assd_mm", "masd_mm"),
        )

    def as_dict(self) -> Dict[str, Any]:
        """Return the same as plain data for JSON."""
        return {
            "labels": [
                {"value": label, "name": name, "values": list(self.values_of(label))} for label, name in self.labels.items()
            ],
            "tolerances_mm": list(self.tolerances_mm),
            "percentiles": list(self.percentiles),
            "definition": self.definition.value,
            "strict_tolerance": self.strict_tolerance,
            "engine": self.engine,
            "ignore_label": self.ignore_label,
            "resample": self.resample,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EvaluationSettings:
        """Return the settings that :meth:`as_dict` wrote.

        Raises
        ------
        ValueError, KeyError, TypeError
            If a key is missing or a value is not allowed.
        """
        values = {entry["value"]: tuple(entry["values"]) for entry in data["labels"]}
        return cls(
            labels={entry["value"]: entry["name"] for entry in data["labels"]},
            regions={label: parts for label, parts in values.items() if parts != (label,)},
            tolerances_mm=tuple(data["tolerances_mm"]),
            percentiles=tuple(data["percentiles"]),
            definition=SurfaceDefinition(data["definition"]),
            strict_tolerance=data["strict_tolerance"],
            engine=data["engine"],
            ignore_label=data["ignore_label"],
            resample=data["resample"],
        )


def _label(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_LABEL:
        raise ValueError(f"a label must be a whole number from 1 to {LARGEST_LABEL}, found {value!r}")
    return value


def _check_names(labels: Mapping[int, str]) -> None:
    names = list(labels.values())
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not all(name.strip() for name in names):
        raise ValueError(f"every structure needs a name of its own, found {twice or names}")


def _check_numbers(what: str, values: Tuple[float, ...], allowed: Any, rule: str) -> None:
    if not all(math.isfinite(value) and allowed(value) for value in values):
        raise ValueError(f"{what} must be finite and {rule}, found {list(values)}")
    names = [f"{value:g}" for value in values]
    if len(set(names)) != len(names):
        raise ValueError(f"{what} must differ in six digits, as they name columns, found {list(values)}")
