"""Students of every width, derived from a teacher's plans."""

from kdseg_training.distillation.family.architecture import network_configurations, with_architectures
from kdseg_training.distillation.family.files import PlansFile, read_plans, write_student_plans
from kdseg_training.distillation.family.footprint import Latency, estimate_memory, measure_latency
from kdseg_training.distillation.family.members import Member, family_members
from kdseg_training.distillation.family.parameters import channels_and_heads, count_parameters, planned_network
from kdseg_training.distillation.family.plans import FLOOR, derive_plans, student_plans_name
from kdseg_training.distillation.family.search import Budget, largest_within
from kdseg_training.distillation.family.workload import Workload, typical_workload

__all__ = [
    "FLOOR",
    "Budget",
    "Latency",
    "Member",
    "PlansFile",
    "Workload",
    "channels_and_heads",
    "count_parameters",
    "derive_plans",
    "estimate_memory",
    "family_members",
    "largest_within",
    "measure_latency",
    "network_configurations",
    "planned_network",
    "read_plans",
    "student_plans_name",
    "typical_workload",
    "with_architectures",
    "write_student_plans",
]
