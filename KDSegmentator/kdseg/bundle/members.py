"""What a bundle may contain, and how large each part may be."""

from __future__ import annotations

from typing import Mapping

DOCUMENT = "bundle.json"
PLANS = "plans.json"
DATASET = "dataset.json"
MODEL = "model.onnx"
LABELS = "labels.csv"
SELF_TEST = "selftest.npz"

MEBIBYTE = 1024 * 1024

MEMBER_LIMITS_BYTES: Mapping[str, int] = {
    DOCUMENT: 1 * MEBIBYTE,
    DATASET: 4 * MEBIBYTE,
    LABELS: 1 * MEBIBYTE,
    MODEL: 1024 * MEBIBYTE,
    PLANS: 4 * MEBIBYTE,
    SELF_TEST: 64 * MEBIBYTE,
}
"""Every member, each exactly once, with its largest size in bytes. The largest teachers of nnU-Net have about 400 MiB."""

HASHED_MEMBERS = tuple(sorted(name for name in MEMBER_LIMITS_BYTES if name != DOCUMENT))
"""The members whose size and SHA-256 ``bundle.json`` states."""

ARCHIVE_OVERHEAD_BYTES = 64 * 1024
"""Room for the headers of the zip, in bytes."""
