"""Plans of a student: the teacher's, with every stage's channels divided."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any, Dict, List, Mapping, Optional, Sequence

from kdseg.errors import BundleSchemaError, ConfigurationError, UnsupportedModelError
from kdseg.plans.parser import NETWORK_CLASSES, resolve_configuration
from kdseg_training.distillation.family.architecture import network_configurations, with_architectures

FLOOR = 4
"""No stage gets narrower than this by default, in channels.

The public code of the paper on logit distillation (arXiv 2601.09191) stops at 8; a digest of the one on feature distillation
(arXiv 2601.08301) says 4. For nnU-Net's default widths (32 and up) and the factors 2, 4 and 8 both give the same students but
for 4 instead of 8 channels in the first stage at 8.
"""

_WIDTHS = ("features_per_stage", "stem_channels")


def derive_plans(
    plans: Mapping[str, Any],
    *,
    factor: float,
    floor: int = FLOOR,
    configuration: Optional[str] = None,
    name: Optional[str] = None,
) -> Dict[str, Any]:
    """Return the plans of a student: channels divided by ``factor``, everything else as in the teacher's.

    Topology, kernels, strides, patch, spacing, normalisation and batch size stay, and ``data_identifier`` too, so the student
    trains on the data that were preprocessed for the teacher.

    Parameters
    ----------
    plans
        The teacher's ``plans.json``, of any nnU-Net v2; not changed.
    factor
        At least 1; widths are rounded to whole channels.
    floor
        Least channels of a stage; a stage that is narrower in the teacher keeps its width. See :data:`FLOOR`.
    configuration
        The only one to narrow, for example ``3d_fullres``, with those that inherit its network; None: all of them.
    name
        ``plans_name`` of the result; default :func:`student_plans_name`.

    Raises
    ------
    ConfigurationError
        If factor, floor or configuration are not usable.
    BundleSchemaError
        If the plans are damaged.
    UnsupportedModelError
        If a network is neither PlainConvUNet nor ResidualEncoderUNet.
    """
    check_factor(factor)
    if isinstance(floor, bool) or not isinstance(floor, int) or floor < 1:
        raise ConfigurationError(
            "The floor is not usable.", expected="a whole number of channels, at least 1", found=str(floor)
        )
    modern = with_architectures(plans)
    available = network_configurations(modern)
    if not available or (configuration is not None and configuration not in available):
        found = "none" if configuration is None else configuration
        raise ConfigurationError(
            "The plans have no such network.", expected=", ".join(available) or "a network configuration", found=found
        )
    chosen = available if configuration is None else [configuration]
    result = deepcopy(modern)
    for key in chosen:
        layer = result["configurations"][key]
        if configuration is not None or "architecture" in layer:
            architecture = deepcopy(resolve_configuration(modern, key)["architecture"])
            layer["architecture"] = _narrowed(architecture, factor, floor, key)
    result["plans_name"] = student_plans_name(plans, factor) if name is None else _checked_name(name)
    return result


def student_plans_name(plans: Mapping[str, Any], factor: float) -> str:
    """Return for example ``nnUNetPlans_x4``, or ``nnUNetPlans_x2p5`` for the factor 2.5."""
    return f"{_checked_name(plans.get('plans_name', 'nnUNetPlans'))}_x{factor:.6g}".replace(".", "p")


def narrowed_features(features: Sequence[int], factor: float, floor: int) -> List[int]:
    """Divide channels, round to whole ones (halves up), and stop at the floor, never above the teacher's width."""
    return [min(n, max(floor, math.floor(n / factor + 0.5))) for n in features]


def check_factor(factor: float) -> None:
    """Raise :class:`ConfigurationError` unless the factor is a finite number of at least 1."""
    if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not math.isfinite(factor) or factor < 1:
        raise ConfigurationError(
            "The factor is not usable.", expected="a number of at least 1, for example 4", found=str(factor)
        )


def _narrowed(architecture: Dict[str, Any], factor: float, floor: int, configuration: str) -> Dict[str, Any]:
    network = str(architecture.get("network_class_name"))
    if network.rsplit(".", maxsplit=1)[-1] not in NETWORK_CLASSES:
        raise UnsupportedModelError(
            f"The configuration {configuration} uses the network {network}, which is not supported.",
            expected=", ".join(sorted(NETWORK_CLASSES)),
            remedy="Name the configuration to derive, if only another one is wanted.",
        )
    arguments = architecture.get("arch_kwargs")
    if not isinstance(arguments, dict) or "features_per_stage" not in arguments:
        raise BundleSchemaError(f"The network of {configuration} has no features_per_stage.", expected="a list of integers")
    for key in _WIDTHS:
        value = arguments.get(key)
        if value is None and key != "features_per_stage":
            continue
        widths: List[Any] = value if isinstance(value, list) else [value]
        if not widths or not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in widths):
            raise BundleSchemaError(f"{key} of {configuration} is not usable.", expected="positive integers", found=repr(value))
        narrowed = narrowed_features(widths, factor, floor)
        arguments[key] = narrowed if isinstance(value, list) else narrowed[0]
    return architecture


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name or "__" in name or any(c in name for c in "/\\:\0") or name.startswith("."):
        raise ConfigurationError(
            "The name of the plans is not usable.",
            expected="a plain file name without __, which nnU-Net uses to separate trainer, plans and configuration",
            found=repr(name)[:100],
        )
    return name
