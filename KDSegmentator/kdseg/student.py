"""A student in memory: everything :func:`kdseg.pipeline.segment` needs, already checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from kdseg.plans.model import ModelPlan
from kdseg.segmentation import LabelEntry
from kdseg.sides import SideExchange

if TYPE_CHECKING:
    from kdseg.bundle.selftest import SelfTest


@dataclass(frozen=True)
class Student:
    """A checked student.

    Attributes
    ----------
    name, version
        As in ``bundle.json``.
    plan
        What nnU-Net's ``plans.json`` and ``dataset.json`` say about preprocessing, patches and labels.
    model
        The ONNX file, as the bytes whose hash was checked.
    model_sha256
        Hex digest of ``model``.
    mirroring_axes
        Spatial axes (0, 1, 2 in the network's order) that may be mirrored; None where mirroring is off.
    entries
        The structures, in the order of their values.
    document
        ``bundle.json`` as data; empty for a student that was not read from a bundle.
    source
        Path of the bundle, for messages.
    digest
        SHA-256 (hex) of the whole bundle file; empty for a student that was not read from a bundle.
    self_test
        A stored input with the decisions expected for it; None for a student that was not read from a bundle.
    side_exchange
        How patches are mirrored from left to right with the classes of the sides exchanged; None where they are not.
    keep_largest_part
        Whether only the largest connected part of all structures together is kept.
    """

    name: str
    version: str
    plan: ModelPlan
    model: bytes = field(repr=False)
    model_sha256: str
    mirroring_axes: Optional[Tuple[int, ...]]
    entries: Tuple[LabelEntry, ...]
    document: Dict[str, Any] = field(default_factory=dict, repr=False)
    source: str = "memory"
    digest: str = ""
    self_test: Optional[SelfTest] = field(default=None, repr=False)
    side_exchange: Optional[SideExchange] = None
    keep_largest_part: bool = False
