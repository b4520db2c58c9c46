"""TensorBoard's event files."""

from __future__ import annotations

import math
import warnings
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Iterator

from kdseg.errors import ConfigurationError, OutputError
from kdseg_training.distillation.training.history import EpochRecord


class Events:
    """Writes one point for each epoch.

    Parameters
    ----------
    folder
        For the event files.
    first_step
        Where this process starts; TensorBoard hides points that an interrupted process wrote beyond it.

    Raises
    ------
    ConfigurationError
        If TensorBoard is not installed.
    OutputError
        If the files cannot be written.
    """

    def __init__(self, folder: Path, *, first_step: int) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # TensorBoard's own imports
                from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigurationError(
                "TensorBoard is not installed.",
                expected="the package tensorboard",
                found=str(error),
                remedy="Install tensorboard, or set tensorboard: false.",
            ) from error
        self._folder, self._failed = folder, False
        with self._writing():
            self._writer: Any = SummaryWriter(str(folder), purge_step=first_step + 1 if first_step else None)

    def write(self, record: EpochRecord) -> None:
        """Write an epoch at the step where it ended.

        Raises
        ------
        OutputError
            If the disk is full, for example.
        """
        values = {f"loss/{name}": value for name, value in record.losses.items()}
        values["loss/validation"] = record.validation_loss
        values["pseudo_dice/mean"] = record.mean_pseudo_dice
        values.update({f"pseudo_dice/{name}": value for name, value in record.pseudo_dice.items()})
        values["learning_rate"] = record.learning_rate
        values.update({f"seconds/{name}": value for name, value in record.seconds.items()})
        with self._writing():
            for name, value in values.items():
                if math.isfinite(value):
                    self._writer.add_scalar(name, value, record.step)
            self._writer.flush()

    def close(self) -> None:
        """Close the file; one that could not be written is left, because that was told already.

        Raises
        ------
        OutputError
            If its end cannot be written.
        """
        with suppress(OutputError) if self._failed else nullcontext(), self._writing():
            self._writer.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._failed = True
            raise OutputError(
                "TensorBoard's files cannot be written.",
                expected="a writable folder with enough free space",
                found=error.strerror or str(error),
                path=self._folder,
                remedy="Free some space and go on with --resume, or set tensorboard: false.",
            ) from error
