"""nnU-Net's segmentation loss for labels that exclude each other, several times as fast on a CPU."""

from __future__ import annotations

from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from torch import Tensor, nn

from kdseg_training.distillation.losses.base import packed
from kdseg_training.distillation.losses.sums import label_sums


class DiceAndCrossEntropy(nn.Module):
    """Cross-entropy minus soft Dice, the value and gradient of nnU-Net's ``DC_and_CE_loss``.

    ::

        L = mean_v −log p_yv − mean_c (2 Σ_v p_cv [y_v = c] + s) / (Σ_v p_cv + Σ_v [y_v = c] + s)

    with the Dice of each sample, or of the whole batch where ``batch``, over all classes but the background.

    Source: Isensee et al. 2021, doi:10.1038/s41592-020-01008-z, and nnU-Net's code, which the tests compare it with.

    Parameters
    ----------
    batch
        nnU-Net's ``batch_dice``.
    smooth
        s, in voxels.
    """

    def __init__(self, *, batch: bool, smooth: float) -> None:
        super().__init__()
        self.batch = batch
        self.smooth = smooth

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss of a batch, a scalar.

        Parameters
        ----------
        logits
            (N, C, *spatial), any precision.
        target
            (N, 1, *spatial), whole numbers from 0 to C − 1.
        """
        sums = label_sums(logits, target)
        overlap, size = sums.overlap, sums.size + sums.voxels
        if self.batch:
            overlap, size = overlap.sum(0), size.sum(0)
        dice = (2 * overlap + self.smooth) / (size + self.smooth).clamp_min(1e-8)
        return sums.surprise.sum() / target.numel() - dice[..., 1:].mean()


class OnPackedLogits(nn.Module):
    """A loss of nnU-Net's as it is, on float32 logits, each class in one piece of memory."""

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss of a batch, a scalar."""
        loss: Tensor = self.loss(packed(logits), target)
        return loss


def adapted(loss: nn.Module) -> nn.Module:
    """Return a loss of nnU-Net's so that it takes logits as a network gives them: the same numbers, sooner where possible.

    Regions, an ignore label and batch Dice over several processes stay with nnU-Net's own code.
    """
    known = isinstance(loss, DC_and_CE_loss) and isinstance(loss.dc, MemoryEfficientSoftDiceLoss)
    if not known or loss.ignore_label is not None or loss.dc.do_bg or (loss.dc.batch_dice and loss.dc.ddp):
        return OnPackedLogits(loss)
    if (loss.weight_ce, loss.weight_dice) != (1, 1):
        return OnPackedLogits(loss)
    return DiceAndCrossEntropy(batch=loss.dc.batch_dice, smooth=loss.dc.smooth)
