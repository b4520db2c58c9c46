"""nnU-Net's pseudo Dice: Dice of all validation patches of an epoch taken together."""

from __future__ import annotations

from typing import Any, List, Tuple

import numpy as np
import torch
from nnunetv2.training.loss.dice import get_tp_fp_fn_tn

Counts = Tuple[np.ndarray, np.ndarray, np.ndarray]
"""True positives, false positives and false negatives, one number for each foreground class or region."""


def count_voxels(logits: torch.Tensor, target: torch.Tensor, label_manager: Any) -> Counts:
    """Count voxels of a batch, background left out.

    Parameters
    ----------
    logits
        (N, C, *spatial).
    target
        Label map (N, 1, *spatial), or for regions their maps (N, C, *spatial), with the map of the ignore label behind them.
    label_manager
        nnU-Net's; tells of regions and of the ignore label.

    Returns
    -------
    tuple
        Three float64 arrays.
    """
    mask = None
    if label_manager.has_regions:
        predicted = (torch.sigmoid(logits.float()) > 0.5).long()
        if label_manager.has_ignore_label:
            mask, target = 1 - target[:, -1:].float(), target[:, :-1]
    else:
        predicted = torch.zeros(logits.shape, device=logits.device, dtype=torch.float32)
        predicted.scatter_(1, logits.argmax(1, keepdim=True), 1)
        if label_manager.has_ignore_label:
            ignored = target == label_manager.ignore_label
            mask, target = (~ignored).float(), target.masked_fill(ignored, 0)
    axes = [0, *range(2, logits.ndim)]
    counts = get_tp_fp_fn_tn(predicted, target, axes=axes, mask=mask)[:3]
    first = 0 if label_manager.has_regions else 1
    tp, fp, fn = (count.double().cpu().numpy()[first:] for count in counts)
    return tp, fp, fn


def dice_of(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> List[float]:
    """Return 2 tp / (2 tp + fp + fn) for each class; NaN where neither has a voxel."""
    total = 2 * tp + fp + fn
    return [float(2 * t / n) if n > 0 else float("nan") for t, n in zip(tp, total, strict=True)]


def mean_dice(dice: List[float]) -> float:
    """Return the mean of the classes that occur; NaN if none does."""
    known = [value for value in dice if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
