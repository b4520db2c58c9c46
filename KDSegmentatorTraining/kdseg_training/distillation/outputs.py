"""What a network gives for a batch, and what its channels mean: the two things that every loss is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from kdseg.errors import TrainingDataError

if TYPE_CHECKING:
    import torch


@dataclass
class Outputs:
    """Logits and features of one forward pass; ``spatial`` is (z, y, x), or (y, x) for 2-D networks.

    Attributes
    ----------
    logits
        One tensor for each head, the finest first, (N, C, *spatial). Only the finest is there without deep supervision.
    features
        Stage name, for example ``encoder.stages.2``, → the output of that stage, (N, C, *spatial).
    mask
        How far the logits of a voxel may be trusted, (N, 1, *spatial) at the finest resolution: bool, or weights from 0 to 1;
        None trusts them all. For a teacher whose logits are stored sparsely, or are uncertain. What the logits hold where the
        mask is 0 does not matter, not even NaN.

    Raises
    ------
    ValueError
        If there are no logits, or shapes contradict each other.
    """

    logits: List[torch.Tensor]
    features: Dict[str, torch.Tensor] = field(default_factory=dict)
    mask: Optional[torch.Tensor] = None

    def __post_init__(self) -> None:
        if not self.logits:
            raise ValueError("logits: expected at least one head, found none")
        finest = self.logits[0]
        for head in self.logits:
            if head.ndim not in (4, 5) or (head.ndim, head.shape[:2]) != (finest.ndim, finest.shape[:2]):
                raise ValueError(
                    f"logits: expected (N, C, y, x) or (N, C, z, y, x) in every head, found {_shapes(self.logits)}"
                )
        for name, feature in self.features.items():
            if feature.ndim != finest.ndim or feature.shape[0] != finest.shape[0]:
                raise ValueError(f"{name}: expected (N, C, *spatial) like {tuple(finest.shape)}, found {tuple(feature.shape)}")
        expected = (finest.shape[0], 1, *finest.shape[2:])
        if self.mask is not None and tuple(self.mask.shape) != expected:
            raise ValueError(f"mask: expected {expected}, found {tuple(self.mask.shape)}")

    def samples(self, index: torch.Tensor) -> Outputs:
        """Return some samples of the batch: those that ``index`` (long, on the device of the tensors) numbers."""
        return Outputs(
            [head[index] for head in self.logits],
            {name: feature[index] for name, feature in self.features.items()},
            None if self.mask is None else self.mask[index],
        )

    def detached(self) -> Outputs:
        """Return the same tensors as constants of the graph, without a copy.

        Only tensors made under ``torch.inference_mode`` are copied, because autograd refuses to keep them for the backward
        pass.
        """
        return Outputs(
            [_constant(head) for head in self.logits],
            {name: _constant(feature) for name, feature in self.features.items()},
            None if self.mask is None else _constant(self.mask),
        )


@dataclass(frozen=True)
class LabelScheme:
    """What the channels of the logits and the values of the target mean.

    Attributes
    ----------
    heads
        C, the channels of the logits: all labels with the background first or, region-based, the regions.
    regions
        False: the classes exclude each other (softmax) and a target is a label map (N, 1, *spatial) whose values are the
        channels of the logits. True: nnU-Net's region-based training, every channel is a region of its own (sigmoid) and a
        target is (N, C, *spatial) of zeros and ones, with one channel more at the end, 1 at ignored voxels, if there is an
        ignore label.
    ignore_label
        Value of the voxels that nobody annotated; None: there is none.

    Raises
    ------
    ValueError
        If there are no channels, or the ignore label is one of the classes.
    """

    heads: int
    regions: bool = False
    ignore_label: Optional[int] = None

    def __post_init__(self) -> None:
        if self.heads < (1 if self.regions else 2):
            raise ValueError(f"heads: expected background and a structure, or a region, found {self.heads}")
        if not self.regions and self.ignore_label is not None and 0 <= self.ignore_label < self.heads:
            raise ValueError(f"ignore_label: expected none of the {self.heads} classes, found {self.ignore_label}")

    @classmethod
    def from_label_manager(cls, manager: Any) -> LabelScheme:
        """Return the scheme of an ``nnunetv2`` ``LabelManager``."""
        return cls(int(manager.num_segmentation_heads), bool(manager.has_regions), manager.ignore_label)

    @property
    def foreground(self) -> Tuple[int, ...]:
        """Channels of the logits that are a structure: all but the background."""
        return tuple(range(0 if self.regions else 1, self.heads))

    def annotated(self, target: torch.Tensor) -> Optional[torch.Tensor]:
        """Return where the target is a label: bool, (N, 1, *spatial); None where there is no ignore label, so everywhere.

        Raises
        ------
        TrainingDataError
            If the target has another number of channels than this scheme.
        """
        expected = 1 if not self.regions else self.heads + (self.ignore_label is not None)
        if target.shape[1] != expected:
            raise TrainingDataError(
                "The target does not follow the label scheme.",
                expected=f"{expected} channels",
                found=f"{target.shape[1]}",
            )
        if self.ignore_label is None:
            return None
        ignored: torch.Tensor = target[:, -1:] == 1 if self.regions else target == self.ignore_label
        return ~ignored


def _constant(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.clone() if tensor.is_inference() else tensor.detach()


def _shapes(tensors: List[torch.Tensor]) -> str:
    return ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
