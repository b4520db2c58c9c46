"""Parameters of a planned network, counted without allocating one of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Tuple

from kdseg.errors import BundleSchemaError, ConfigurationError
from kdseg.plans.parser import parse_labels, resolve_configuration
from kdseg_training.distillation.family.architecture import with_architectures
from kdseg_training.export.architecture import CLASSES, checked_architecture

if TYPE_CHECKING:
    import torch


def count_parameters(plans: Mapping[str, Any], configuration: str, channels: int, heads: int) -> int:
    """Count the parameters of a network exactly, the heads for deep supervision included, as nnU-Net stores them.

    Parameters
    ----------
    plans
        Of the teacher or of a student.
    configuration
        For example ``3d_fullres``.
    channels
        Input channels; for a cascade those of the previous stage as well (:func:`channels_and_heads`).
    heads
        Channels of the logits.

    Raises
    ------
    UnsupportedModelError
        If the architecture names a class or argument outside the allow-list.
    ConfigurationError
        If nnU-Net cannot build the network.
    """
    network = planned_network(plans, configuration, channels, heads, device="meta")
    return sum(parameter.numel() for parameter in network.parameters())


def planned_network(
    plans: Mapping[str, Any], configuration: str, channels: int, heads: int, *, device: str = "cpu"
) -> torch.nn.Module:
    """Build the planned network with nnU-Net's initial random weights; on the device ``meta`` nothing is allocated.

    Raises
    ------
    UnsupportedModelError, ConfigurationError
        As for :func:`count_parameters`.
    """
    import torch

    modern = with_architectures(plans)
    patch_size = resolve_configuration(modern, configuration).get("patch_size")
    if not isinstance(patch_size, list) or len(patch_size) not in (2, 3):
        raise BundleSchemaError(
            f"patch_size of {configuration} is not usable.", expected="2 or 3 numbers", found=repr(patch_size)
        )
    architecture = checked_architecture(modern, configuration, len(patch_size), Path("plans.json"))
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    try:
        with torch.device(device):
            network: torch.nn.Module = get_network_from_plans(
                architecture["network_class_name"],
                architecture["arch_kwargs"],
                list(CLASSES),
                channels,
                heads,
                allow_init=device != "meta",
                deep_supervision=False,
            )
    except (TypeError, ValueError, AssertionError, IndexError, KeyError, RuntimeError) as error:
        raise ConfigurationError("nnU-Net cannot build the planned network.", found=str(error)[:200]) from error
    return network.eval()


def channels_and_heads(plans: Mapping[str, Any], configuration: str, dataset: Mapping[str, Any]) -> Tuple[int, int]:
    """Return the input channels and the channels of the logits, as nnU-Net's trainer counts them.

    A configuration with a previous stage (a cascade) gets one further input channel for each foreground label.

    Raises
    ------
    BundleSchemaError
        If ``dataset.json`` lacks channels or labels.
    """
    labels = parse_labels(dataset)
    names = dataset["modality"] if "modality" in dataset else dataset.get("channel_names")
    if not isinstance(names, dict) or not names:
        raise BundleSchemaError("channel_names is not usable.", expected="at least one channel", found=repr(names)[:100])
    cascade = resolve_configuration(plans, configuration).get("previous_stage") is not None
    return len(names) + (len(labels.foreground_labels) if cascade else 0), labels.heads
