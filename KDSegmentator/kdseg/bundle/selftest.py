"""The self-test: the network must decide here as it decided where it was exported.

The exporter stores a tiny input and the decisions that torch made for it. A decision is a label for each voxel (softmax), or
yes or no for each region and voxel. Where the two best logits lie close together, rounding may decide either way on another
processor; such decisions are stored but do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.bundle.members import MEMBER_LIMITS_BYTES, SELF_TEST
from kdseg.bundle.npy import read_npz, write_npz
from kdseg.errors import BundleSchemaError, SelfTestError
from kdseg.plans.model import ModelPlan
from kdseg.student import Student

DECISION_MARGIN = 1e-2
"""A decision counts if its logit margin is above this: twice the drift of 5e-3 that the exporter allows."""

_DTYPES = {"image": "<f4", "labels": "<u2", "decided": "|b1"}


class NetworkEngine(Protocol):
    """What the self-test needs of an engine."""

    def run(self, patch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return what the network makes of a patch of shape (channels, *spatial): logits, or the features before them."""


@dataclass(frozen=True)
class SelfTest:
    """A stored input with its decisions.

    Attributes
    ----------
    image
        float32, shape (1, channels, *spatial), as the network sees it (after preprocessing).
    labels
        uint16, shape (1, *spatial) with the label of each voxel, or (heads, *spatial) with 1 inside each region.
    decided
        bool, the shape of ``labels``: where the logit margin was above :data:`DECISION_MARGIN`.
    """

    image: npt.NDArray[np.float32] = field(repr=False)
    labels: npt.NDArray[np.uint16] = field(repr=False)
    decided: npt.NDArray[np.bool_] = field(repr=False)

    @property
    def spatial_shape(self) -> Tuple[int, ...]:
        """Size of the input along its spatial axes, in voxels."""
        return tuple(int(n) for n in self.image.shape[2:])


@dataclass(frozen=True)
class SelfTestResult:
    """Number of decisions compared, of those left out as undecided, and of those left out that differ; none compared differ."""

    compared: int
    undecided: int
    undecided_differing: int


def decide(logits: npt.NDArray[Any], has_regions: bool) -> Tuple[npt.NDArray[np.uint16], npt.NDArray[np.bool_]]:
    """Return decisions and where they are clear, for logits of shape (heads, *spatial); see :class:`SelfTest`.

    Ties go to the lowest label, as in nnU-Net; a region is present where its logit is above 0 (sigmoid above 0.5).
    """
    if has_regions:
        return (logits > 0).astype(np.uint16), np.abs(logits) > DECISION_MARGIN
    best_two = np.sort(logits, axis=0)[-2:]
    return logits.argmax(0)[None].astype(np.uint16), (best_two[1] - best_two[0])[None] > DECISION_MARGIN


def write_self_test(self_test: SelfTest) -> bytes:
    """Return ``selftest.npz``."""
    arrays = {
        "image": self_test.image.astype("<f4"),
        "labels": self_test.labels.astype("<u2"),
        "decided": self_test.decided.astype("|b1"),
    }
    return write_npz(arrays)


def read_self_test(content: bytes, plan: ModelPlan, source: str) -> SelfTest:
    """Read ``selftest.npz`` and check that it fits the student.

    Raises
    ------
    BundleIntegrityError
        If the file is damaged.
    BundleSchemaError
        If its arrays do not fit the student, hold values that are not finite, or not one decision counts.
    """
    arrays = read_npz(content, _DTYPES, MEMBER_LIMITS_BYTES[SELF_TEST], source)
    image, labels, decided = arrays["image"], arrays["labels"], arrays["decided"]
    spatial = image.shape[2:]
    expected_image = (1, len(plan.channel_names), *spatial)
    expected_labels = (plan.labels.heads if plan.labels.has_regions else 1, *spatial)
    fits = image.ndim == 2 + len(plan.patch_size) and image.shape == expected_image and image.size > 0
    if not fits or labels.shape != expected_labels or decided.shape != expected_labels:
        found = f"image {image.shape}, labels {labels.shape}, decided {decided.shape}"
        raise _schema_error("The self-test does not fit the student.", f"{expected_image}, {expected_labels}", found, source)
    if not np.isfinite(image).all() or not set(np.unique(decided.view(np.uint8))) <= {0, 1}:
        raise _schema_error("The self-test holds impossible values.", "finite voxels, true or false", "others", source)
    if labels.max() >= max(2, plan.labels.heads):
        raise _schema_error("The self-test names an unknown label.", f"below {plan.labels.heads}", str(labels.max()), source)
    if not decided.any():
        raise _schema_error("The self-test decides nothing.", "at least one decision with a clear margin", "none", source)
    return SelfTest(image, labels, decided)


def run_self_test(student: Student, engine: NetworkEngine) -> SelfTestResult:
    """Run the stored input through ``engine`` and compare every clear decision.

    Parameters
    ----------
    student
        With a self-test, as read from a bundle.
    engine
        Gives the logits of ``student.model``; opened for ``student.self_test.spatial_shape``.

    Raises
    ------
    SelfTestError
        If the student has no self-test, the logits have another shape or are not finite, or a clear decision differs.
    """
    test = student.self_test
    if test is None:
        raise SelfTestError("The student has no self-test.", path=student.source, remedy="Use a student from a bundle.")
    logits = engine.run(np.array(test.image[0], dtype=np.float32))
    expected = (student.plan.labels.heads, *test.spatial_shape)
    if logits.shape != expected or not np.isfinite(logits).all():
        found = f"shape {logits.shape}, finite: {bool(np.isfinite(logits).all())}"
        raise SelfTestError(
            "The network gives no usable logits.", expected=f"finite {expected}", found=found, path=student.source
        )
    labels, _ = decide(logits, student.plan.labels.has_regions)
    differing = labels != test.labels
    wrong = int((differing & test.decided).sum())
    compared = int(test.decided.sum())
    if wrong:
        raise SelfTestError(
            "The network decides differently on this machine than where it was exported.",
            expected=f"{compared} equal decisions",
            found=f"{wrong} that differ",
            path=student.source,
            remedy="Try the plain CPU engine; if it fails too, do not use this student on this machine.",
        )
    return SelfTestResult(compared, test.decided.size - compared, int((differing & ~test.decided).sum()))


def _schema_error(problem: str, expected: str, found: str, source: str) -> BundleSchemaError:
    return BundleSchemaError(problem, expected=expected, found=found, path=source)
