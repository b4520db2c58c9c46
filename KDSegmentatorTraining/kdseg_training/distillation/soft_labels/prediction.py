"""The teacher's logits for a whole preprocessed volume, by nnU-Net's own sliding window."""

from __future__ import annotations

import contextlib
import copy
import io
from typing import Any

import numpy as np
import torch

from kdseg.errors import TeacherError
from kdseg_training.distillation.teacher import Teacher


class WholeVolumes:
    """Runs nnU-Net's predictor with a teacher's networks; the teacher itself is left alone.

    Parameters
    ----------
    teacher
        Its folds are averaged and its mirroring axes mirrored as ``nnUNetv2_predict`` does it: logits are summed and divided
        in half precision.
    device
        Where to compute.
    tile_step
        Step of the window as a share of the patch.
    """

    def __init__(self, teacher: Teacher, device: torch.device, tile_step: float = 0.5) -> None:
        from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
        from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

        plans = PlansManager(copy.deepcopy(teacher.plans))
        configuration = plans.get_configuration(teacher.configuration)
        if configuration.previous_stage_name is not None:
            raise TeacherError(
                "Soft labels of a cascade are not supported.",
                expected="a configuration without a previous stage",
                found=teacher.configuration,
                path=teacher.source.folder,
                remedy="Remove teacher.soft_labels, or use a teacher of 3d_fullres.",
            )
        network: Any = copy.deepcopy(teacher.network)
        network.decoder.deep_supervision = False
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what a CPU cannot do
            self._predictor = nnUNetPredictor(
                tile_step_size=tile_step,
                use_gaussian=True,
                use_mirroring=teacher.mirroring_axes is not None,
                perform_everything_on_device=device.type == "cuda",
                device=device,
                verbose=False,
                allow_tqdm=False,
            )
        self._predictor.manual_initialization(
            network,
            plans,
            configuration,
            [copy.deepcopy(network.state_dict()) for network in teacher.networks],
            copy.deepcopy(teacher.dataset),
            teacher.source.trainer,
            teacher.mirroring_axes,
        )

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return logits (heads, z, y, x), float16, for a preprocessed image (channels, z, y, x), float32."""
        logits: torch.Tensor = self._predictor.predict_logits_from_preprocessed_data(torch.from_numpy(image))
        return np.asarray(logits.cpu().numpy())
