"""Which cases of the data set a fold trains and validates on, before a trainer exists."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple, Union

from kdseg_training.distillation.preprocessed import list_cases
from kdseg_training.distillation.training.splits import SPLITS, read_split

NNUNET_SEED, NNUNET_FOLDS = 12345, 5
"""How nnU-Net splits where there is no file."""


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
        If there is no such fold, or the split is damaged.
    """
    cases = list_cases(cases_folder)
    if fold == "all":
        return cases, cases
    path = dataset_folder / SPLITS
    if path.is_file():
        training, validation = read_split(path, fold)
        return sorted(training), sorted(validation)
    from nnunetv2.utilities.crossval_split import generate_crossval_split

    chosen = generate_crossval_split(cases, seed=NNUNET_SEED, n_splits=NNUNET_FOLDS)[int(fold)]
    return sorted(map(str, chosen["train"])), sorted(map(str, chosen["val"]))
