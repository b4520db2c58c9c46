"""nnU-Net's data sets and loader, with errors that name the case."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Dict, List, Tuple

from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader

from kdseg.errors import DeviceMemoryError, KDSegError, TrainingDataError
from kdseg_training.distillation.unlabelled.cases import PREFIX

PREPARATION_ERRORS = (
    *(OSError, EOFError, KeyError, ValueError, IndexError, AssertionError, RuntimeError),
    *(UnpicklingError, zlib.error, zipfile.BadZipFile),
)
"""What nnU-Net's code raises about damaged files and arrays that do not fit; anything else is a fault of the program."""


class NamedCases:
    """An nnU-Net data set whose cases are checked when they are opened.

    Parameters
    ----------
    dataset
        ``nnUNetBaseDataset`` or one with its interface.
    folder
        Where its cases are.
    channels
        Of every image.

    Attributes
    ----------
    identifiers
        Names of the cases.
    case
        The one that was opened last.
    """

    def __init__(self, dataset: Any, folder: Path, channels: int) -> None:
        self._dataset, self._channels = dataset, channels
        self.folder, self.case = folder, ""
        self.identifiers: List[str] = dataset.identifiers

    def load_case(self, identifier: str) -> Tuple[Any, ...]:
        """Return what nnU-Net's data set returns.

        Raises
        ------
        TrainingDataError
            If a file is missing or damaged, or the image has another number of channels.
        """
        self.case = identifier.removeprefix(PREFIX)
        try:
            loaded: Tuple[Any, ...] = self._dataset.load_case(identifier)
        except (KDSegError, MemoryError):
            raise
        except Exception as error:  # damaged files may make unpickling raise anything
            raise self.unreadable(error) from error
        shape = tuple(loaded[0].shape)
        if shape[0] != self._channels:
            raise TrainingDataError(
                f"The preprocessed case {self.case} has another number of channels than the data set.",
                expected=f"({self._channels}, z, y, x), as dataset.json names channels",
                found=str(shape),
                path=self.folder,
                remedy="Run nnUNetv2_preprocess again for this data set and configuration, or correct dataset.json.",
            )
        return loaded

    def __getitem__(self, identifier: str) -> Tuple[Any, ...]:
        return self.load_case(identifier)

    def unreadable(self, error: Exception) -> TrainingDataError:
        """Return the error for the case that was opened last."""
        return unreadable(error, f"The preprocessed case {self.case} cannot be read or prepared.", self.folder)


class NamingLoader(nnUNetDataLoader):  # type: ignore[misc]
    """nnU-Net's loader; what goes wrong while a case is cropped and augmented names the case.

    Parameters
    ----------
    cases
        Where the cases come from, perhaps through another data set that gets its own from there.
    arguments, named
        nnU-Net's.
    """

    def __init__(self, cases: NamedCases, *arguments: Any, **named: Any) -> None:
        self._cases = cases
        super().__init__(*arguments, **named)

    def generate_train_batch(self) -> Dict[str, Any]:
        """Return what nnU-Net's loader returns.

        Raises
        ------
        TrainingDataError
            If a case cannot be read or prepared.
        DeviceMemoryError
            If memory runs out.
        """
        try:
            batch: Dict[str, Any] = super().generate_train_batch()
        except PREPARATION_ERRORS as error:
            raise too_little_memory(error) if lacks_memory(error) else self._cases.unreadable(error) from error
        return batch


def unreadable(
    error: Exception, problem: str = "A training case cannot be read or prepared.", *path: Path
) -> TrainingDataError:
    """Return the error for a case that raised ``error``."""
    return TrainingDataError(
        problem,
        expected="cases that nnUNetv2_preprocess wrote",
        found=in_one_line(error),
        path=path[0] if path else None,
        remedy="Run nnUNetv2_preprocess again for this data set and configuration.",
    )


def lacks_memory(error: BaseException) -> bool:
    """Tell whether main memory ran out, which torch says in words only."""
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error)


def too_little_memory(error: BaseException) -> DeviceMemoryError:
    """Return the error for batches that need more main memory than there is."""
    return DeviceMemoryError(
        "There is too little main memory to prepare a batch.",
        found=in_one_line(error),
        remedy="Set workers to 0 or 1, or use a smaller batch_size; the last checkpoint can be resumed.",
    )


def in_one_line(error: BaseException) -> str:
    """Return type and text of an error, cut short."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")[:300]
