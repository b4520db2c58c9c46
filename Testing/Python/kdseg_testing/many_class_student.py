"""A student with more classes than features, whose labels can be told without running it; needs no torch and no onnx.

A voxel's label is its value, cut to 0 … :data:`CLASSES` − 1. One convolution makes the features max(v, 0) and max(−v, 0), and
the last layer gives class c the logit c·max(v, 0) − c²/2, which is largest for c = v. No normalisation, 1 mm.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Sequence

import numpy as np

from kdseg.bundle import load_student
from kdseg.plans.model import LabelSystem
from kdseg.student import Student
from kdseg_testing.threshold_student import PATCH_SIZE, write_threshold_student
from kdseg_testing.wire import graph, message, model, port

CLASSES, FEATURES = 12, 2


def many_class_student(folder: Path, *, classes: int = CLASSES, patch_size: Sequence[int] = PATCH_SIZE) -> Student:
    """Return the student; more classes than :data:`CLASSES` have no labels that half precision tells apart."""
    student = load_student(write_threshold_student(folder))
    names = tuple((f"structure {c}", (c,)) for c in range(1, classes))
    plan = replace(student.plan, labels=LabelSystem(names, heads=classes), patch_size=tuple(patch_size))
    return replace(student, plan=plan, model=_model(classes), self_test=None)


def expected_labels(voxels: np.ndarray) -> np.ndarray:
    """Return what the student must give for whole numbers."""
    return np.clip(voxels, 0, CLASSES - 1).astype(np.uint8)


def _model(classes: int) -> bytes:
    numbers = np.arange(classes, dtype=np.float32)
    stem = np.float32([1, -1]).reshape(FEATURES, 1, 1, 1, 1)
    last = np.stack([numbers, np.zeros_like(numbers)], axis=1).reshape(classes, FEATURES, 1, 1, 1)
    nodes = (
        message((1, "image"), (1, "stem"), (2, "thin"), (4, "Conv")),
        message((1, "thin"), (2, "features"), (4, "Relu")),
        message((1, "features"), (1, "last"), (1, "bias"), (2, "logits"), (4, "Conv")),
    )
    tensors = {"stem": stem, "last": last, "bias": -(numbers**2) / 2}
    initializers = [(5, _tensor(name, values)) for name, values in tensors.items()]
    return model(body=graph(*initializers, nodes=nodes, logits=port("logits", (1, classes, "z", "y", "x"))))


def _tensor(name: str, values: np.ndarray) -> bytes:
    return message(*((1, n) for n in values.shape), (2, 1), (8, name), (9, values.astype("<f4").tobytes()))
