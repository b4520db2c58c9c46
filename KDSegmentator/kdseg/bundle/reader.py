"""From the bytes of a bundle to a checked :class:`~kdseg.student.Student`.

Nothing is opened before everything in front of it was checked: container, then sizes and digests, then the small files, and the
ONNX file by its own gate. ONNX Runtime never sees a byte of a bundle that was refused.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Mapping, Tuple

from kdseg.bundle.archive import unpack
from kdseg.bundle.document import BundleDocument, parse_document
from kdseg.bundle.labels import check_labels, parse_labels_csv
from kdseg.bundle.members import (
    ARCHIVE_OVERHEAD_BYTES,
    DATASET,
    DOCUMENT,
    HASHED_MEMBERS,
    LABELS,
    MEMBER_LIMITS_BYTES,
    MODEL,
    PLANS,
    SELF_TEST,
)
from kdseg.bundle.onnx_gate import check_model
from kdseg.bundle.selftest import read_self_test
from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import BundleIntegrityError, BundleSchemaError, PathLike
from kdseg.plans.model import ArrayOrientation, ModelPlan
from kdseg.plans.parser import parse_model_plan
from kdseg.segmentation import LabelEntry
from kdseg.student import Student

LARGEST_BUNDLE_BYTES = sum(MEMBER_LIMITS_BYTES.values()) + ARCHIVE_OVERHEAD_BYTES


def load_student(path: PathLike) -> Student:
    """Read a student bundle.

    Parameters
    ----------
    path
        A ``.kdseg.zip`` file; it is read once, and everything is made from those bytes.

    Raises
    ------
    BundleIntegrityError
        If the file cannot be read, is not the canonical zip of exactly the expected members, or a digest differs.
    BundleSchemaError
        If a member does not follow its schema, or two members contradict each other.
    BundleModelError
        If the ONNX file does not pass :func:`kdseg.bundle.onnx_gate.check_model`.
    UnsupportedModelError
        If the model uses a part of nnU-Net that is not implemented.
    """
    return student_from_bytes(read_bundle_bytes(path), str(path))


def read_bundle_bytes(path: PathLike) -> bytes:
    """Read the file once, bounded.

    Raises
    ------
    BundleIntegrityError
        If it cannot be read or is larger than any bundle.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST_BUNDLE_BYTES + 1)
    except (OSError, ValueError) as error:
        found = getattr(error, "strerror", None) or str(error)
        raise BundleIntegrityError(
            "The student cannot be read.",
            expected="a .kdseg.zip file",
            found=found,
            path=path,
            remedy="Check the path; the students that come with KDSegmentator lie in its folder Resources/Models.",
        ) from error
    if len(data) > LARGEST_BUNDLE_BYTES:
        found = f"more than {LARGEST_BUNDLE_BYTES} bytes"
        raise BundleIntegrityError(
            "The file is too large for a student.", found=found, path=path, remedy="Choose a .kdseg.zip file."
        )
    return data


def student_from_bytes(data: bytes, source: str) -> Student:
    """Check the bytes of a bundle and return the student; errors as in :func:`load_student`, naming ``source``."""
    members = unpack(data, MEMBER_LIMITS_BYTES, source)
    document = parse_document(members[DOCUMENT], source)
    _check_digests(document, members, source)
    plans = parse_json_object(members[PLANS], f"{source}:{PLANS}")
    dataset = parse_json_object(members[DATASET], f"{source}:{DATASET}")
    plan = parse_model_plan(plans, dataset, document.configuration, f"{source}:{PLANS}")
    entries = parse_labels_csv(members[LABELS], f"{source}:{LABELS}")
    check_labels(entries, plan.labels, source)
    _check_agreement(document, plan, entries, source)
    self_test = read_self_test(members[SELF_TEST], plan, f"{source}:{SELF_TEST}")
    model = members[MODEL]
    check_model(
        model,
        channels=len(plan.channel_names),
        heads=plan.labels.heads,
        spatial_axes=len(plan.patch_size),
        source=f"{source}:{MODEL}",
    )
    return Student(
        name=document.name,
        version=document.version,
        plan=plan,
        model=model,
        model_sha256=document.members[MODEL].sha256,
        mirroring_axes=document.mirroring_axes,
        entries=entries,
        document=document.data,
        source=source,
        digest=hashlib.sha256(data).hexdigest(),
        self_test=self_test,
        side_exchange=document.side_exchange,
        keep_largest_part=document.keep_largest_part,
    )


def _check_digests(document: BundleDocument, members: Mapping[str, bytes], source: str) -> None:
    for name in HASHED_MEMBERS:
        expected, content = document.members[name], members[name]
        found = hashlib.sha256(content).hexdigest()
        if len(content) != expected.size or found != expected.sha256:
            raise BundleIntegrityError(
                f"{name} is not the file that bundle.json describes.",
                expected=f"{expected.size} bytes with SHA-256 {expected.sha256}",
                found=f"{len(content)} bytes with SHA-256 {found}",
                path=source,
                remedy="Get the student again from where it was published.",
            )


def _exchange_checks(document: BundleDocument, plan: ModelPlan) -> Tuple[Tuple[str, Any, Any], ...]:
    """Return what must be equal where left and right are exchanged."""
    exchange = document.side_exchange
    if exchange is None:
        return ()
    return (
        ("side_exchange: number of classes", plan.labels.heads, len(exchange.classes)),
        ("side_exchange of regions", False, plan.labels.has_regions),
        ("side_exchange of the background", 0, exchange.classes[0]),
        ("side_exchange: orientation.array", ArrayOrientation.RAS.value, plan.orientation.value),
        ("side_exchange: the axis from left to right", plan.left_right_axis, exchange.axis),
        ("side_exchange mirrors an axis of mirroring_axes", False, exchange.axis in (document.mirroring_axes or ())),
    )


def _check_agreement(document: BundleDocument, plan: ModelPlan, entries: Tuple[LabelEntry, ...], source: str) -> None:
    axes = range(len(plan.patch_size))
    classes = tuple((e.value, e.name) for e in entries)
    values = {value for value, _ in classes}
    measured = [int(c["value"]) for c in document.data.get("quality", {}).get("classes", [])]
    checks: Tuple[Tuple[str, Any, Any], ...] = (
        ("classes of bundle.json and rows of labels.csv", classes, document.classes),
        ("channels", plan.channel_names, document.channels),
        ("orientation.array", plan.orientation.value, document.orientation.value),
        ("mirroring_axes that do not exist", [], [a for a in document.mirroring_axes or () if a not in axes]),
        ("quality of unknown or doubled classes", [], [v for v in measured if v not in values or measured.count(v) > 1]),
    )
    for what, expected, found in (*checks, *_exchange_checks(document, plan)):
        if found != expected:
            raise BundleSchemaError(
                f"The members of the student contradict each other: {what}.",
                expected=str(expected)[:300],
                found=str(found)[:300],
                path=source,
            )
