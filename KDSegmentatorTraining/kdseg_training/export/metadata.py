"""What people know about a student and no file of nnU-Net says."""

from __future__ import annotations

import platform
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from kdseg import __version__
from kdseg.bundle.document import SCHEMA_VERSION
from kdseg.bundle.members import DOCUMENT, MEMBER_LIMITS_BYTES
from kdseg.bundle.schema import bundle_schema, faults
from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import BundleSchemaError, ExportError
from kdseg_training.export.model_folder import read_file

RESEARCH_USE_NOTICE = (
    "For research use only. Not a medical device; not cleared for diagnosis or treatment. "
    "A qualified person has to check every result."
)
"""The notice of a student whose metadata has none of its own."""

DESCRIBING_KEYS = ("name", "version", "licence", "modality", "body_part", "intended_use", "capacity", "provenance")
"""Keys of ``bundle.json`` that people know best; :mod:`kdseg_training.export.defaults` fills in those that are left out."""

OPTIONAL_KEYS = ("summary", "attribution", "research_use_notice", "orientation", "channels", "quality", "latency")
"""``orientation`` takes ``training_data``; ``channels`` takes descriptions."""

_PROVENANCE_KEYS = ("dataset", "teacher", "distillation", "initial_weights", "seeds", "software")
_PACKAGES = ("torch", "nnunetv2", "onnx", "onnxruntime", "numpy")


def read_metadata(path: Path) -> Dict[str, Any]:
    """Read a metadata file: strict JSON with keys of ``bundle.json``.

    Raises
    ------
    ExportError
        If the file cannot be read.
    BundleSchemaError
        If it is not strict JSON.
    """
    return parse_json_object(read_file(Path(path), MEMBER_LIMITS_BYTES[DOCUMENT]), str(path))


def state_dataset(metadata: Mapping[str, Any], **stated: Optional[str]) -> Dict[str, Any]:
    """Return ``metadata`` with what is ``stated`` (not None) of ``provenance.dataset`` laid over it.

    Raises
    ------
    ExportError
        If ``provenance`` or its ``dataset`` is no object.
    """
    given = {key: value for key, value in stated.items() if value is not None}
    if not given:
        return dict(metadata)
    provenance = metadata.get("provenance", {})
    dataset = provenance.get("dataset", {}) if isinstance(provenance, dict) else None
    if not isinstance(dataset, dict):
        raise ExportError("The metadata is not usable.", expected="objects for provenance and dataset", found="others")
    return {**metadata, "provenance": {**provenance, "dataset": {**dataset, **given}}}


_PLAIN_KEYS = ("name", "version", "licence", "modality", "body_part", "intended_use", "capacity")


def check_stated(metadata: Mapping[str, Any]) -> None:
    """Check what options of the command line state as well, before any work is done for it.

    Raises
    ------
    BundleSchemaError
        If a value does not follow the schema of ``bundle.json``.
    """
    schema = bundle_schema()
    for key in _PLAIN_KEYS:
        fault = next(faults(metadata[key], schema["properties"][key], schema, key), None) if key in metadata else None
        if fault is not None:
            option = f"--{key.replace('_', '-')}"
            raise BundleSchemaError(
                f"The student's {key.replace('_', ' ')} is not usable.",
                expected=fault[1],
                found=fault[2],
                remedy=f"Give another {option}, or change {key} in the metadata.",
            )


def describe(metadata: Mapping[str, Any], derived: Mapping[str, Any], checkpoint: Mapping[str, Any]) -> Dict[str, Any]:
    """Return ``bundle.json`` without ``members``.

    Parameters
    ----------
    metadata
        What people know, complete: :data:`DESCRIBING_KEYS` and :data:`OPTIONAL_KEYS`.
    derived
        What follows from the model: ``channels``, ``classes``, ``orientation``, ``parameters``, ``inference``, ``export``.
    checkpoint
        ``provenance.checkpoint``.

    Raises
    ------
    ExportError
        If a key does not belong into metadata, or has another kind of value.
    """
    _check_keys(metadata)
    given = metadata["provenance"]
    document: Dict[str, Any] = {"schema_version": SCHEMA_VERSION, "research_use_notice": RESEARCH_USE_NOTICE}
    document.update({k: v for k, v in metadata.items() if k not in ("provenance", "orientation")})
    document["orientation"] = {"training_data": "unknown", **metadata.get("orientation", {}), **derived["orientation"]}
    document["provenance"] = {
        "dataset": given["dataset"],
        "checkpoint": dict(checkpoint),
        "teacher": given.get("teacher"),
        "distillation": given.get("distillation"),
        "seeds": given.get("seeds", []),
        "software": {**given.get("software", {}), **software_versions()},
    }
    if given.get("initial_weights") is not None:
        document["provenance"]["initial_weights"] = given["initial_weights"]
    document.update({k: v for k, v in derived.items() if k not in ("orientation", "channels")})
    document.setdefault("channels", derived["channels"])
    return document


def software_versions() -> Dict[str, str]:
    """Return the versions that made the export, by package."""
    packages = {name: package_version(name) for name in _PACKAGES}
    return {"kdsegmentator": __version__, "python": platform.python_version(), **packages}


def _check_keys(metadata: Mapping[str, Any]) -> None:
    unknown = sorted(set(metadata) - set(DESCRIBING_KEYS) - set(OPTIONAL_KEYS))
    provenance = metadata.get("provenance", {})
    if not isinstance(provenance, dict) or not isinstance(metadata.get("orientation", {}), dict):
        raise ExportError("The metadata is not usable.", expected="objects for provenance and orientation", found="others")
    unknown += sorted(f"provenance.{key}" for key in set(provenance) - set(_PROVENANCE_KEYS))
    if not isinstance(provenance.get("software", {}), dict):
        raise ExportError("The metadata is not usable.", expected="an object for provenance.software", found="another value")
    if unknown:
        raise ExportError(
            "The metadata has keys that do not belong there.",
            expected=", ".join(DESCRIBING_KEYS + OPTIONAL_KEYS),
            found=", ".join(unknown),
            remedy="Leave them out; Resources/Models/sources/hippocampus.metadata.json is an example.",
        )
