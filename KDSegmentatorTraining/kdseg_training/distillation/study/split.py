"""The published split: which cases are for training, for choosing, and for the test only."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Tuple

from kdseg.atomic import write_bytes
from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import ConfigurationError, TrainingDataError
from kdseg_training.distillation.unlabelled.cases import UnlabelledCases

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Names of the cases, and the sha256 of the file that says them."""

    train: Tuple[str, ...]
    validation: Tuple[str, ...]
    test: Tuple[str, ...]
    sha256: str


def read_split(path: Path) -> Split:
    """Read a split's file.

    Raises
    ------
    ConfigurationError
        If it cannot be read, a part is missing or empty, or a case stands twice.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError("The split cannot be read.", found=error.strerror or str(error), path=path) from error
    parts = parse_json_object(content, str(path))
    if set(parts) != set(PARTS) or not all(_are_names(value) for value in parts.values()):
        raise ConfigurationError(
            "The split is not usable.", expected="lists of names: train, validation and test", found=", ".join(parts), path=path
        )
    names = [name for part in PARTS for name in parts[part]]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError("Cases stand twice in the split.", expected="each once", found=", ".join(twice), path=path)
    return Split(**{part: tuple(parts[part]) for part in PARTS}, sha256=hashlib.sha256(content).hexdigest())


def check_split(split: Split, preprocessed: Path, fold: int | str) -> None:
    """Make sure that nnU-Net trains on this very split, and has no test case among its data.

    Where nnU-Net has not drawn its folds yet, the split becomes fold 0.

    Parameters
    ----------
    split
        The published one.
    preprocessed
        Folder of the data set with ``splits_final.json`` and the preprocessed cases.
    fold
        The study's.

    Raises
    ------
    TrainingDataError
        If a test case is preprocessed, or the fold is another one.
    """
    known = {path.name.partition(".")[0] for path in preprocessed.glob("*/*") if path.is_file()}
    leaked = sorted(known & set(split.test))
    if leaked:
        raise TrainingDataError(
            "Test cases are among the training data.",
            expected="test cases only in imagesTs and labelsTs",
            found=f"{len(leaked)}, {', '.join(leaked[:5])} among them",
            path=preprocessed,
            remedy="Move them out of imagesTr and labelsTr, delete the preprocessed data, and plan and preprocess again.",
        )
    path = preprocessed / "splits_final.json"
    if not path.is_file() and fold == 0:
        first = [{"train": list(split.train), "val": list(split.validation)}]
        write_bytes(path, json.dumps(first, indent=2).encode("utf-8"))
    folds = json.loads(path.read_bytes()) if path.is_file() else []
    stored: Dict[str, Any] = folds[fold] if isinstance(fold, int) and fold < len(folds) else {}
    for part, key in (("train", "train"), ("validation", "val")):
        found = sorted(stored.get(key, []))
        if found != sorted(getattr(split, part)):
            raise TrainingDataError(
                f"The {part} cases of fold {fold} are not those of the split.",
                expected=f"{len(getattr(split, part))} cases as listed",
                found=f"{len(found)} cases" if stored else "no such fold",
                path=path,
                remedy="Write the split's train and validation cases into splits_final.json before training.",
            )


def check_unlabelled(split: Split, unlabelled: UnlabelledCases) -> None:
    """Make sure that no student learns from an image that it is chosen or judged on, not even without its label.

    Raises
    ------
    TrainingDataError
        If validation or test cases are among the unlabelled ones.
    """
    leaked = sorted({*split.validation, *split.test} & set(unlabelled.names))
    if leaked:
        raise TrainingDataError(
            "Validation or test cases are among the unlabelled ones.",
            expected="other cases in unlabelled.names",
            found=f"{len(leaked)}, {', '.join(leaked[:5])} among them",
            path=unlabelled.folder,
            remedy="Leave them out with unlabelled.names; if they are other scans of the same name, rename these.",
        )


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) and v and Path(v).name == v for v in value)
