"""What a finished arm left in its model folder."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import ResumeError
from kdseg_training.distillation.config import with_defaults
from kdseg_training.distillation.study.arms import StudyArm
from kdseg_training.distillation.training import checkpoints
from kdseg_training.distillation.training.output import REPORT, TABLE

RESOLVED = ("dataset", "precision", "device_type", "batch_size", "plans", "cases")
"""Settings that a training's report has in another form than the file of a run: what ``auto`` became, and digests."""


@dataclass(frozen=True)
class TrainedArm:
    """A network that can be predicted with.

    Attributes
    ----------
    arm
        What it is in the study.
    model_folder, fold, checkpoint
        Where it lies.
    configuration
        Of its plans.
    report
        The training's ``training.json``; empty for a given teacher that has none.
    """

    arm: StudyArm
    model_folder: Path
    fold: str
    checkpoint: str
    configuration: str
    report: Mapping[str, Any]

    @property
    def checkpoint_path(self) -> Path:
        """The checkpoint's file."""
        return self.model_folder / f"fold_{self.fold}" / self.checkpoint

    @property
    def seconds(self) -> Mapping[str, float]:
        """Wall-clock seconds of the whole training by part; empty where they are not known."""
        seconds: Mapping[str, float] = self.report.get("seconds", {})
        return seconds

    @property
    def seconds_per_step(self) -> Optional[float]:
        """Seconds that one step takes in a run of its own: batches, the teacher if it has one, and the student."""
        steps = self.report.get("steps")
        if not steps or "student" not in self.seconds:
            return None
        return float(sum(self.seconds.get(part, 0.0) for part in ("data", "teacher", "student")) / steps)

    def steps(self) -> Optional[int]:
        """Steps of the whole training, as its table of epochs says; None where there is no table."""
        history = self.history()
        return int(history[-1]["step"]) if history else None

    def history(self) -> List[Dict[str, float]]:
        """Return the epochs of ``training.csv``; empty where there is none."""
        path = self.checkpoint_path.parent / TABLE
        if not path.is_file():
            return []
        with path.open(newline="", encoding="utf-8") as file:
            return [
                {key: float(value) for key, value in row.items() if value not in {"", None}} for row in csv.DictReader(file)
            ]


def read_trained(arm: StudyArm, model_folder: Path, fold: str, told: Mapping[str, Any]) -> Optional[TrainedArm]:
    """Return the arm if its training is over; None: it has to be trained or continued.

    Parameters
    ----------
    arm
        What it is in the study.
    model_folder, fold
        Where it would lie.
    told
        The settings that it has in this study; a finished arm must have been trained with the same.

    Raises
    ------
    ResumeError
        If it was trained with others; these are named.
    """
    folder = model_folder / f"fold_{fold}"
    if not ((folder / checkpoints.FINAL).is_file() and (folder / REPORT).is_file()):
        return None
    report = parse_json_object((folder / REPORT).read_bytes(), str(folder / REPORT))
    _require_same_settings(report.get("settings", {}), told, folder)
    return TrainedArm(arm, model_folder, fold, checkpoints.FINAL, told["configuration"], report)


def _require_same_settings(stored: Mapping[str, Any], told: Mapping[str, Any], folder: Path) -> None:
    resolved = {key for key in RESOLVED if key != "precision" or told.get("precision") == "auto"}
    old, new = ({k: v for k, v in with_defaults(dict(s)).items() if k not in resolved} for s in (stored, told))
    differences = checkpoints.differences(old, new)
    if differences:
        raise ResumeError(
            "This arm was trained with other settings than the study's.",
            expected="an arm of this study, or an empty folder",
            found="; ".join(differences)[:600],
            path=folder,
            remedy="Put the settings back (left of each arrow), give the study other results:, or move this folder aside.",
        )
