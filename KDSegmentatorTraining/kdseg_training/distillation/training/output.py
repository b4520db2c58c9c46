"""Files of one arm: nnU-Net's model folder, the CSV table, the curves, TensorBoard's events and the report."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Optional

import numpy as np
import torch

from kdseg.atomic import write_bytes
from kdseg.bundle.members import DATASET, PLANS
from kdseg_training.distillation.training.checkpoints import FINAL
from kdseg_training.distillation.training.cost import Cost
from kdseg_training.distillation.training.curves import draw_curves
from kdseg_training.distillation.training.events import Events
from kdseg_training.distillation.training.history import EpochRecord, write_csv
from kdseg_training.distillation.training.model_files import FINGERPRINT, require_same_model
from kdseg_training.distillation.training.snapshot import settings_of

if TYPE_CHECKING:
    from kdseg_training.distillation.training.trainer import nnUNetTrainerKD

TABLE, CURVES, REPORT, EVENTS = "training.csv", "training.png", "training.json", "tensorboard"
"""Names in the fold's folder."""

SECONDS_BETWEEN_DRAWINGS = 20.0
"""The curves are not drawn more often than this."""


class ArmOutput:
    """Writes what one arm leaves; only in the first process.

    Parameters
    ----------
    arm
        Initialised, and restored if it continues.
    """

    def __init__(self, arm: nnUNetTrainerKD) -> None:
        self._arm = arm
        self._writes = arm.processes.is_first and not arm.disable_checkpointing
        self._drawn = time.monotonic()
        self._events: Optional[Events] = None
        if self._writes:
            arm.folder.mkdir(parents=True, exist_ok=True)
            self._write_model_files()
            if arm.settings.config.tensorboard:
                self._events = Events(arm.folder / EVENTS, first_step=arm.step)

    def write(self, record: EpochRecord) -> None:
        """Write an epoch that just ended."""
        if not self._writes:
            return
        write_csv(self._arm.folder / TABLE, self._arm.history)
        if self._events is not None:
            self._events.write(record)
        if time.monotonic() - self._drawn >= SECONDS_BETWEEN_DRAWINGS:
            self._draw()

    def finish(self, cost: Cost) -> None:
        """Write curves, table and, last of all, the report of a finished arm, unless an earlier process did."""
        if not self._writes or (self._arm.folder / REPORT).is_file():
            return
        self._draw()
        write_csv(self._arm.folder / TABLE, self._arm.history)
        write_json(self._arm.folder / REPORT, self._report(cost))

    def close(self) -> None:
        """Close the event file."""
        if self._events is not None:
            self._events.close()

    def _draw(self) -> None:
        draw_curves(self._arm.folder / CURVES, self._arm.name, self._arm.history)
        self._drawn = time.monotonic()

    def _write_model_files(self) -> None:
        base = self._arm.folder.parent
        plans, dataset = self._arm.plans_manager.plans, self._arm.dataset_json
        require_same_model(base, str(self._arm.fold), self._arm.configuration_name, plans, dataset)
        write_json(base / PLANS, plans)
        write_json(base / DATASET, dataset)
        fingerprint = Path(self._arm.preprocessed_dataset_folder_base) / FINGERPRINT
        if fingerprint.is_file():
            write_bytes(base / FINGERPRINT, fingerprint.read_bytes())

    def _report(self, cost: Cost) -> Dict[str, Any]:
        arm = self._arm
        teacher = arm.settings.teacher if arm.distillation is not None else None
        totals: Dict[str, float] = {}
        for record in arm.history:
            for name, value in record.seconds.items():
                totals[name] = totals.get(name, 0.0) + value
        return {
            "name": arm.name,
            "settings": settings_of(arm),
            "teacher": None if teacher is None else {"folder": teacher.source.folder.name, "digest": teacher.digest()},
            "losses": [spec.model_dump(mode="json") for spec in arm.settings.student.specs],
            "checkpoint": {"file": FINAL, "sha256": hashlib.sha256((arm.folder / FINAL).read_bytes()).hexdigest()},
            "training_cases": len(arm.do_split()[0]),
            "steps": arm.step,
            "parameters": sum(p.numel() for p in arm.network.parameters()),
            "seconds": totals,
            "cost_of_this_process": cost.as_dict(),
            "software": software(),
            "hardware": {
                "device": device_name(arm.device),
                "threads": torch.get_num_threads(),
                "processes": arm.processes.world,
            },
        }


def software() -> Dict[str, str]:
    """Return the versions that the numbers of a training depend on."""
    from importlib.metadata import version

    from kdseg import __version__

    return {
        "kdsegmentator": __version__,
        "nnunetv2": version("nnunetv2"),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def device_name(device: torch.device) -> str:
    """Return what computes, in words."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()


def write_json(path: Path, content: Any) -> None:
    """Write plain data atomically."""
    write_bytes(path, (json.dumps(content, indent=2) + "\n").encode("utf-8"))
