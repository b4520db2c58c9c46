"""Build the planned network, after every class that ``plans.json`` names went through an allow-list.

nnU-Net imports whatever dotted name the file holds. Here only the names below ever reach it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, FrozenSet, Mapping, Tuple

from kdseg.errors import ExportError, UnsupportedModelError
from kdseg.plans.model import ModelPlan
from kdseg.plans.parser import resolve_configuration

if TYPE_CHECKING:
    import torch

NETWORKS: FrozenSet[str] = frozenset(
    f"dynamic_network_architectures.architectures.unet.{name}" for name in ("PlainConvUNet", "ResidualEncoderUNet")
)


def _torch_names(module: str, *names: str) -> FrozenSet[str]:
    return frozenset(f"{prefix}.{name}" for prefix in ("torch.nn", f"torch.nn.modules.{module}") for name in names)


CLASSES: Mapping[str, FrozenSet[str]] = {
    "conv_op": _torch_names("conv", "Conv2d", "Conv3d"),
    "norm_op": _torch_names("instancenorm", "InstanceNorm2d", "InstanceNorm3d")
    | _torch_names("batchnorm", "BatchNorm2d", "BatchNorm3d"),
    "dropout_op": _torch_names("dropout", "Dropout2d", "Dropout3d"),
    "nonlin": _torch_names("activation", "LeakyReLU", "ReLU"),
}
"""Argument of the network → the classes it may name; None is allowed for ``norm_op`` and ``dropout_op``."""

_KEYWORDS: Mapping[str, FrozenSet[str]] = {
    "norm_op_kwargs": frozenset({"eps", "affine", "momentum", "track_running_stats"}),
    "dropout_op_kwargs": frozenset({"p", "inplace"}),
    "nonlin_kwargs": frozenset({"inplace", "negative_slope"}),
}
_SIZES = frozenset(
    {
        "n_stages",
        "features_per_stage",
        "kernel_sizes",
        "strides",
        "n_conv_per_stage",
        "n_blocks_per_stage",
        "n_conv_per_stage_decoder",
        "stem_channels",
    }
)
_FLAGS = frozenset({"conv_bias", "nonlin_first"})

LARGEST_SIZE = 4096
"""No number of features, blocks or voxels in an architecture is above this."""


def build_network(plans: Mapping[str, Any], plan: ModelPlan, source: Path) -> torch.nn.Module:
    """Build the network of one configuration, without deep supervision and ready for inference.

    Parameters
    ----------
    plans
        ``plans.json``.
    plan
        The configuration, as parsed from it.
    source
        Named in errors.

    Raises
    ------
    UnsupportedModelError
        If the architecture names a class or argument outside the allow-list.
    ExportError
        If nnU-Net cannot build it.
    """
    architecture = checked_architecture(plans, plan.configuration, len(plan.patch_size), source)
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    try:
        network: torch.nn.Module = get_network_from_plans(
            architecture["network_class_name"],
            architecture["arch_kwargs"],
            list(CLASSES),
            len(plan.channel_names),
            plan.labels.heads,
            allow_init=False,
            deep_supervision=False,
        )
    except (TypeError, ValueError, AssertionError, IndexError, KeyError, RuntimeError) as error:
        raise ExportError("nnU-Net cannot build the planned network.", found=str(error)[:200], path=source) from error
    return network.eval()


def axis_strides(plans: Mapping[str, Any], plan: ModelPlan) -> Tuple[int, ...]:
    """Return by how much the network shrinks each spatial axis down to its bottleneck."""
    strides = resolve_configuration(plans, plan.configuration)["architecture"]["arch_kwargs"]["strides"]
    total = [1] * len(plan.patch_size)
    for stage in strides:
        per_axis = stage if isinstance(stage, list) else [stage] * len(total)
        total = [t * int(s) for t, s in zip(total, per_axis, strict=True)]
    return tuple(total)


def checked_architecture(plans: Mapping[str, Any], configuration: str, dimension: int, source: Path) -> Dict[str, Any]:
    """Return the ``architecture`` of a configuration, in which every name and argument went through the allow-list.

    Parameters
    ----------
    plans
        ``plans.json``.
    configuration
        For example ``3d_fullres``; inheritance is resolved.
    dimension
        Spatial axes of the network, 2 or 3.
    source
        Named in errors.

    Raises
    ------
    UnsupportedModelError
        If the architecture names a class or argument outside the allow-list.
    """
    architecture = resolve_configuration(plans, configuration).get("architecture")
    if not isinstance(architecture, dict):
        raise _unsupported("plans of nnU-Net before 2.5, without an architecture", "architecture in plans.json", source)
    network, arguments = architecture.get("network_class_name"), architecture.get("arch_kwargs")
    if network not in NETWORKS:
        raise _unsupported(f"the network {network}", ", ".join(sorted(NETWORKS)), source)
    imported = architecture.get("_kw_requires_import")
    if not isinstance(arguments, dict) or not isinstance(imported, list) or not set(imported) <= set(CLASSES):
        raise _unsupported(f"imports for {imported}", ", ".join(CLASSES), source)
    for key, value in arguments.items():
        _check_argument(key, value, dimension, source)
    missing = sorted(set(CLASSES) - set(arguments))
    if missing:
        raise _unsupported(f"an architecture without {', '.join(missing)}", ", ".join(CLASSES), source)
    return architecture


def _check_argument(key: str, value: Any, dimension: int, source: Path) -> None:
    if key in CLASSES:
        optional = value is None and key in ("norm_op", "dropout_op")
        allowed = {name for name in CLASSES[key] if name.endswith(f"{dimension}d") or key == "nonlin"}
        acceptable, expected = optional or value in allowed, ", ".join(sorted(allowed))
    elif key in _KEYWORDS:
        acceptable = value is None or (
            isinstance(value, dict) and set(value) <= _KEYWORDS[key] and all(_is_plain(v) for v in value.values())
        )
        expected = ", ".join(sorted(_KEYWORDS[key]))
    elif key in _SIZES:
        acceptable, expected = _is_size(value, depth=2), f"numbers from 1 to {LARGEST_SIZE}"
    elif key in _FLAGS:
        acceptable, expected = isinstance(value, bool), "true or false"
    else:
        acceptable, expected = False, "no such argument"
    if not acceptable:
        raise _unsupported(f"{key} = {value!r}", expected, source)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float))


def _is_size(value: Any, depth: int) -> bool:
    if isinstance(value, list):
        return depth > 0 and 0 < len(value) <= 64 and all(_is_size(v, depth - 1) for v in value)
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_SIZE


def _unsupported(what: str, expected: str, source: Path) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"The architecture uses {what[:200]}, which is not supported.",
        expected=expected,
        path=source,
        remedy="Export a PlainConvUNet or ResidualEncoderUNet as nnU-Net v2 plans them.",
    )
