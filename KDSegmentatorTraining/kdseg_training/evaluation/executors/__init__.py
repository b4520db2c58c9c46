"""Where cases are measured: in this process, or by Dask's workers. The numbers and their order do not depend on it."""

from kdseg_training.evaluation.executors.base import Executor, Outcome, attempt
from kdseg_training.evaluation.executors.in_process import InProcess

__all__ = ["Executor", "InProcess", "Outcome", "attempt"]
