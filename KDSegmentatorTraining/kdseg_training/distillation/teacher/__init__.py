"""The frozen teacher, and the checks that it and its student agree."""

from kdseg_training.distillation.teacher.agreement import check_agreement
from kdseg_training.distillation.teacher.folds import check_folds
from kdseg_training.distillation.teacher.loading import load_teacher
from kdseg_training.distillation.teacher.teacher import Teacher, TeacherSource

__all__ = ["Teacher", "TeacherSource", "check_agreement", "check_folds", "load_teacher"]
