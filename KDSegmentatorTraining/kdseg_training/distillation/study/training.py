"""Train the arms of a study: all those of a seed in one family run, and only what is not finished yet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

from kdseg.errors import ResumeError, TeacherError
from kdseg_training.distillation.config import DistillationConfig, StudentSettings, TeacherSettings, with_defaults
from kdseg_training.distillation.soft_labels.run import write_for_run
from kdseg_training.distillation.study.arms import StudyArm, teacher_arm
from kdseg_training.distillation.study.config import StudyConfig
from kdseg_training.distillation.study.trained import TrainedArm, read_trained
from kdseg_training.distillation.teacher import load_teacher
from kdseg_training.distillation.training import checkpoints
from kdseg_training.distillation.training.display import Display
from kdseg_training.distillation.training.extras import find_unlabelled, preprocessed_fold
from kdseg_training.distillation.training.output import REPORT
from kdseg_training.distillation.training.runs import train_from_config
from kdseg_training.distillation.training.sources import RESULTS, DataSet, open_data_set, set_folders, student_plans
from kdseg_training.distillation.unlabelled.cases import UnlabelledCases

SHARED = (
    *("dataset", "configuration", "plans", "fold", "preprocessed", "results"),
    *("device", "precision", "workers", "threads", "checkpoint_every", "tensorboard"),
)
"""Keys that a study and its runs have in common."""


class Trainings:
    """Trains arms and finds finished ones.

    Parameters
    ----------
    config
        The study.
    display, stop, say
        As for :func:`kdseg_training.distillation.training.runs.train_from_config`; ``display`` makes one for each run.
    """

    def __init__(
        self,
        config: StudyConfig,
        *,
        display: Callable[[], Display],
        stop: Callable[[], bool],
        say: Callable[[str], None],
    ) -> None:
        self._config, self._display, self._stop, self._say = config, display, stop, say
        self._teacher: Optional[TeacherSettings] = None
        self._teacher_digest: Optional[str] = None
        self._unlabelled: Optional[UnlabelledCases] = None
        any_run = self._run([teacher_arm(config)])
        set_folders(any_run)
        self.data: DataSet = open_data_set(any_run)

    @property
    def results(self) -> Path:
        """The data set's folder of trained models."""
        return Path(os.environ[RESULTS]) / self.data.name

    def teacher(self) -> TrainedArm:
        """Return the teacher: given, adopted, or trained now."""
        arm, wanted = teacher_arm(self._config), self._config.teacher
        if wanted.model_folder is None:
            (trained,) = self.train([arm])
        else:
            trained = self._given_teacher(arm, wanted.model_folder)
        self._teacher = wanted.for_run(trained.model_folder, self._config.fold)
        self._teacher_digest = load_teacher(
            trained.model_folder, folds=trained.fold, checkpoint=trained.checkpoint
        ).digest()  # fmt: skip
        return trained

    def unlabelled(self) -> Optional[UnlabelledCases]:
        """Return the scans without labels, preprocessed; None if the study has none."""
        if self._unlabelled is None and self._config.unlabelled is not None:
            run = self._run([teacher_arm(self._config)]).model_copy(update={"unlabelled": self._config.unlabelled})
            self._unlabelled = find_unlabelled(run, self.data, preprocessed_fold(run, self.data), say=self._say)
        return self._unlabelled

    def train(self, arms: Sequence[StudyArm]) -> List[TrainedArm]:
        """Return the arms, each trained; those of one seed and budget together, finished ones not again.

        Raises
        ------
        TrainingError, OutputError, Cancelled
            As a run does; what is finished stays.
        """
        groups: Dict[Any, List[StudyArm]] = {}
        for arm in arms:
            if self.finished(arm) is None:
                groups.setdefault((arm.seed, arm.budget), []).append(arm)
        for group in groups.values():
            self._say(f"Training together: {', '.join(arm.name for arm in group)}.")
            run = self._run(group)
            if run.teacher is not None and run.teacher.soft_labels is not None:
                write_for_run(run, say=self._say)
            train_from_config(run, mode="resume", display=self._display(), stop=self._stop, say=self._say)
        return [self._trained(arm) for arm in arms]

    def _trained(self, arm: StudyArm) -> TrainedArm:
        trained = self.finished(arm)
        if trained is None:
            raise ResumeError(
                f"The arm {arm.name} has been trained, but its files are gone.",
                expected=f"{checkpoints.FINAL} and {REPORT} in the fold's folder",
                path=self.results,
                remedy="Start the study again; only this arm is trained.",
            )
        return trained

    def finished(self, arm: StudyArm) -> Optional[TrainedArm]:
        """Return the arm if it is trained; see :func:`read_trained`."""
        config = self._run([arm])
        plans = student_plans(config, arm.student, self.data)
        folder = self.results / f"{arm.student.name}__{plans['plans_name']}__{config.configuration}"
        told = config.settings_of(arm.student)
        if arm.student.is_distilled:
            told["teacher"] = {**(told["teacher"] or {}), "digest": self._teacher_digest}
            unlabelled = self.unlabelled()
            if unlabelled is not None:
                told["unlabelled"]["cases"] = unlabelled.digest()
        return read_trained(arm, folder, str(config.fold), told)

    def _run(self, arms: Sequence[StudyArm]) -> DistillationConfig:
        unlabelled = None if any(arm.is_teacher for arm in arms) else self._config.unlabelled
        with_teacher = unlabelled is not None or any(arm.student.is_distilled for arm in arms)
        students: List[StudentSettings] = [arm.student for arm in arms]
        run = DistillationConfig(
            **{key: getattr(self._config, key) for key in SHARED},
            seed=arms[0].seed,
            budget=arms[0].budget,
            teacher=self._teacher if with_teacher else None,
            unlabelled=unlabelled,
            students=students,
        )
        run._source = self._config.source
        return run

    def _given_teacher(self, arm: StudyArm, folder: Path) -> TrainedArm:
        wanted = self._config.teacher
        trained = TrainedArm(arm, folder, str(wanted.fold), wanted.checkpoint, self._config.configuration, {})
        if not wanted.require_same_budget:
            return trained
        settings = with_defaults(checkpoints.load(trained.checkpoint_path)[checkpoints.OWN_KEY].get("settings", {}))
        told = self._run([arm]).settings_of(arm.student)
        differing = [key for key in ("budget", "fold", "configuration") if settings.get(key) != told[key]]
        if differing:
            raise TeacherError(
                "The given teacher was not trained as the students will be.",
                expected="; ".join(f"{key}: {told[key]}" for key in differing),
                found="; ".join(f"{key}: {settings.get(key)}" for key in differing),
                path=trained.checkpoint_path,
                remedy="Leave model_folder out to train one, or set require_same_budget: false; the report then says so.",
            )
        return trained
