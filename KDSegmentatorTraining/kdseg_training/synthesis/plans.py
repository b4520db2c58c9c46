"""Plans with a chosen network: nnU-Net's own, with patch, width and batch size replaced."""

from __future__ import annotations

import copy
from typing import Any, Dict, List, Mapping

from kdseg.errors import TrainingDataError
from kdseg_training.synthesis.config import NetworkSettings

CONFIGURATION = "3d_fullres"
"""The one configuration of the plans."""

KERNEL = [3, 3, 3]
"""Of every convolution: voxels are cubes."""

SPACING_TOLERANCE = 1e-3
"""Largest relative difference between wanted and planned spacing."""


def recipe_plans(planned: Mapping[str, Any], name: str, network: NetworkSettings, spacing_mm: float) -> Dict[str, Any]:
    """Return plans with this network, preprocessing untouched.

    Parameters
    ----------
    planned
        Plans that nnU-Net's planner for residual encoders made.
    name
        Of the new plans.
    network
        See there.
    spacing_mm
        What the planner must have chosen.

    Raises
    ------
    TrainingDataError
        If it chose another spacing or network.
    """
    stock = planned["configurations"][CONFIGURATION]
    architecture = copy.deepcopy(stock["architecture"])
    if not str(architecture["network_class_name"]).endswith("ResidualEncoderUNet"):
        raise _unexpected("network", "ResidualEncoderUNet", str(architecture["network_class_name"]))
    if any(abs(mm - spacing_mm) > SPACING_TOLERANCE * spacing_mm for mm in stock["spacing"]):
        raise _unexpected("spacing", f"{spacing_mm} mm in all axes", str(stock["spacing"]))
    stages = len(network.features)
    architecture["arch_kwargs"].update(
        n_stages=stages,
        features_per_stage=list(network.features),
        kernel_sizes=[KERNEL] * stages,
        strides=strides(stages),
        n_blocks_per_stage=list(network.blocks),
        n_conv_per_stage_decoder=[1] * (stages - 1),
    )
    configuration = {
        **copy.deepcopy(stock),
        "patch_size": list(network.patch_size),
        "batch_size": network.batch_size,
        "batch_dice": False,
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False],
        "architecture": architecture,
    }
    return {**copy.deepcopy(dict(planned)), "plans_name": name, "configurations": {CONFIGURATION: configuration}}


def planned_network(plans: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the plans' network under the keys of :class:`NetworkSettings`; None for what the plans do not say."""
    configuration = plans.get("configurations", {}).get(CONFIGURATION, {})
    arguments = configuration.get("architecture", {}).get("arch_kwargs", {})
    return {
        "patch_size": configuration.get("patch_size"),
        "batch_size": configuration.get("batch_size"),
        "features": arguments.get("features_per_stage"),
        "blocks": arguments.get("n_blocks_per_stage"),
    }


def strides(stages: int) -> List[List[int]]:
    """Return the stride of each stage: every stage after the first halves the resolution."""
    return [[1, 1, 1], *([2, 2, 2] for _ in range(stages - 1))]


def _unexpected(what: str, expected: str, found: str) -> TrainingDataError:
    return TrainingDataError(f"nnU-Net planned another {what} than the recipe needs.", expected=expected, found=found)
