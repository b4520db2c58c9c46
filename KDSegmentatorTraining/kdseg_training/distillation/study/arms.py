"""Which networks a study trains: the teacher, and students by width, method and seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional

from kdseg_training.distillation.config import Budget, StudentSettings
from kdseg_training.distillation.study.config import COMBINATION, EQUAL_TIME, PLAIN, Students, StudyConfig, student_settings


@dataclass(frozen=True)
class StudyArm:
    """One network.

    Attributes
    ----------
    name
        Stands in the folder's name: ``x4_A_s0``; the teacher's is its own.
    factor
        Its width is the teacher's divided by this.
    method
        ``plain``, a method's name, ``best`` or ``plain_equal_time``; None: the teacher.
    candidate
        Name of a candidate that it is, or was chosen from, for the combination; else None.
    seed, budget
        Of its training.
    student
        Its section of a run's settings.
    """

    name: str
    factor: float
    method: Optional[str]
    seed: int
    budget: Budget
    student: StudentSettings
    candidate: Optional[str] = None

    @property
    def is_teacher(self) -> bool:
        """Whether the students learn from it."""
        return self.method is None


def teacher_arm(config: StudyConfig) -> StudyArm:
    """Return the teacher as an arm that can be trained."""
    name = config.teacher.name
    return StudyArm(name, 1.0, None, config.teacher.seed, config.budget, StudentSettings(name=name, factor=1))


def fixed_arms(config: StudyConfig) -> List[StudyArm]:
    """Return the students that do not depend on any choice: without a teacher, and with each method."""
    return [
        _arm(config, group, method, seed) for group in config.students for seed in group.seeds for method in _methods(config)
    ]


def candidate_arms(config: StudyConfig) -> List[StudyArm]:
    """Return the students among which the combination is chosen."""
    wanted = config.combination
    if wanted is None:
        return []
    group = _group(config, wanted.factor)
    return [_arm(config, group, name, wanted.seed, candidate=name) for name in wanted.candidates]


def combination_arms(config: StudyConfig, chosen: str) -> List[StudyArm]:
    """Return the students of the chosen combination; the one that was compared is among them under the candidate's name."""
    wanted = config.combination
    if wanted is None:
        return []
    arms = []
    for group in config.students:
        for seed in group.seeds:
            compared = group.factor == wanted.factor and seed == wanted.seed
            arms.append(_arm(config, group, chosen if compared else COMBINATION, seed, candidate=chosen))
    return arms


def equal_time_arm(config: StudyConfig, factor: float, seed: int, epochs: int) -> StudyArm:
    """Return a plain student with another number of epochs."""
    budget = config.budget.model_copy(update={"epochs": epochs})
    name = f"x{factor:g}_{EQUAL_TIME}_s{seed}"
    return StudyArm(name, factor, EQUAL_TIME, seed, budget, student_settings(name, _group(config, factor), None))


def _methods(config: StudyConfig) -> List[str]:
    return [PLAIN, *config.methods]


def _group(config: StudyConfig, factor: float) -> Students:
    return next(group for group in config.students if group.factor == factor)


def _arm(config: StudyConfig, group: Students, method: str, seed: int, *, candidate: Optional[str] = None) -> StudyArm:
    name = f"x{group.factor:g}_{method}_s{seed}"
    if candidate is not None and config.combination is not None:
        losses = config.combination.candidates[candidate]
        student = student_settings(name, group, losses)
        return StudyArm(name, group.factor, COMBINATION, seed, config.budget, student, candidate)
    settings = None if method == PLAIN else config.methods[method]
    return StudyArm(name, group.factor, method, seed, config.budget, student_settings(name, group, settings))
