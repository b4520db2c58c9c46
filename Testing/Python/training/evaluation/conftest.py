"""What the tests of comparison and report share: evaluations whose numbers are stated, not measured."""

from __future__ import annotations

import math
from typing import Mapping, Optional, Sequence, Tuple

import pytest

from kdseg_training.evaluation import Evaluation, EvaluationSettings, ModelResult
from kdseg_training.metrics import CaseMetrics, ClassMetrics, OverlapCounts, Status

SHAPE, SPACING_MM = (10, 20, 30), (3.0, 2.0, 1.0)
DIAGONAL_MM = math.sqrt(30**2 + 40**2 + 30**2)
REFERENCE_VOXELS = 1000
"""Voxels of a structure that the reference holds; 6 µl each."""

Cell = Optional[Tuple[float, float, float]]
"""Dice, NSD and HD95 of a cell where both hold the structure."""


def a_class(label: int, cell) -> ClassMetrics:
    """A structure of one case: ``(dice, nsd, hd95_mm)`` with masks of one size, or a status without an overlap."""
    if cell is Status.BOTH_EMPTY:
        counts, nsd, distance = OverlapCounts(0, 0, 0), math.nan, math.nan
    elif cell is Status.MISSED:
        counts, nsd, distance = OverlapCounts(0, REFERENCE_VOXELS, 0), 0.0, math.inf
    elif cell is Status.HALLUCINATED:
        counts, nsd, distance = OverlapCounts(500, 0, 0), 0.0, math.inf
    else:
        dice, nsd, distance = cell
        counts = OverlapCounts(REFERENCE_VOXELS, REFERENCE_VOXELS, round(dice * REFERENCE_VOXELS))
    return ClassMetrics(label, counts, 0.006, {1.0: nsd}, distance, {95.0: distance}, distance, distance)


def a_model(name: str, cells: Mapping[str, Sequence], labels: Sequence[int], **more) -> ModelResult:
    """A model from its cells: case → one cell for each label."""
    cases = tuple(
        CaseMetrics(
            case,
            dict(zip(labels, map(a_class, labels, row))),
            EvaluationSettings({1: "x"}).definition,
            False,
            SHAPE,
            SPACING_MM,
        )
        for case, row in sorted(cells.items())
    )
    return ModelResult(name, f"predictions/{name}", cases, **more)


@pytest.fixture
def make_evaluation():
    """Return a function that makes an evaluation of models given by their cells."""

    def make(models: Mapping[str, Mapping[str, Sequence]], labels=None, **more) -> Evaluation:
        names = labels or {1: "anterior", 2: "posterior"}
        made = tuple(a_model(name, cells, list(names), **more.get(name, {})) for name, cells in models.items())
        return Evaluation(EvaluationSettings(names), "reference", made, {"command": "kdseg-training evaluate"})

    return make
