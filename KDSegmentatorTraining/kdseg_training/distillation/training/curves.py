"""Curves of a training as a PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from kdseg.atomic import atomic_path
from kdseg_training.distillation.training.history import EpochRecord


def draw_curves(path: Path, title: str, records: Sequence[EpochRecord]) -> None:
    """Draw losses, pseudo Dice and learning rate over the epochs, atomically."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    epochs = [record.epoch + 1 for record in records]
    figure = Figure(figsize=(8, 9), layout="constrained")
    losses, dice, rate = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1))
    names = dict.fromkeys(name for record in records for name in record.losses)
    for name in names:
        losses.plot(epochs, [record.losses.get(name, float("nan")) for record in records], label=name)
    losses.plot(epochs, [record.validation_loss for record in records], label="validation", color="black", linestyle="--")
    losses.set_ylabel("loss")
    for name in records[0].pseudo_dice if records else ():
        dice.plot(epochs, [record.pseudo_dice[name] for record in records], label=name, linewidth=0.8)
    dice.plot(epochs, [record.mean_pseudo_dice for record in records], label="mean", color="black")
    dice.set_ylabel("pseudo Dice")
    rate.plot(epochs, [record.learning_rate for record in records])
    rate.set_ylabel("learning rate")
    rate.set_xlabel("epoch")
    figure.suptitle(title)
    for axes in (losses, dice):
        axes.grid(alpha=0.3)
        if len(axes.get_lines()) <= 12:
            axes.legend(fontsize="small")
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_png(str(temporary))  # type: ignore[no-untyped-call]
