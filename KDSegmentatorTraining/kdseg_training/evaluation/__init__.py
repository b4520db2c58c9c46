"""Measure the predictions of one or several models against their references; without torch, also in Slicer's own Python."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from kdseg_training.evaluation.cases import Matching, Pair, match_cases
    from kdseg_training.evaluation.label_files import LabelFile, read_label_map
    from kdseg_training.evaluation.labels import LabelTable, read_labels
    from kdseg_training.evaluation.measure import measure_pair
    from kdseg_training.evaluation.results import Evaluation, ModelResult
    from kdseg_training.evaluation.run import CaseProgress, MatchedModel, evaluate, evaluate_matched, match_models
    from kdseg_training.evaluation.settings import EvaluationSettings

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cases": ["Matching", "Pair", "match_cases"],
        "label_files": ["LabelFile", "read_label_map"],
        "labels": ["LabelTable", "read_labels"],
        "measure": ["measure_pair"],
        "results": ["Evaluation", "ModelResult"],
        "run": ["CaseProgress", "MatchedModel", "evaluate", "evaluate_matched", "match_models"],
        "settings": ["EvaluationSettings"],
    },
)

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
