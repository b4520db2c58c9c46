"""Which prediction belongs to which reference: matched by name, with a list of what has no partner."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple

from kdseg.errors import InputError, PathLike

LABEL_MAP_SUFFIXES = (".seg.nrrd", ".nii.gz", ".nii", ".nrrd", ".mha")
"""Suffixes of label maps, the longest first; a case is named by the file without them."""


@dataclass(frozen=True)
class Pair:
    """One case.

    Attributes
    ----------
    case
        Its name.
    prediction, reference
        The two label maps.
    """

    case: str
    prediction: Path
    reference: Path


@dataclass(frozen=True)
class Matching:
    """What was found for one model.

    Attributes
    ----------
    pairs
        Cases with both files, sorted by name.
    only_prediction, only_reference
        Names of the cases with one file, sorted.
    """

    pairs: Tuple[Pair, ...]
    only_prediction: Tuple[str, ...]
    only_reference: Tuple[str, ...]


def match_cases(prediction: PathLike, reference: PathLike) -> Matching:
    """Pair two files, or the label maps of two folders by name without ending.

    Two files are always a pair, named after the reference. Folders are not searched below their first level; hidden files and
    files of other kinds are left out.

    Raises
    ------
    InputError
        If a path does not exist, one is a file and the other a folder, a folder holds no label map, or two files of one folder
        have the same name without ending.
    """
    predicted, referred = Path(prediction), Path(reference)
    for path in (predicted, referred):
        if not path.exists():
            raise InputError("There is no such file or folder.", path=path, remedy="Check the path.")
    if predicted.is_dir() != referred.is_dir():
        raise InputError(
            "Prediction and reference must be two files or two folders.",
            found=f"{_kind(predicted)} {predicted} and {_kind(referred)} {referred}",
            remedy="Give two label maps, or two folders with label maps of the same names.",
        )
    if not predicted.is_dir():
        return Matching((Pair(case_name(referred), predicted, referred),), (), ())
    ours, theirs = label_maps_in(predicted), label_maps_in(referred)
    return Matching(
        pairs=tuple(Pair(name, ours[name], theirs[name]) for name in sorted(set(ours) & set(theirs))),
        only_prediction=tuple(sorted(set(ours) - set(theirs))),
        only_reference=tuple(sorted(set(theirs) - set(ours))),
    )


def label_maps_in(folder: Path) -> Dict[str, Path]:
    """Return the label maps of a folder by case name.

    Raises
    ------
    InputError
        If the folder cannot be read, holds no label map, or two of one name.
    """
    try:
        files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    except OSError as error:
        raise InputError("The folder cannot be read.", found=error.strerror or str(error), path=folder) from error
    by_name: Dict[str, List[Path]] = {}
    for path in files:
        if is_label_map(path):
            by_name.setdefault(case_name(path), []).append(path)
    if not by_name:
        raise InputError(
            "The folder holds no label map.",
            expected=f"files ending in {', '.join(LABEL_MAP_SUFFIXES)}",
            found=f"{len(files)} other file(s)" if files else "an empty folder",
            path=folder,
            remedy="Give the folder with the label maps itself, not the one above it.",
        )
    twice = [paths for paths in by_name.values() if len(paths) > 1]
    if twice:
        raise InputError(
            "Two label maps have the same name, so it is not clear which one is meant.",
            expected="one file for each case",
            found=" and ".join(path.name for path in twice[0]),
            path=folder,
            remedy="Move one of them to another folder.",
        )
    return {name: paths[0] for name, paths in by_name.items()}


def is_label_map(path: Path) -> bool:
    """Tell by its name whether a file may be a label map."""
    return _suffix(path) != ""


def case_name(path: Path) -> str:
    """Return the name of a file without the ending of a label map."""
    suffix = _suffix(path)
    return path.name[: len(path.name) - len(suffix)]


def _suffix(path: Path) -> str:
    lower = path.name.lower()
    return next((suffix for suffix in LABEL_MAP_SUFFIXES if lower.endswith(suffix) and len(lower) > len(suffix)), "")


def _kind(path: Path) -> str:
    return "the folder" if path.is_dir() else "the file"
