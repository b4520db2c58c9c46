"""What the trainer and the study leave beside a checkpoint, as metadata of the bundle: nobody has to type it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from kdseg.bundle.members import DOCUMENT, MEMBER_LIMITS_BYTES
from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import ExportError
from kdseg_training.export.model_folder import read_file

TRAINING, QUALITY = "training.json", "quality.json"
"""Names in the fold's folder: written by the trainer, and by a study."""

LARGEST_CAPACITY_DIVISOR = 99
"""The bundle's ``capacity`` is 1 or 1/n up to this n."""


def recorded_metadata(fold_folder: Path, checkpoint_sha256: str) -> Tuple[Dict[str, Any], Tuple[str, ...]]:
    """Return what is recorded about a checkpoint, as keys of ``bundle.json``, and notes for people.

    A record of another checkpoint is left out, and a note says so.

    Parameters
    ----------
    fold_folder
        Where the checkpoint lies.
    checkpoint_sha256
        Of its file.

    Raises
    ------
    ExportError
        If a record cannot be read or is too large.
    BundleSchemaError
        If one is no strict JSON.
    """
    metadata: Dict[str, Any] = {}
    notes: List[str] = []
    training, quality = (_read(fold_folder / name) for name in (TRAINING, QUALITY))
    if training is not None:
        if _sha256(training.get("checkpoint")) == checkpoint_sha256:
            metadata.update(_read_training(training, fold_folder / TRAINING))
        else:
            notes.append(f"{TRAINING} was left out: it does not say that it describes this checkpoint.")
    if quality is not None:
        if quality.get("checkpoint_sha256") == checkpoint_sha256:
            metadata["quality"] = quality.get("quality")
        else:
            notes.append(f"{QUALITY} was left out: it is of another checkpoint.")
    return metadata, tuple(notes)


def with_recorded(stated: Mapping[str, Any], recorded: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the metadata that people stated, and below it, also key by key in ``provenance``, what is recorded.

    Raises
    ------
    ExportError
        If another number of training cases is stated than recorded.
    """
    merged = {**recorded, **stated}
    ours, theirs = recorded.get("provenance"), stated.get("provenance", {})
    if ours is not None and isinstance(theirs, dict):
        dataset = theirs.get("dataset", {})
        merged["provenance"] = {**ours, **theirs}
        if isinstance(dataset, dict):
            _check_cases(dataset, ours.get("dataset", {}))
            merged["provenance"]["dataset"] = {**ours.get("dataset", {}), **dataset}
    return merged


def _check_cases(stated: Mapping[str, Any], recorded: Mapping[str, Any]) -> None:
    numbers = [entry.get("training_cases") for entry in (recorded, stated)]
    if None not in numbers and numbers[0] != numbers[1]:
        raise ExportError(
            "The stated number of training cases is not the recorded one.",
            expected=str(numbers[0]),
            found=str(numbers[1]),
            remedy="Leave provenance.dataset.training_cases out of the metadata.",
        )


def _read(path: Path) -> Optional[Dict[str, Any]]:
    if not path.is_file():
        return None
    return parse_json_object(read_file(path, MEMBER_LIMITS_BYTES[DOCUMENT]), str(path))


def _sha256(checkpoint: Any) -> Optional[str]:
    return checkpoint.get("sha256") if isinstance(checkpoint, dict) else None


def _read_training(training: Mapping[str, Any], path: Path) -> Dict[str, Any]:
    try:
        return _from_training(training)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ExportError(
            "The record of the training is damaged.",
            expected="the file as the trainer wrote it",
            found=f"{type(error).__name__}: {error}",
            path=path,
            remedy="Move it aside; then its content has to be stated with --metadata.",
        ) from error


def _from_training(training: Mapping[str, Any]) -> Dict[str, Any]:
    settings = training["settings"]
    teacher, student = training.get("teacher"), settings["student"]
    provenance: Dict[str, Any] = {
        "teacher": None if teacher is None else f"{teacher['folder']}, weights sha256 {teacher['digest']}",
        "distillation": None if teacher is None else _distillation(training),
        "seeds": [settings["seed"]],
        "software": {f"{name} (training)": version for name, version in training.get("software", {}).items()},
    }
    if student.get("pretrained_weights"):
        selected = "evenly spaced channels of " if student.get("weight_selection") else ""
        provenance["initial_weights"] = f"{selected}weights in the file of sha256 {student['pretrained_weights']}"
    if training.get("training_cases"):
        provenance["dataset"] = {"training_cases": training["training_cases"]}
    capacity = _capacity(student)
    return {"provenance": provenance, **({} if capacity is None else {"capacity": capacity})}


def _distillation(training: Mapping[str, Any]) -> Dict[str, Any]:
    settings = training["settings"]
    losses = training.get("losses") or settings["student"].get("losses") or []
    names = [str(loss.get("name") or loss.get("kind")) for loss in losses]
    method = settings["student"].get("method")
    words = ([f"method {method}"] if method else []) + ([", ".join(names)] if names else [])
    kept = {key: settings[key] for key in ("budget", "fold", "teacher", "precision", "mirror_augmentation") if key in settings}
    return {"method": ": ".join(words) or "distilled", "settings": {**kept, "losses": losses, "steps": training.get("steps")}}


def _capacity(student: Mapping[str, Any]) -> Optional[str]:
    """Return ``1/4`` for a factor of 4; None where it is no such share."""
    if student.get("plans") is not None:
        return None
    factor = student.get("factor") or 1
    if factor != int(factor) or factor > LARGEST_CAPACITY_DIVISOR:
        return None
    return "1" if factor == 1 else f"1/{int(factor)}"
