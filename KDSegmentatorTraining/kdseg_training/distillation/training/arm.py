"""One arm of a run: a student, its losses and where it is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional

from kdseg_training.distillation.config import Budget, DistillationConfig, StudentSettings
from kdseg_training.distillation.teacher import Teacher
from kdseg_training.distillation.training.extras import NO_EXTRAS, Extras
from kdseg_training.distillation.training.pretrained import PretrainedWeights


@dataclass(frozen=True)
class Arm:
    """What a trainer is told besides nnU-Net's own arguments.

    Attributes
    ----------
    config
        The whole run.
    student
        This arm.
    teacher
        None: a plain arm.
    pretrained
        Weights to start from; None: random ones.
    folder
        The model folder that it writes, ``<student>__<plans>__<configuration>``; None: where nnU-Net puts it.
    extras
        Soft labels, unlabelled cases and label maps.
    quiet
        Leave the console to somebody else; nnU-Net's messages go into its log file only.
    """

    config: DistillationConfig
    student: StudentSettings
    teacher: Optional[Teacher] = None
    pretrained: Optional[PretrainedWeights] = None
    folder: Optional[Path] = None
    extras: Extras = NO_EXTRAS
    quiet: bool = False

    @property
    def budget(self) -> Budget:
        """How long it trains."""
        return self.config.budget

    def settings(self) -> Dict[str, Any]:
        """Return all that decides its numbers, as plain data; a resumed run must have the same."""
        settings = self.config.settings_of(self.student)
        if self.extras.synthesis is not None:
            settings["synthesis"] = {"digest": self.extras.synthesis.prepared.digest}
        if self.pretrained is not None:
            settings["student"]["pretrained_weights"] = self.pretrained.sha256
        if self.student.is_distilled and self.teacher is not None:
            settings["teacher"] = {**(settings["teacher"] or {}), "digest": self.teacher.digest()}
            if self.extras.unlabelled is not None:
                settings["unlabelled"] = {
                    **(settings["unlabelled"] or {}),
                    "cases": self.extras.unlabelled.digest(),
                }
        return settings
