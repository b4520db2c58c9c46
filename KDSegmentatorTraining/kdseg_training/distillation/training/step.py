"""The part of a training step that has gradients: student, segmentation loss and distillation loss, as one module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

import torch
from torch import Tensor, nn

from kdseg_training.distillation.losses.base import graph_zero
from kdseg_training.distillation.losses.composition import DistillationLoss
from kdseg_training.distillation.outputs import Outputs
from kdseg_training.distillation.stages import StageTap
from kdseg_training.distillation.training.batches import Batch

TOTAL, SEGMENTATION = "total", "segmentation"
"""Names of the two losses that every arm has."""


@dataclass
class DeviceBatch:
    """A batch where the networks are.

    Attributes
    ----------
    data
        (N, channels, *spatial), float32.
    target
        One tensor for each head, the finest first; None: unlabelled.
    carried
        Further arrays that went through the spatial augmentation with the image; empty for most runs.
    keys
        Names of the cases.
    labelled
        Numbers of the samples that have labels, at least one; None: all have. The target of the others is 0 everywhere.
    """

    data: Tensor
    target: Optional[List[Tensor]]
    carried: Dict[str, Tensor]
    keys: List[str]
    labelled: Optional[Tensor] = None


def to_device(batch: Batch, device: torch.device, layout: torch.memory_format) -> DeviceBatch:
    """Copy a batch to the device."""
    target, labelled = batch.get("target"), batch.get("labelled")
    if target is not None:
        heads = target if isinstance(target, list) else [target]
        target = [head.to(device, non_blocking=True) for head in heads]
    return DeviceBatch(
        data=batch["data"].to(device, non_blocking=True).contiguous(memory_format=layout),
        target=target,
        carried={name: array.to(device, non_blocking=True) for name, array in batch.get("carried", {}).items()},
        keys=list(batch.get("keys", [])),
        labelled=None if labelled is None or bool(labelled.all()) else labelled.nonzero()[:, 0].to(device, non_blocking=True),
    )


class StudentStep(nn.Module):
    """Forward pass of a student with all its losses; the module that DistributedDataParallel wraps.

    The teacher is not part of it: its outputs come in as data.

    Parameters
    ----------
    network
        The student, deep supervision as it is trained.
    segmentation
        nnU-Net's loss; called with lists where ``deep_supervision``.
    distillation
        None: a plain arm.
    """

    def __init__(
        self, network: nn.Module, segmentation: Any, distillation: Optional[DistillationLoss], *, deep_supervision: bool
    ) -> None:
        super().__init__()
        self.network = network
        self.distillation = distillation
        self._segmentation = [segmentation]  # in a list, so that it is no submodule: it has no parameters
        self._deep_supervision = deep_supervision
        self._tap = StageTap(network, () if distillation is None else distillation.stage_names)

    def forward(
        self,
        data: Tensor,
        target: Optional[List[Tensor]],
        teacher: Optional[Outputs],
        progress: float,
        labelled: Optional[Tensor] = None,
    ) -> Tuple[Tensor, Dict[str, Tensor]]:
        """Return the loss of a batch and its parts.

        The network computes under the caller's autocast, the losses in float32; their gradients reach its
        heads in the heads' precision.

        Parameters
        ----------
        data, target, labelled
            See :class:`DeviceBatch`. The segmentation loss sees labelled samples only, and so does a plain arm as a whole.
        teacher
            The teacher's outputs for the same data; not used by a plain arm.
        progress
            Share of the training that is done, 0 to 1.
        """
        if labelled is not None and target is not None and self.distillation is None:
            data, target, labelled = data[labelled], [head[labelled] for head in target], None
        heads = self._heads(self.network(data))
        with torch.autocast(data.device.type, enabled=False):
            total, parts = self.segmentation_loss(heads, target, labelled), {}
            parts[SEGMENTATION] = total.detach()
            if self.distillation is not None and teacher is not None:
                outputs = Outputs(heads, self._tap.take())
                loss, distilled = self.distillation(outputs, teacher, target, progress=progress, labelled=labelled)
                total = total + loss
                parts.update(distilled)
        parts[TOTAL] = total.detach()
        return total, parts

    def segmentation_loss(
        self, heads: List[Tensor], target: Optional[List[Tensor]], labelled: Optional[Tensor] = None
    ) -> Tensor:
        """Return nnU-Net's loss of the labelled samples; 0 for an unlabelled batch."""
        if target is None:
            return graph_zero(heads[0])
        if labelled is not None:
            heads, target = [head[labelled] for head in heads], [head[labelled] for head in target]
        loss: Tensor = (
            self._segmentation[0](heads, target) if self._deep_supervision else self._segmentation[0](heads[0], target[0])
        )
        return loss

    def _heads(self, output: Any) -> List[Tensor]:
        return list(output) if isinstance(output, (list, tuple)) else [output]

    def assess(self, data: Tensor, target: List[Tensor]) -> Tuple[Tensor, Tensor]:
        """Return the finest logits and the segmentation loss, without distillation."""
        heads = self._heads(self.network(data))
        if self._tap.names:
            self._tap.take()
        with torch.autocast(data.device.type, enabled=False):
            return heads[0], self.segmentation_loss(heads, target)
