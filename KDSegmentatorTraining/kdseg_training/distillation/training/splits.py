"""Read ``splits_final.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Tuple, Union

from kdseg.errors import TrainingDataError

SPLITS = "splits_final.json"

_FORM = '[{"train": [names of cases], "val": [names of cases]}, …], one entry for each fold'
_REMEDY = "Restore or correct the file. Without one, nnU-Net draws a split of its own, with other cases in its folds."


def read_split(path: Path, fold: Union[int, str]) -> Tuple[List[str], List[str]]:
    """Return training and validation cases of a fold, in the order of the file.

    Raises
    ------
    TrainingDataError
        If the file cannot be read or is damaged, or has no such fold.
    """
    splits = _read(path)
    if int(fold) >= len(splits):
        raise TrainingDataError(
            f"The split has no fold {fold}.",
            expected=f"0 to {len(splits) - 1}",
            found=str(fold),
            path=path,
            remedy="Choose one of these folds, or all; or add it to splits_final.json.",
        )
    entry = splits[int(fold)]
    if not isinstance(entry, dict):
        raise _damaged(path, f"fold {fold} is {_short(entry)}")
    return _names(entry, "train", fold, path), _names(entry, "val", fold, path)


def _read(path: Path) -> List[Any]:
    try:
        splits = json.loads(path.read_bytes())
    except OSError as error:
        raise TrainingDataError("The split cannot be read.", found=error.strerror or str(error), path=path) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, " ".join(f"{type(error).__name__}: {error}".split())) from error
    if not isinstance(splits, list):
        raise _damaged(path, _short(splits))
    return splits


def _names(entry: Dict[str, Any], key: str, fold: Union[int, str], path: Path) -> List[str]:
    names = entry.get(key)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _damaged(path, f"fold {fold} has no {key}" if key not in entry else f"{key} of fold {fold} is {_short(names)}")
    return names


def _damaged(path: Path, found: str) -> TrainingDataError:
    return TrainingDataError(
        "The split of the data set is damaged.", expected=_FORM, found=found[:200], path=path, remedy=_REMEDY
    )


def _short(value: object) -> str:
    return repr(value)[:100]
