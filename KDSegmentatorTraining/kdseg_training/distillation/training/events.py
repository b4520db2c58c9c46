"""TensorBoard's event files."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

from kdseg.errors import ConfigurationError
from kdseg_training.distillation.training.history import EpochRecord


class Events:
    """Writes one point for each epoch.

    Parameters
    ----------
    folder
        For the event files.
    first_step
        Where this process starts; TensorBoard hides points that an interrupted process wrote beyond it.
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
        self._writer: Any = SummaryWriter(str(folder), purge_step=first_step + 1 if first_step else None)

    def write(self, record: EpochRecord) -> None:
        """Write an epoch at the step where it ended."""
        values = {f"loss/{name}": value for name, value in record.losses.items()}
        values["loss/validation"] = record.validation_loss
        values["pseudo_dice/mean"] = record.mean_pseudo_dice
        values.update({f"pseudo_dice/{name}": value for name, value in record.pseudo_dice.items()})
        values["learning_rate"] = record.learning_rate
        values.update({f"seconds/{name}": value for name, value in record.seconds.items()})
        for name, value in values.items():
            if math.isfinite(value):
                self._writer.add_scalar(name, value, record.step)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
