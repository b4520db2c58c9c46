"""Measure the predictions of one or several models against their references; without torch, also in Slicer's own Python."""

from kdseg_training.evaluation.cases import Matching, Pair, match_cases
from kdseg_training.evaluation.label_files import LabelFile, read_label_map
from kdseg_training.evaluation.labels import LabelTable, read_labels
from kdseg_training.evaluation.measure import measure_pair
from kdseg_training.evaluation.results import Evaluation, ModelResult
from kdseg_training.evaluation.run import CaseProgress, MatchedModel, evaluate, evaluate_matched, match_models
from kdseg_training.evaluation.settings import EvaluationSettings

__all__ = [
    "CaseProgress",
    "Evaluation",
    "EvaluationSettings",
    "LabelFile",
    "LabelTable",
    "MatchedModel",
    "Matching",
    "ModelResult",
    "Pair",
    "evaluate",
    "evaluate_matched",
    "match_cases",
    "match_models",
    "measure_pair",
    "read_label_map",
    "read_labels",
]
