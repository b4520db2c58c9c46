"""What a training tells of each epoch: one row of its CSV file."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

from kdseg.atomic import write_bytes


@dataclass
class EpochRecord:
    """One epoch of one arm.

    Attributes
    ----------
    epoch, step
        Its number, from 0, and the optimiser steps done when it ended.
    learning_rate
        Of this epoch.
    losses
        Mean over the training batches of every part, ``total`` and ``segmentation`` among them.
    validation_loss
        Mean segmentation loss of the validation batches.
    pseudo_dice
        Class or region → pseudo Dice; NaN where it does not occur.
    mean_pseudo_dice
        Mean of those that occur.
    seconds
        Wall-clock time: ``epoch``; and of it ``data`` (waiting for batches), ``teacher``, ``student`` (this arm's steps) and
        ``validation``.
    """

    epoch: int
    step: int
    learning_rate: float
    losses: Dict[str, float]
    validation_loss: float
    pseudo_dice: Dict[str, float]
    mean_pseudo_dice: float
    seconds: Dict[str, float] = field(default_factory=dict)

    def row(self) -> Dict[str, Any]:
        """Return the flat row of the CSV file."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "learning_rate": self.learning_rate,
            **{f"loss_{name}": value for name, value in self.losses.items()},
            "loss_validation": self.validation_loss,
            "pseudo_dice_mean": self.mean_pseudo_dice,
            **{f"pseudo_dice_{name}": value for name, value in self.pseudo_dice.items()},
            **{f"seconds_{name}": round(value, 4) for name, value in self.seconds.items()},
        }

    def as_dict(self) -> Dict[str, Any]:
        """Return plain data, for the checkpoint."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EpochRecord:
        """Read :meth:`as_dict` back."""
        return cls(**values)


def write_csv(path: Path, records: Sequence[EpochRecord]) -> None:
    """Write all epochs anew, atomically: after a resume no row is missing or stands twice."""
    rows = [record.row() for record in records]
    columns: List[str] = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode("utf-8"))


@dataclass
class Tally:
    """Sums over the part of an epoch that is done; kept in checkpoints, so that an epoch can be continued in its middle."""

    losses: Dict[str, float] = field(default_factory=dict)
    counts: Dict[str, int] = field(default_factory=dict)
    seconds: Dict[str, float] = field(default_factory=dict)

    def add_losses(self, losses: Mapping[str, float]) -> None:
        """Add one step's losses; a part that is absent (its weight is 0 now) does not count."""
        for name, value in losses.items():
            self.losses[name] = self.losses.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1

    def add_seconds(self, name: str, seconds: float) -> None:
        """Add wall-clock time."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def mean_losses(self) -> Dict[str, float]:
        """Return the mean of every part over the steps that had it; the total last, whenever the parts set in."""
        names = sorted(self.losses, key=lambda name: name == "total")
        return {name: self.losses[name] / self.counts[name] for name in names}
