"""An evaluation as files: a table of cases, a table of averages, nnU-Net's ``summary.json``, and everything as JSON."""

from kdseg_training.evaluation.writers.folder import EvaluationFiles, require_writable, write_evaluation
from kdseg_training.evaluation.writers.nnunet_summary import nnunet_summary, write_nnunet_summary
from kdseg_training.evaluation.writers.tables import averages_csv, cases_csv

__all__ = [
    "EvaluationFiles",
    "averages_csv",
    "cases_csv",
    "nnunet_summary",
    "require_writable",
    "write_evaluation",
    "write_nnunet_summary",
]
