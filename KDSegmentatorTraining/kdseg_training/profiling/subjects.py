"""What was profiled: a student, or stock nnU-Net with a model folder."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional, Tuple

from kdseg_training.profiling.runs import Measurement


class SubjectKind(str, Enum):
    """What runs a subject."""

    STUDENT = "student"
    NNUNET = "nnunet"


@dataclass(frozen=True)
class Quality:
    """How good a subject's labels are: the mean Dice of its structures, 0 to 1, and where that was measured."""

    dice: float
    source: str


@dataclass(frozen=True)
class SubjectProfile:
    """One student, or stock nnU-Net with one model folder.

    Attributes
    ----------
    key
        Unique in the profile; what people see.
    kind, path, sha256
        What it is and the file it was read from: the bundle, or the checkpoint.
    capacity
        Width as a share of the teacher's, as the bundle says; empty if unknown.
    size_bytes
        Of that file.
    parameters
        Of the network.
    patch_size
        In the network's axes.
    patches, passes
        Patches of the volume, and mirrored passes for each.
    flops_per_pass
        Floating-point operations of convolutions for one patch, once: two for each multiplication with its addition; None where
        they cannot be counted. Normalisation, activations and pooling are not counted, as in torch's counter.
    mirroring_axes, tile_step_size
        As they were run.
    quality
        None if it is unknown.
    measurements
        One for each number of threads, in the order they were asked for.
    sides_exchanged
        Whether each patch was mirrored with left and right exchanged as well, as it was run; False in profiles from before it
        was kept.
    """

    key: str
    kind: SubjectKind
    path: str
    sha256: str
    capacity: str
    size_bytes: int
    parameters: int
    patch_size: Tuple[int, ...]
    patches: int
    passes: int
    flops_per_pass: Optional[int]
    mirroring_axes: Tuple[int, ...]
    tile_step_size: float
    quality: Optional[Quality]
    measurements: Tuple[Measurement, ...]
    sides_exchanged: bool = False

    @property
    def flops_per_patch(self) -> Optional[int]:
        """Operations for one patch with all its mirrored passes."""
        return None if self.flops_per_pass is None else self.flops_per_pass * self.passes

    @property
    def flops_per_volume(self) -> Optional[int]:
        """Operations for the whole volume."""
        return None if self.flops_per_patch is None else self.flops_per_patch * self.patches

    @property
    def main(self) -> Optional[Measurement]:
        """The first measurement that has counted runs; None if there is none."""
        return next((m for m in self.measurements if m.counted), None)

    def with_threads(self, threads: int) -> Optional[Measurement]:
        """Return the measurement with this number of threads, or None."""
        return next((m for m in self.measurements if m.threads == threads), None)
