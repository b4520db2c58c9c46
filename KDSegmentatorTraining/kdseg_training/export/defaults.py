"""What a bundle says where nobody stated it: what the model folder shows, else that it is not stated."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Tuple

from kdseg.errors import ExportError

NOT_STATED = "not stated"
"""Value of what neither people nor the model folder say."""

_MODALITIES = {
    "CT": ("ct",),
    "MR": ("mr", "mri", "t1", "t1w", "t1c", "t1ce", "t1gd", "t2", "t2w", "flair", "adc", "dwi", "pd"),
    "PT": ("pet", "pt"),
}
_LONGEST_NAME = 64


def complete(metadata: Mapping[str, Any], plans: Mapping[str, Any], channels: Tuple[str, ...]) -> Tuple[Dict[str, Any], str]:
    """Fill in what ``metadata`` leaves out.

    Parameters
    ----------
    metadata
        What people stated; untouched.
    plans
        ``plans.json``, for the name of the dataset.
    channels
        Names of the channels, for the modality.

    Returns
    -------
    tuple
        The complete metadata, and one sentence about what was filled in; empty if nothing was.

    Raises
    ------
    ExportError
        If ``provenance`` or its ``dataset`` is no object, or a teacher is stated but no capacity, which is the student's
        width as a share of the teacher's.
    """
    provenance = metadata.get("provenance", {})
    dataset = provenance.get("dataset", {}) if isinstance(provenance, dict) else None
    if not isinstance(dataset, dict):
        raise ExportError("The metadata is not usable.", expected="objects for provenance and its dataset", found="others")
    if provenance.get("teacher") and "capacity" not in metadata:
        raise ExportError("The student has a teacher, but no capacity.", expected="for example 1/4", found="none")
    dataset_name = str(plans.get("dataset_name") or NOT_STATED)
    defaults = {
        "name": _slug(dataset_name),
        "version": "0.0.0",
        "licence": NOT_STATED,
        "modality": _modality(channels),
        "body_part": NOT_STATED,
        "intended_use": "Not stated; research use only.",
        "capacity": "1",
    }
    of_dataset = {"name": dataset_name, "licence": NOT_STATED}
    missing = [_told(key, value) for key, value in defaults.items() if key not in metadata]
    missing += [_told(f"dataset {key}", value) for key, value in of_dataset.items() if key not in dataset]
    note = f"Not stated: {', '.join(missing)}. The options and --metadata state them." if missing else ""
    return {**defaults, **metadata, "provenance": {**provenance, "dataset": {**of_dataset, **dataset}}}, note


def _told(key: str, value: str) -> str:
    return key if value.lower().startswith(NOT_STATED) else f"{key} (now {value})"


def _slug(dataset_name: str) -> str:
    """Return ``hippocampus`` for ``Dataset004_Hippocampus``."""
    words = re.sub(r"^dataset\d+_", "", dataset_name.lower())
    return re.sub(r"[^a-z0-9_-]+", "-", words).strip("-_")[:_LONGEST_NAME] or "student"


def _modality(channels: Tuple[str, ...]) -> str:
    """Return the DICOM modality that all channel names agree on."""
    found = {next((m for m, names in _MODALITIES.items() if name.lower() in names), NOT_STATED) for name in channels}
    return found.pop() if len(found) == 1 else NOT_STATED
