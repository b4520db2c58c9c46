"""Architectures in ``plans.json``: which configurations have one, and those of nnU-Net before 2.5 in today's form."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Dict, List, Mapping

from kdseg.errors import BundleSchemaError, UnsupportedModelError
from kdseg.plans.parser import resolve_configuration

_MODULE = "dynamic_network_architectures.architectures.unet"
_OLD_CLASS = "UNet_class_name"
_OLD_KEYS = (
    _OLD_CLASS,
    "UNet_base_num_features",
    "unet_max_num_features",
    "n_conv_per_stage_encoder",
    "n_conv_per_stage_decoder",
    "num_pool_per_axis",
    "pool_op_kernel_sizes",
    "conv_kernel_sizes",
)
_BLOCKS = {"PlainConvUNet": "n_conv_per_stage", "ResidualEncoderUNet": "n_blocks_per_stage"}


def network_configurations(plans: Mapping[str, Any], source: str = "plans.json") -> List[str]:
    """Return the names of the configurations that describe a network, their own or an inherited one.

    Raises
    ------
    BundleSchemaError
        If there are no configurations, or they inherit in a circle.
    """
    configurations = plans.get("configurations")
    if not isinstance(configurations, dict):
        raise BundleSchemaError(
            "configurations is not usable.", expected="an object", found=type(configurations).__name__, path=source
        )
    resolved = {name: resolve_configuration(plans, name, source) for name in configurations}
    return [name for name, config in resolved.items() if isinstance(config.get("architecture"), dict) or _OLD_CLASS in config]


def with_architectures(plans: Mapping[str, Any], source: str = "plans.json") -> Dict[str, Any]:
    """Return a copy of the plans in which every network is described by an ``architecture``, as nnU-Net has done since 2.5.

    Older plans say ``UNet_class_name``, ``UNet_base_num_features`` and so on; nnU-Net still reads them by the same rules.

    Raises
    ------
    BundleSchemaError
        If a key of an older plan is missing or has the wrong form.
    UnsupportedModelError
        If an older plan names another network than PlainConvUNet or ResidualEncoderUNet.
    """
    result: Dict[str, Any] = deepcopy(dict(plans))
    for name in network_configurations(plans, source):
        layer, resolved = plans["configurations"][name], resolve_configuration(plans, name, source)
        own = [key for key in _OLD_KEYS if key in layer]
        if own and "architecture" not in resolved:
            result["configurations"][name]["architecture"] = _from_old_keys(resolved, name, source)
        for key in own:
            del result["configurations"][name][key]
    return result


def _from_old_keys(config: Mapping[str, Any], name: str, source: str) -> Dict[str, Any]:
    network = config[_OLD_CLASS]
    if network not in _BLOCKS:
        raise UnsupportedModelError(
            f"The model uses the network {network}, which is not supported.", expected=", ".join(_BLOCKS), path=source
        )
    try:
        dimension = len(config["patch_size"])
        blocks = list(config["n_conv_per_stage_encoder"])
        base, largest = int(config["UNet_base_num_features"]), int(config["unet_max_num_features"])
        arguments: Dict[str, Any] = {
            "n_stages": len(blocks),
            "features_per_stage": [min(base * 2**stage, largest) for stage in range(len(blocks))],
            "conv_op": f"torch.nn.modules.conv.Conv{dimension}d",
            "kernel_sizes": deepcopy(config["conv_kernel_sizes"]),
            "strides": deepcopy(config["pool_op_kernel_sizes"]),
            _BLOCKS[network]: blocks,
            "n_conv_per_stage_decoder": list(config["n_conv_per_stage_decoder"]),
        }
    except (KeyError, TypeError, ValueError) as error:
        found = f"{type(error).__name__}: {error}"
        raise BundleSchemaError(
            f"The network of {name} is not described completely.", expected=", ".join(_OLD_KEYS), found=found, path=source
        ) from error
    arguments.update(
        conv_bias=True,
        norm_op=f"torch.nn.modules.instancenorm.InstanceNorm{dimension}d",
        norm_op_kwargs={"eps": 1e-05, "affine": True},
        dropout_op=None,
        dropout_op_kwargs=None,
        nonlin="torch.nn.LeakyReLU",
        nonlin_kwargs={"inplace": True},
    )
    return {
        "network_class_name": f"{_MODULE}.{network}",
        "arch_kwargs": arguments,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
