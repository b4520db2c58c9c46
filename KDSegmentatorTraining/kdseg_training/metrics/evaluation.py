"""Measure a prediction against its reference: all classes of a case at once."""

from __future__ import annotations

import math
from typing import Any, Dict, Sequence, Tuple

import numpy.typing as npt

from kdseg.errors import GeometryError
from kdseg.segmentation import Segmentation
from kdseg_training.metrics.definitions import Status, SurfaceDefinition, effective_tolerance_mm
from kdseg_training.metrics.engines import measuring_function
from kdseg_training.metrics.label_maps import check_label_maps, one_byte_passes
from kdseg_training.metrics.overlap import OverlapCounts
from kdseg_training.metrics.results import CaseMetrics, ClassMetrics
from kdseg_training.metrics.summary import SurfaceSummary, summarise
from kdseg_training.metrics.surfaces import weights_per_code


def surface_metrics(
    prediction: npt.NDArray[Any],
    reference: npt.NDArray[Any],
    spacing_mm: Sequence[float],
    labels: Sequence[int],
    tolerances_mm: Sequence[float] = (1.0,),
    *,
    percentiles: Sequence[float] = (95.0,),
    definition: SurfaceDefinition = SurfaceDefinition.SURFACE_ELEMENTS,
    engine: str = "auto",
    strict_tolerance: bool = False,
    threads: int = 1,
) -> Dict[int, ClassMetrics]:
    """Return overlap and surface metrics of every class, in mm on the given grid.

    Parameters
    ----------
    prediction, reference
        Label maps of one shape (z, y, x), integers from 0 to 65535; 0 is background.
    spacing_mm
        Spacing along the *array* axes (z, y, x), in mm; the reverse of :attr:`kdseg.geometry.Geometry.spacing_mm`.
    labels
        Values to measure. Name every class the student knows: a class that neither mask holds is reported too.
    tolerances_mm
        Nominal tolerances of the NSD, in mm.
    percentiles
        Percentiles of the robust Hausdorff distance, above 0 and at most 100.
    definition
        What a surface is; surface elements (DeepMind) or boundary voxels (Metrics Reloaded, MONAI).
    engine
        ``"numpy"``, ``"numba"`` (compiled, needs the extra ``fast``) or ``"auto"``: numba where it is installed. The numbers
        are the same.
    strict_tolerance
        Compare with the tolerance itself, as other packages do, instead of allowing for rounding
        (:func:`~kdseg_training.metrics.definitions.effective_tolerance_mm`).
    threads
        Threads to use at most.

    Returns
    -------
    dict
        :class:`~kdseg_training.metrics.results.ClassMetrics` by label, in the order of ``labels``.

    Raises
    ------
    GeometryError
        If the shapes differ or the spacing is not three positive numbers.
    InputError
        If an array is no label map.
    ValueError
        If labels, definition, tolerances, percentiles, engine or threads are out of range.
    EngineError
        If the numba engine is asked for and numba is not installed.
    """
    spacing = _checked_spacing(spacing_mm)
    check_label_maps(prediction, reference, labels)
    _check_parameters(tolerances_mm, percentiles, threads)
    definition = SurfaceDefinition(definition)
    measure = measuring_function(engine)
    compared = [effective_tolerance_mm(tolerance, strict=strict_tolerance) for tolerance in tolerances_mm]
    weights = weights_per_code(definition, spacing)
    voxel_volume_ml = math.prod(spacing) / 1000.0
    found: Dict[int, ClassMetrics] = {}
    for byte_prediction, byte_reference, pairs in one_byte_passes(prediction, reference, labels):
        values = [value for _, value in pairs]
        measured = measure(byte_prediction, byte_reference, spacing, values, definition=definition, threads=threads)
        for label, value in pairs:
            counts, distances = measured[value]
            if distances is None:
                summary = _summary_of_empty(counts, len(compared), len(percentiles))
            else:
                summary = summarise(distances, weights, definition, compared, percentiles)
            found[label] = ClassMetrics(
                label=label,
                counts=counts,
                voxel_volume_ml=voxel_volume_ml,
                nsd=dict(zip(tolerances_mm, summary.nsd)),
                hd_mm=summary.hd_mm,
                hd_percentiles_mm=dict(zip(percentiles, summary.hd_percentiles_mm)),
                assd_mm=summary.assd_mm,
                masd_mm=summary.masd_mm,
            )
    return {label: found[label] for label in labels}


def evaluate_pair(
    prediction: Segmentation,
    reference: Segmentation,
    labels: Sequence[int],
    *,
    case: str = "",
    tolerances_mm: Sequence[float] = (1.0,),
    percentiles: Sequence[float] = (95.0,),
    definition: SurfaceDefinition = SurfaceDefinition.SURFACE_ELEMENTS,
    engine: str = "auto",
    strict_tolerance: bool = False,
    threads: int = 1,
) -> CaseMetrics:
    """Measure one case whose two segmentations lie on one grid in the patient.

    Parameters and errors are those of :func:`surface_metrics`; the spacing is the reference's.

    Raises
    ------
    GeometryError
        Also if shape, spacing, origin or direction differ: arrays of different places are never compared.
    """
    if not prediction.geometry.is_close(reference.geometry):
        raise GeometryError(
            "Prediction and reference lie on different grids.",
            expected=f"{reference.geometry}",
            found=f"{prediction.geometry}",
            path=case or None,
            remedy="Resample the prediction to the grid of the reference, with nearest neighbours.",
        )
    x, y, z = reference.geometry.spacing_mm
    classes = surface_metrics(
        prediction.labels,
        reference.labels,
        (z, y, x),
        labels,
        tolerances_mm,
        percentiles=percentiles,
        definition=definition,
        engine=engine,
        strict_tolerance=strict_tolerance,
        threads=threads,
    )
    return CaseMetrics(case, classes, definition, strict_tolerance, reference.geometry.shape, (z, y, x))


def _summary_of_empty(counts: OverlapCounts, tolerances: int, percentiles: int) -> SurfaceSummary:
    """Return what a class stands for whose surfaces are not both there."""
    nothing_to_measure = Status.of(counts.prediction, counts.reference) is Status.BOTH_EMPTY
    overlap, distance_mm = (math.nan, math.nan) if nothing_to_measure else (0.0, math.inf)
    return SurfaceSummary(
        nsd=(overlap,) * tolerances,
        hd_mm=distance_mm,
        hd_percentiles_mm=(distance_mm,) * percentiles,
        assd_mm=distance_mm,
        masd_mm=distance_mm,
    )


def _checked_spacing(spacing_mm: Sequence[float]) -> Tuple[float, float, float]:
    values = tuple(float(s) for s in spacing_mm)
    if len(values) != 3 or not all(math.isfinite(s) and s > 0 for s in values):
        raise GeometryError("The spacing is not usable.", expected="three positive numbers in mm (z, y, x)", found=f"{values}")
    return values[0], values[1], values[2]


def _check_parameters(tolerances_mm: Sequence[float], percentiles: Sequence[float], threads: int) -> None:
    if not all(math.isfinite(t) and t >= 0 for t in tolerances_mm):
        raise ValueError(f"tolerances must be finite and at least 0 mm, found {tolerances_mm}")
    if not all(0 < p <= 100 for p in percentiles):
        raise ValueError(f"percentiles must lie above 0 and be at most 100, found {percentiles}")
    if threads < 1:
        raise ValueError(f"threads must be at least 1, found {threads}")
