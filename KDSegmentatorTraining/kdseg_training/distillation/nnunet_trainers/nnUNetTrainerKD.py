"""The file that nnU-Net finds when ``nnUNet_extTrainer`` names this folder; the trainer itself is in the package."""

from kdseg_training.distillation.training.trainer import nnUNetTrainerKD

__all__ = ["nnUNetTrainerKD"]
