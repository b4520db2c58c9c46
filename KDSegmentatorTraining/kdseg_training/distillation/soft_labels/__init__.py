"""Soft labels: the teacher run once over whole volumes, stored sparsely, carried through the augmentation."""

from kdseg_training.distillation.soft_labels.encoding import SparseProbabilities, encode
from kdseg_training.distillation.soft_labels.fidelity import Fidelity
from kdseg_training.distillation.soft_labels.folder import SoftLabelFolder
from kdseg_training.distillation.soft_labels.reading import SoftLabels
from kdseg_training.distillation.soft_labels.writing import CaseGroup, Written, write_soft_labels

__all__ = [
    "CaseGroup",
    "Fidelity",
    "SoftLabelFolder",
    "SoftLabels",
    "SparseProbabilities",
    "Written",
    "encode",
    "write_soft_labels",
]
