"""Students of every width, derived from a teacher's plans."""

from kdseg_training.distillation.family.architecture import network_configurations, with_architectures
from kdseg_training.distillation.family.parameters import channels_and_heads, count_parameters, planned_network
from kdseg_training.distillation.family.plans import FLOOR, derive_plans, student_plans_name

__all__ = [
    "FLOOR",
    "channels_and_heads",
    "count_parameters",
    "derive_plans",
    "network_configurations",
    "planned_network",
    "student_plans_name",
    "with_architectures",
]
