"""nnU-Net's segmentation loss for labels that exclude each other, block by block where that is sooner done."""

from __future__ import annotations

from typing import Any, cast

from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from nnunetv2.utilities.helpers import softmax_helper_dim1
from torch import Tensor, nn

from kdseg_training.distillation.losses.base import packed
from kdseg_training.distillation.losses.blocks import worthwhile
from kdseg_training.distillation.losses.sums import label_sums, require_shape


class OnPackedLogits(nn.Module):
    """A loss of nnU-Net's as it is, on float32 logits, each class in one piece of memory.

    It runs over the voxels of one class after the other; where channels lie side by side (``channels_last``), as networks want
    them on a CPU, that costs several times as much as one copy.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss of a batch, a scalar."""
        loss: Tensor = self.loss(packed(logits), target)
        return loss


class DiceAndCrossEntropy(nn.Module):
    """Cross-entropy minus soft Dice: the value and gradient of nnU-Net's ``DC_and_CE_loss``, but for rounding.

    ::

        L = mean_v −log p_yv − mean_c (2 Σ_v p_cv [y_v = c] + s) / (Σ_v p_cv + Σ_v [y_v = c] + s)

    with the Dice of each sample, or of the whole batch, over all classes but the background. Where blocks save no time,
    nnU-Net's own code computes it.

    Source: Isensee et al. 2021, doi:10.1038/s41592-020-01008-z, and nnU-Net's code, which the tests compare it with.

    Parameters
    ----------
    loss
        nnU-Net's ``DC_and_CE_loss``; see :func:`adapted`.
    """

    def __init__(self, loss: Any) -> None:
        super().__init__()
        self.stock = OnPackedLogits(loss)
        self._batch, self._smooth = bool(loss.dc.batch_dice), float(loss.dc.smooth)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss of a batch, a scalar.

        Parameters
        ----------
        logits
            (N, C, *spatial), any precision.
        target
            (N, 1, *spatial), whole numbers from 0 to C − 1.

        Raises
        ------
        TrainingDataError
            If the target has another shape.
        RuntimeError
            If a label is no class (torch's own error).
        """
        require_shape("The labels", target, logits, channels=1)
        if not worthwhile(logits):
            return cast(Tensor, self.stock(logits, target))
        sums = label_sums(logits, target)
        overlap, size = sums.overlap, sums.size + sums.voxels
        if self._batch:
            overlap, size = overlap.sum(0), size.sum(0)
        dice = (2 * overlap + self._smooth) / (size + self._smooth).clamp_min(1e-8)
        return sums.surprise.sum() / target.numel() - dice[..., 1:].mean()


def adapted(loss: nn.Module) -> nn.Module:
    """Return a loss of nnU-Net's so that it takes logits as a network gives them.

    One with other settings than nnU-Net's trainer gives it, regions, an ignore label, and batch Dice over several processes
    stay with nnU-Net's own code.
    """
    return DiceAndCrossEntropy(loss) if _is_the_trainers(loss) else OnPackedLogits(loss)


def _is_the_trainers(loss: Any) -> bool:
    if type(loss) is not DC_and_CE_loss or type(loss.dc) is not MemoryEfficientSoftDiceLoss:
        return False
    dice, entropy = loss.dc, loss.ce
    plain_dice = dice.apply_nonlin is softmax_helper_dim1 and not dice.do_bg and not (dice.batch_dice and dice.ddp)
    plain_entropy = entropy.weight is None and entropy.label_smoothing == 0 and entropy.reduction == "mean"
    unmasked = loss.ignore_label is None and entropy.ignore_index < 0
    return bool(plain_dice and plain_entropy and unmasked) and (loss.weight_ce, loss.weight_dice) == (1, 1)
