"""Prepared label maps must have the classes of the data set and the spacing of the plans; what differs is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Mapping, Tuple

from kdseg.errors import AgreementError
from kdseg.plans.parser import resolve_configuration
from kdseg_training.synthesis.plans import SPACING_TOLERANCE
from kdseg_training.synthesis.prepared import PreparedSettings


def check_label_maps(
    prepared: PreparedSettings,
    folder: Path,
    *,
    plans: Mapping[str, Any],
    configuration: str,
    dataset: Mapping[str, Any],
) -> None:
    """Check that samples drawn from label maps are what a student of these plans learns from.

    Parameters
    ----------
    prepared
        What the label maps were prepared with.
    folder
        Where they lie; named in errors.
    plans, configuration
        The student's ``plans.json``, and which configuration.
    dataset
        ``dataset.json``.

    Raises
    ------
    AgreementError
        Naming every difference with both values.
    BundleSchemaError
        If the configuration is missing.
    """
    labels, spacing = dataset.get("labels"), resolve_configuration(plans, configuration).get("spacing")
    classes = {"background": 0, **{name: number for number, name in enumerate(prepared.anatomy.structures, start=1)}}
    differences: List[Tuple[str, str, str]] = []
    if labels != classes:
        theirs: Mapping[str, Any] = labels if isinstance(labels, dict) else {}
        names = [name for name in {**theirs, **classes} if theirs.get(name) != classes.get(name)]
        differences.append(("classes", _short(theirs, names), _short(classes, names)))
    if not _is_spacing(spacing, prepared.spacing_mm):
        differences.append(("spacing", f"spacing {spacing} mm", f"spacing {prepared.spacing_mm:g} mm in all three axes"))
    if differences:
        raise AgreementError(
            f"The prepared label maps and the data set differ in {' and '.join(what for what, _, _ in differences)}.",
            expected="; ".join(expected for _, expected, _ in differences) + " (the data set's)",
            found="; ".join(found for _, _, found in differences) + " (the label maps')",
            path=folder,
            remedy="Correct synthesis.folder, or leave it out: the label maps beside the preprocessed cases fit them.",
        )


def _is_spacing(planned: Any, spacing_mm: float) -> bool:
    if not isinstance(planned, list) or len(planned) != 3:
        return False
    return all(isinstance(mm, (int, float)) and abs(mm - spacing_mm) <= SPACING_TOLERANCE * spacing_mm for mm in planned)


def _short(labels: Mapping[str, Any], names: List[str]) -> str:
    """Return the classes that differ, the first few of them."""
    listed = [f"{labels[name]} {name}" if name in labels else f"no {name}" for name in names[:4]]
    return ", ".join([*listed, *(["…"] if len(names) > 4 else [])])
