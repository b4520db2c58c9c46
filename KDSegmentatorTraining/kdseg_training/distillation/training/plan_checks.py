"""Check ``dataset.json`` and plans for what nnU-Net's trainer reads from them, before it does."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from kdseg.errors import TrainingDataError
from kdseg.plans.parser import NETWORK_CLASSES, resolve_configuration

_REMEDY = "Run nnUNetv2_plan_and_preprocess for this data set again, or put the key back."


def check_description(description: Mapping[str, Any], path: Path) -> None:
    """Check channels and labels of ``dataset.json``.

    Parameters
    ----------
    description
        Its content.
    path
        Named in errors.

    Raises
    ------
    TrainingDataError
        If channels or labels are missing, or nnU-Net cannot use the labels.
    """
    from nnunetv2.utilities.label_handling.label_handling import LabelManager

    channels = "modality" if "modality" in description else "channel_names"
    for key, expected in ((channels, '{"0": name of the first channel, …}'), ("labels", '{"background": 0, name: number, …}')):
        if not isinstance(description.get(key), dict) or not description[key]:
            raise _unusable(key, expected, description.get(key), path)
    try:
        LabelManager(dict(description["labels"]), description.get("regions_class_order"))
    except (AssertionError, KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        found = f"{type(error).__name__}: {error}" if str(error) else description["labels"]
        raise _unusable("labels", "labels by nnU-Net's rules, background 0", found, path) from error


def check_plans(plans: Mapping[str, Any], configuration: str, path: Path, *, batch_size: Optional[int] = None) -> None:
    """Check one configuration of the plans.

    Parameters
    ----------
    plans, configuration
        The content, and which configuration.
    path
        Named in errors.
    batch_size
        Of the run; None: the plans must have one.

    Raises
    ------
    TrainingDataError
        If a key is missing or has the wrong form, or the patch cannot be divided by the network's strides.
    BundleSchemaError
        If the configuration is missing.
    """
    for key in ("dataset_name", "plans_name"):
        _require(isinstance(plans.get(key), str) and plans[key], key, "a name", plans.get(key), path)
    config = resolve_configuration(plans, configuration, str(path))
    patch, spacing = config.get("patch_size"), config.get("spacing")
    _require(
        _are_positive_integers(patch) and len(patch or ()) in (2, 3), "patch_size", "2 or 3 positive integers", patch, path
    )
    sizes: Sequence[int] = patch or ()
    fits = isinstance(spacing, list) and len(spacing) == len(sizes)
    _require(fits, "spacing", f"{len(sizes)} numbers, as patch_size", spacing, path)
    name = config.get("data_identifier")
    plain = isinstance(name, str) and name not in ("", ".", "..") and Path(name).name == name
    _require(plain, "data_identifier", "name of the folder with the preprocessed cases", name, path)
    number = config.get("batch_size") if batch_size is None else batch_size
    _require(_are_positive_integers([number]), "batch_size", "a positive integer", number, path)
    for key in ("normalization_schemes", "use_mask_for_norm"):
        _require(isinstance(config.get(key), list), key, "a list with one entry for each channel", config.get(key), path)
    _require(isinstance(config.get("batch_dice"), bool), "batch_dice", "true or false", config.get("batch_dice"), path)
    _check_network(config, sizes, path)


def _check_network(config: Mapping[str, Any], patch: Sequence[int], path: Path) -> None:
    if isinstance(config.get("UNet_class_name"), str):  # plans before nnU-Net 2.5
        network, strides = config["UNet_class_name"], config.get("pool_op_kernel_sizes")
    else:
        architecture = config.get("architecture")
        _require(isinstance(architecture, dict), "architecture", "class and arguments of the network", architecture, path)
        described: Dict[str, Any] = dict(architecture or {})
        network, arguments = described.get("network_class_name"), described.get("arch_kwargs")
        _require(isinstance(network, str), "architecture.network_class_name", "a class", network, path)
        _require(isinstance(arguments, dict), "architecture.arch_kwargs", "arguments of the network", arguments, path)
        strides = dict(arguments or {}).get("strides")
    if str(network).rsplit(".", maxsplit=1)[-1] not in NETWORK_CLASSES:
        return  # nnU-Net may know what it needs
    _require(isinstance(strides, list) and bool(strides), "strides", "a list, one entry for each stage", strides, path)
    steps = [_one_per_axis(stride, len(patch)) for stride in strides or ()]
    _require(all(steps), "strides", f"{len(patch)} positive integers for each stage", strides, path)
    divisors = [math.prod(step[axis] for step in steps) for axis in range(len(patch))]
    if any(size % divisor for size, divisor in zip(patch, divisors, strict=True)):
        raise TrainingDataError(
            "The patch cannot be divided by the strides of the network, whose stages would not fit together.",
            expected=f"patch_size of multiples of {', '.join(map(str, divisors))}",
            found=f"patch_size {', '.join(map(str, patch))}",
            path=path,
            remedy="Correct patch_size, or plan the data set again.",
        )


def _one_per_axis(stride: Any, axes: int) -> List[int]:
    """Return a stage's strides, empty if they are not usable."""
    values = [stride] * axes if isinstance(stride, int) else stride
    return list(values) if _are_positive_integers(values) and len(values) == axes else []


def _are_positive_integers(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(v, int) and not isinstance(v, bool) and v > 0 for v in values)


def _require(condition: Any, key: str, expected: str, found: Any, path: Path) -> None:
    if not condition:
        raise _unusable(key, expected, found, path)


def _unusable(key: str, expected: str, found: Any, path: Path) -> TrainingDataError:
    what = "nothing" if found is None else found if isinstance(found, str) else repr(found)
    return TrainingDataError(f"{key} is not usable.", expected=expected, found=what[:200], path=path, remedy=_REMEDY)
