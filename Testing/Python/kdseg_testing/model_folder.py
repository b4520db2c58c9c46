"""Write small, genuine nnU-Net v2 model folders with random weights.

The networks are built by nnU-Net's own code from the very ``plans.json`` that is written, so stock ``nnUNetPredictor`` and
KDSegmentator's exporter read these folders as they read any other.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

LabelValue = Union[int, Sequence[int]]

_SMALLEST_BOTTLENECK = 4
"""An axis is no longer halved below this many voxels, as nnU-Net's planner does."""

_CT_INTENSITIES = {"mean": 40.0, "std": 120.0, "percentile_00_5": -300.0, "percentile_99_5": 500.0}


def write_model_folder(
    folder: Union[str, Path],
    *,
    network: str = "PlainConvUNet",
    configuration: str = "3d_fullres",
    features: Sequence[int] = (8, 16, 32),
    blocks: Optional[Sequence[int]] = None,
    patch_size: Sequence[int] = (16, 16, 16),
    spacing_mm: Sequence[float] = (1.0, 1.0, 1.0),
    channels: int = 1,
    normalization: Sequence[str] = ("ZScoreNormalization",),
    use_mask: Sequence[bool] = (False,),
    labels: Optional[Mapping[str, LabelValue]] = None,
    regions_class_order: Optional[Sequence[int]] = None,
    transpose_forward: Tuple[int, int, int] = (0, 1, 2),
    reader: str = "SimpleITKIO",
    intensity_properties: Optional[Mapping[str, float]] = None,
    mirroring_axes: Optional[Sequence[int]] = None,
    seed: int = 0,
    weights: Optional[Mapping[str, Any]] = None,
    fold: Union[int, str] = 0,
    plans_changes: Optional[Mapping[str, Any]] = None,
    configuration_changes: Optional[Mapping[str, Any]] = None,
    checkpoint_changes: Optional[Mapping[str, Any]] = None,
) -> Path:
    """Write ``plans.json``, ``dataset.json`` and ``fold_<fold>/checkpoint_final.pth``.

    Parameters
    ----------
    folder
        Created where it does not exist; a second call with another ``fold`` and the same arguments adds a fold.
    network
        ``PlainConvUNet`` or ``ResidualEncoderUNet``.
    configuration
        ``3d_fullres``, ``3d_lowres`` or ``2d``; for ``2d`` give two values for ``patch_size`` and ``spacing_mm``.
    features
        Channels of each resolution stage; an axis is halved at each stage while at least 4 voxels are left.
    blocks
        Convolutions (PlainConvUNet) or residual blocks (ResidualEncoderUNet) of each encoder stage; default two or one.
    patch_size, spacing_mm
        In the network's axis order, that is after ``transpose_forward``; spacing in mm.
    normalization, use_mask
        nnU-Net's class names and mask flags, one for each channel; a single one is repeated.
    labels
        As in ``dataset.json``, background included; default background, ``A`` and ``B``.
    intensity_properties
        Foreground intensities for every channel; default a soft-tissue CT.
    weights
        ``state_dict`` to store; default random weights drawn with ``seed``.
    plans_changes, configuration_changes, checkpoint_changes
        Keys laid over what is written, after the network was built.

    Returns
    -------
    Path
        The folder.
    """
    folder = Path(folder)
    dataset = _dataset(channels, labels or {"background": 0, "A": 1, "B": 2}, regions_class_order)
    config = _configuration(
        network, patch_size, spacing_mm, features, _repeat(normalization, channels), _repeat(use_mask, channels), blocks
    )
    plans = _plans(configuration, config, spacing_mm, transpose_forward, reader, channels, intensity_properties)
    state = dict(weights) if weights is not None else random_weights(plans, dataset, configuration, seed)
    config.update(configuration_changes or {})
    plans.update(plans_changes or {})
    checkpoint = {
        "network_weights": state,
        "trainer_name": "nnUNetTrainer",
        "init_args": {"configuration": configuration, "plans": plans, "dataset_json": dataset},
        "inference_allowed_mirroring_axes": None if mirroring_axes is None else tuple(mirroring_axes),
    }
    checkpoint.update(checkpoint_changes or {})
    _write(folder, plans, dataset, checkpoint, fold)
    return folder


def random_weights(plans: Mapping[str, Any], dataset: Mapping[str, Any], configuration: str, seed: int) -> Dict[str, Any]:
    """Return a ``state_dict`` of the planned network in which no parameter is left at a trivial value."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(plans, dataset, configuration)
        for name, parameter in network.named_parameters():
            if parameter.ndim == 1:
                centre = 1.0 if name.endswith("norm.weight") else 0.0
                torch.nn.init.normal_(parameter, mean=centre, std=0.2)
            elif "seg_layers" in name:
                torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    return dict(network.state_dict())


def build_network(plans: Mapping[str, Any], dataset: Mapping[str, Any], configuration: str) -> Any:
    """Build the network with nnU-Net's own code, with deep supervision as in training."""
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(dict(plans))
    config = manager.get_configuration(configuration)
    heads = manager.get_label_manager(dict(dataset)).num_segmentation_heads
    return get_network_from_plans(
        config.network_arch_class_name,
        config.network_arch_init_kwargs,
        config.network_arch_init_kwargs_req_import,
        len(dataset["channel_names"]),
        heads,
        deep_supervision=True,
    )


