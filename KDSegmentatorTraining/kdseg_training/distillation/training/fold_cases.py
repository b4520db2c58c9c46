"""Which cases of the data set a fold trains and validates on, before a trainer exists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import List, Tuple, Union

from kdseg_training.distillation.preprocessed import list_cases
from kdseg_training.distillation.training.patches import require_fold

SPLITS, NNUNET_SEED, NNUNET_FOLDS = "splits_final.json", 12345, 5
"""nnU-Net's file, and how nnU-Net splits where there is none."""


def fold_cases(dataset_folder: Path, cases_folder: Path, fold: Union[int, str]) -> Tuple[List[str], List[str]]:
    """Return training and validation cases, as nnU-Net's trainer chooses them.

    Parameters
    ----------
    dataset_folder
        The preprocessed data set, with ``splits_final.json`` or without.
    cases_folder
        Its cases of one configuration.
    fold
        Number, or ``all``: every case in both lists.

    Raises
    ------
    TrainingDataError
        If there is no such fold.
    """
    cases = list_cases(cases_folder)
    if fold == "all":
        return cases, cases
    path = dataset_folder / SPLITS
    require_fold(path, fold)
    if path.is_file():
        splits = json.loads(path.read_bytes())
    else:
        from nnunetv2.utilities.crossval_split import generate_crossval_split

        splits = generate_crossval_split(cases, seed=NNUNET_SEED, n_splits=NNUNET_FOLDS)
    chosen = splits[int(fold)]
    return sorted(map(str, chosen["train"])), sorted(map(str, chosen["val"]))
