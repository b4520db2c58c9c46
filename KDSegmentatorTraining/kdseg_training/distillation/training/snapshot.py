"""What a checkpoint holds, taken from a trainer and put back into it."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List

import torch

from kdseg.errors import ResumeError
from kdseg_training.distillation.config import digest, with_defaults
from kdseg_training.distillation.training import checkpoints
from kdseg_training.distillation.training.history import EpochRecord, Tally

if TYPE_CHECKING:
    from kdseg_training.distillation.training.trainer import nnUNetTrainerKD

LATER = ("cases",)
"""Settings that the first checkpoints do not tell."""

EMA_OF_DICE = 0.9
"""Share of the earlier epochs in nnU-Net's smoothed pseudo Dice."""


def take(trainer: nnUNetTrainerKD, tally: Tally, *, final: bool) -> Dict[str, Any]:
    """Return the content of a checkpoint.

    The outer keys are nnU-Net's; the network's weights among them are the averaged ones in a final checkpoint, if there is an
    average. Adapters stand apart under :data:`checkpoints.OWN_KEY`. There is no state of a random generator: all that is random
    follows from the seed and the step. ``tally`` is that of the unfinished epoch, losses averaged over all processes.
    """
    weights = trainer.network.state_dict()
    if final and trainer.average is not None:
        weights = trainer.average.weights()
    logging = nnunet_logging(trainer.history)
    return {
        "network_weights": {name: tensor.detach().contiguous() for name, tensor in weights.items()},
        "optimizer_state": trainer.optimizer.state_dict(),
        "grad_scaler_state": None if trainer.grad_scaler is None else trainer.grad_scaler.state_dict(),
        "logging": logging,
        "_best_ema": max(logging["ema_fg_dice"], default=None),
        "current_epoch": trainer.step // trainer.num_iterations_per_epoch,
        "init_args": trainer.my_init_kwargs,
        "trainer_name": trainer.settings.config.final_trainer_name if final else type(trainer).__name__,
        "inference_allowed_mirroring_axes": trainer.inference_allowed_mirroring_axes,
        checkpoints.OWN_KEY: {
            "format": checkpoints.FORMAT,
            "settings": settings_of(trainer),
            "step": trainer.step,
            "steps": trainer.steps,
            "adapters": {} if trainer.distillation is None else trainer.distillation.state_dict(),
            "average": None if trainer.average is None else trainer.average.state(),
            "tally": asdict(tally),
            "history": [record.as_dict() for record in trainer.history],
            "random": {"seed": trainer.settings.config.seed, "step": trainer.step},
            "time": time.time(),
        },
    }


def restore(trainer: nnUNetTrainerKD, path: Path) -> None:
    """Put a checkpoint back.

    Raises
    ------
    ResumeError
        If it is damaged, or of a run with other settings; these are named.
    """
    content = checkpoints.load(path)
    own = content[checkpoints.OWN_KEY]
    try:
        require_same_settings(own["settings"], settings_of(trainer), path)
        trainer.network.load_state_dict(content["network_weights"], strict=True)
        if trainer.distillation is not None:
            trainer.distillation.load_state_dict(own["adapters"], strict=True)
        if trainer.average is not None:
            trainer.average.restore(own["average"])
        trainer.optimizer.load_state_dict(content["optimizer_state"])
        if trainer.grad_scaler is not None:
            trainer.grad_scaler.load_state_dict(content["grad_scaler_state"])
        trainer.history = [EpochRecord.from_dict(record) for record in own["history"]]
        trainer.tally = Tally(**own["tally"])
        trainer.step = int(own["step"])
        trainer.current_epoch = trainer.step // trainer.num_iterations_per_epoch
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise ResumeError(
            "The checkpoint does not fit this run.",
            expected="a checkpoint of the same network and losses",
            found=" ".join(f"{type(error).__name__}: {error}".split())[:300],
            path=path,
            remedy="Start again with --restart; the earlier run is moved aside, not deleted.",
        ) from error


def require_same_settings(stored: Dict[str, Any], wanted: Dict[str, Any], path: Path) -> None:
    """Raise :class:`ResumeError` with every setting that differs; ``path`` is the checkpoint with the stored ones."""
    told = {key: value for key, value in wanted.items() if key in stored or key not in LATER}
    differences = checkpoints.differences(with_defaults(stored), with_defaults(told))
    if differences:
        raise ResumeError(
            "The checkpoint is of a run with other settings.",
            expected="the same settings in the file",
            found="; ".join(differences)[:600],
            path=path,
            remedy="Put the settings back (left of each arrow), or start again with --restart.",
        )


def settings_of(trainer: nnUNetTrainerKD) -> Dict[str, Any]:
    """Return all that decides the numbers of a run, resolved: what ``auto`` became, and the digest of the plans."""
    plans = {
        "configuration": trainer.configuration_manager.configuration,
        "dataset": trainer.dataset_json["labels"],
    }
    return {
        **trainer.told,
        "dataset": trainer.plans_manager.dataset_name,
        "precision": trainer.precision.name,
        "device_type": trainer.device.type,
        "batch_size": trainer.batch_size,
        "plans": digest(plans),
        "cases": trainer.cases,
    }


def nnunet_logging(history: List[EpochRecord]) -> Dict[str, List[Any]]:
    """Return the history as nnU-Net's own logger keeps it."""
    logging: Dict[str, List[Any]] = {
        "mean_fg_dice": [record.mean_pseudo_dice for record in history],
        "ema_fg_dice": [],
        "dice_per_class_or_region": [list(record.pseudo_dice.values()) for record in history],
        "train_losses": [record.losses.get("total", 0.0) for record in history],
        "val_losses": [record.validation_loss for record in history],
        "lrs": [record.learning_rate for record in history],
        "epoch_start_timestamps": [],
        "epoch_end_timestamps": [],
    }
    now = 0.0
    for record in history:
        before = logging["ema_fg_dice"]
        dice = record.mean_pseudo_dice
        before.append(EMA_OF_DICE * before[-1] + (1 - EMA_OF_DICE) * dice if before else dice)
        logging["epoch_start_timestamps"].append(now)
        now += record.seconds.get("epoch", 0.0)
        logging["epoch_end_timestamps"].append(now)
    return logging


def weights_on_cpu(path: Path) -> Dict[str, torch.Tensor]:
    """Return the network's weights of a checkpoint."""
    weights: Dict[str, torch.Tensor] = checkpoints.load(path)["network_weights"]
    return weights