def _repeat(values: Sequence[Any], count: int) -> List[Any]:
    return list(values) * count if len(values) == 1 else list(values)


def _dataset(channels: int, labels: Mapping[str, LabelValue], regions_class_order: Optional[Sequence[int]]) -> Dict[str, Any]:
    dataset: Dict[str, Any] = {
        "channel_names": {str(i): f"channel {i}" for i in range(channels)},
        "labels": {name: value if isinstance(value, int) else list(value) for name, value in labels.items()},
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }
    if regions_class_order is not None:
        dataset["regions_class_order"] = list(regions_class_order)
    return dataset


def _strides(patch_size: Sequence[int], stages: int) -> List[List[int]]:
    strides = [[1] * len(patch_size)]
    sizes = list(patch_size)
    for _ in range(stages - 1):
        strides.append([2 if n >= 2 * _SMALLEST_BOTTLENECK else 1 for n in sizes])
        sizes = [n // s for n, s in zip(sizes, strides[-1])]
    return strides


def _architecture(
    network: str, patch_size: Sequence[int], features: Sequence[int], blocks: Optional[Sequence[int]]
) -> Dict[str, Any]:
    dimension, stages = len(patch_size), len(features)
    key = {"ResidualEncoderUNet": "n_blocks_per_stage", "PlainConvUNet": "n_conv_per_stage"}[network]
    default = [1] * stages if network == "ResidualEncoderUNet" else [2] * stages
    return {
        "network_class_name": f"dynamic_network_architectures.architectures.unet.{network}",
        "arch_kwargs": {
            "n_stages": stages,
            "features_per_stage": list(features),
            "conv_op": f"torch.nn.modules.conv.Conv{dimension}d",
            "kernel_sizes": [[3] * dimension] * stages,
            "strides": _strides(patch_size, stages),
            key: default if blocks is None else list(blocks),
            "n_conv_per_stage_decoder": [1] * (stages - 1),
            "conv_bias": True,
            "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dimension}d",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def _configuration(
    network: str,
    patch_size: Sequence[int],
    spacing_mm: Sequence[float],
    features: Sequence[int],
    normalization: List[str],
    use_mask: List[bool],
    blocks: Optional[Sequence[int]],
) -> Dict[str, Any]:
    def resampling(kind: str, order: int) -> Dict[str, Any]:
        arguments = {"is_seg": kind == "seg", "order": order, "order_z": 0, "force_separate_z": None}
        return {
            f"resampling_fn_{kind}": "resample_data_or_seg_to_shape",
            f"resampling_fn_{kind}_kwargs": arguments,
        }

    return {
        "data_identifier": "nnUNetPlans",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(patch_size),
        "median_image_size_in_voxels": list(patch_size),
        "spacing": list(spacing_mm),
        "normalization_schemes": normalization,
        "use_mask_for_norm": use_mask,
        **resampling("data", 3),
        **resampling("seg", 1),
        **resampling("probabilities", 1),
        "architecture": _architecture(network, patch_size, features, blocks),
        "batch_dice": False,
    }


def _plans(
    configuration: str,
    config: Dict[str, Any],
    spacing_mm: Sequence[float],
    transpose_forward: Sequence[int],
    reader: str,
    channels: int,
    intensity_properties: Optional[Mapping[str, float]],
) -> Dict[str, Any]:
    properties = {"min": -1000.0, "max": 3000.0, "median": 40.0, **_CT_INTENSITIES, **(intensity_properties or {})}
    spacing_3d = list(spacing_mm) if len(spacing_mm) == 3 else [float(max(spacing_mm)), *spacing_mm]
    return {
        "dataset_name": "Dataset999_Test",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": spacing_3d,
        "original_median_shape_after_transp": [32, 32, 32],
        "image_reader_writer": reader,
        "transpose_forward": list(transpose_forward),
        "transpose_backward": [list(transpose_forward).index(i) for i in range(3)],
        "configurations": {configuration: config},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {str(i): properties for i in range(channels)},
    }


def _write(
    folder: Path, plans: Mapping[str, Any], dataset: Mapping[str, Any], checkpoint: Mapping[str, Any], fold: Union[int, str]
) -> None:
    import torch

    fold_folder = folder / f"fold_{fold}"
    fold_folder.mkdir(parents=True, exist_ok=True)
    (folder / "plans.json").write_text(json.dumps(plans, indent=4), encoding="utf-8")
    (folder / "dataset.json").write_text(json.dumps(dataset, indent=4), encoding="utf-8")
    torch.save(dict(checkpoint), fold_folder / "checkpoint_final.pth")
