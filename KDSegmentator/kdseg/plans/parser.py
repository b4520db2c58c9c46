"""Parse ``plans.json`` and ``dataset.json`` once, at the border, into a :class:`~kdseg.plans.model.ModelPlan`.

``plans.json`` names Python classes to import. Nothing is imported here: every name is compared with a list of those whose
behaviour this runtime reproduces, and any other is refused by name.
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from kdseg.errors import BundleSchemaError, UnsupportedModelError
from kdseg.plans.model import (
    ArrayOrientation,
    ChannelNormalization,
    IntensityProperties,
    LabelSystem,
    ModelPlan,
    NormalizationScheme,
    Resampling,
)

READERS: Mapping[str, ArrayOrientation] = {
    "SimpleITKIO": ArrayOrientation.NATIVE,
    "NibabelIO": ArrayOrientation.NATIVE,
    "SimpleITKIOWithReorient": ArrayOrientation.RAS,
    "NibabelIOWithReorient": ArrayOrientation.RAS,
}
"""nnU-Net's readers of volumes and the orientation of the arrays they give."""

NETWORK_CLASSES = frozenset({"PlainConvUNet", "ResidualEncoderUNet"})
"""Networks that are supported, by the last part of their class name."""

Triple = Tuple[float, float, float]

_RESAMPLING_FUNCTION = "resample_data_or_seg_to_shape"


def parse_model_plan(
    plans: Mapping[str, Any], dataset: Mapping[str, Any], configuration: str, source: str = "plans.json"
) -> ModelPlan:
    """Read one configuration of a trained model.

    Parameters
    ----------
    plans, dataset
        ``plans.json`` and ``dataset.json`` as parsed JSON.
    configuration
        For example ``3d_fullres``.
    source
        File or bundle that is named in errors.

    Raises
    ------
    BundleSchemaError
        If a key is missing or has the wrong form.
    UnsupportedModelError
        If the model uses a part of nnU-Net that is not implemented here (a cascade, a custom class, another resampling).
    """
    reader = _Reader(source)
    config = _resolve_configuration(plans, configuration, reader)
    _refuse_unsupported(plans, config, configuration, reader)
    channel_names = _channel_names(dataset, reader)
    patch_size = tuple(reader.integers(config, "patch_size", minimum=1))
    spacing = tuple(reader.floats(config, "spacing"))
    if len(patch_size) not in (2, 3) or len(spacing) != len(patch_size):
        raise reader.error("patch_size and spacing", "2 or 3 values each, the same number", f"{patch_size} and {spacing}")
    forward = _permutation(plans, "transpose_forward", reader)
    backward = _permutation(plans, "transpose_backward", reader)
    if tuple(forward[i] for i in backward) != (0, 1, 2):
        raise reader.error("transpose_backward", f"the inverse of transpose_forward {forward}", str(backward))
    return ModelPlan(
        dataset_name=str(plans.get("dataset_name", dataset.get("name", "unknown"))),
        configuration=configuration,
        network_class=_network_class(config, reader),
        features_per_stage=_features(config, reader),
        channel_names=channel_names,
        patch_size=patch_size,
        spacing_mm=spacing,
        transpose_forward=forward,
        transpose_backward=backward,
        normalization=_normalization(plans, config, len(channel_names), reader),
        image_resampling=_resampling(config, "data", (1, 3), reader),
        logits_resampling=_resampling(config, "probabilities", (1,), reader),
        labels=parse_labels(dataset, source),
        orientation=_orientation(plans, reader),
        training_extent_mm=_training_extent(plans),
    )


def parse_labels(dataset: Mapping[str, Any], source: str = "dataset.json") -> LabelSystem:
    """Read ``labels`` and ``regions_class_order`` of ``dataset.json`` by the rules of nnU-Net's ``LabelManager``.

    Raises
    ------
    BundleSchemaError
        If background is not 0, labels are not consecutive, the ignore label is not the highest, or the order of regions does
        not fit them.
    """
    reader = _Reader(source)
    raw = reader.get(dataset, "labels", dict)
    if raw.get("background") != 0:
        raise reader.error("labels.background", "0", repr(raw.get("background")))
    ignore = raw.get("ignore")
    if ignore is not None and not _is_int(ignore):
        raise reader.error("labels.ignore", "an integer", repr(ignore))
    named: List[Tuple[str, Tuple[int, ...]]] = []
    for name, value in raw.items():
        if name == "ignore":
            continue
        values = tuple(value) if isinstance(value, list) else (value,)
        if not values or not all(_is_int(v) and v >= 0 for v in values):
            raise reader.error(f"labels.{name}", "an integer or a list of integers, none negative", repr(value))
        named.append((str(name), values))
    every = sorted({v for _, values in named for v in values})
    if ignore is not None and ignore != every[-1] + 1:
        raise reader.error("labels.ignore", f"{every[-1] + 1}, one above the highest label", str(ignore))
    foreground = tuple((name, values) for name, values in named if set(values) != {0})
    if not foreground:
        raise reader.error("labels", "at least one structure besides background", repr(raw))
    if not any(len(values) > 1 for _, values in foreground):
        if every != list(range(len(every))):
            raise reader.error("labels", "consecutive integers from 0", str(every))
        return LabelSystem(foreground, heads=len(every), ignore_label=ignore)
    order = dataset.get("regions_class_order")
    if not isinstance(order, list) or len(order) != len(foreground) or not all(_is_int(v) and v >= 0 for v in order):
        raise reader.error("regions_class_order", f"{len(foreground)} integers, one for each region", repr(order))
    return LabelSystem(foreground, heads=len(foreground), region_order=tuple(order), ignore_label=ignore)


def median_training_image(plans: Mapping[str, Any]) -> Optional[Tuple[Triple, Triple]]:
    """Return voxels and spacing in mm of the median training image, cropped to what is not 0, along the axes of the network.

    None where the plans do not tell: nothing needs them.
    """
    shape, spacing = (_three(plans.get(f"original_median_{name}_after_transp")) for name in ("shape", "spacing"))
    return None if shape is None or spacing is None else (shape, spacing)


def _three(values: Any) -> Optional[Triple]:
    """Return three numbers above 0, and none that no image has; else None."""
    if not isinstance(values, list) or len(values) != 3 or not all(_is_number(n) and 0 < n < 1e6 for n in values):
        return None
    return (float(values[0]), float(values[1]), float(values[2]))


def _training_extent(plans: Mapping[str, Any]) -> Optional[Triple]:
    """Return the edges of the median training image in mm, if the plans tell."""
    image = median_training_image(plans)
    if image is None:
        return None
    z, y, x = (n * mm for n, mm in zip(*image))
    return (z, y, x)


def resolve_configuration(plans: Mapping[str, Any], configuration: str, source: str = "plans.json") -> Dict[str, Any]:
    """Return one configuration of ``plans.json`` with everything that it inherits from others.

    Raises
    ------
    BundleSchemaError
        If a configuration is missing, or they inherit in a circle.
    """
    return _resolve_configuration(plans, configuration, _Reader(source))


class _Reader:
    """Typed access to parsed JSON with errors that name key and file."""

    def __init__(self, source: str) -> None:
        self.source = source

    def error(self, key: str, expected: str, found: str) -> BundleSchemaError:
        return BundleSchemaError(
            f"{key} is not usable.",
            expected=expected,
            found=found[:200],
            path=self.source,
            remedy="Use the plans.json and dataset.json that nnU-Net v2 wrote beside the trained model, unedited.",
        )

    def unsupported(self, what: str, expected: str) -> UnsupportedModelError:
        return UnsupportedModelError(
            f"The model uses {what}, which this runtime does not implement.",
            expected=expected,
            path=self.source,
            remedy="Run it with nnU-Net itself, or train a configuration that is supported.",
        )

    def get(self, mapping: Mapping[str, Any], key: str, kind: type) -> Any:
        value = mapping.get(key)
        if not isinstance(value, kind):
            raise self.error(key, f"a value of type {kind.__name__}", repr(value))
        return value

    def integers(self, mapping: Mapping[str, Any], key: str, minimum: int) -> List[int]:
        values = self.get(mapping, key, list)
        if not all(_is_int(v) and v >= minimum for v in values):
            raise self.error(key, f"integers of at least {minimum}", repr(values))
        return list(values)

    def floats(self, mapping: Mapping[str, Any], key: str) -> List[float]:
        values = self.get(mapping, key, list)
        if not all(_is_number(v) and v > 0 for v in values):
            raise self.error(key, "positive numbers", repr(values))
        return [float(v) for v in values]


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _resolve_configuration(plans: Mapping[str, Any], name: str, reader: _Reader) -> Dict[str, Any]:
    configurations = reader.get(plans, "configurations", dict)
    resolved: Dict[str, Any] = {}
    seen: List[str] = []
    current: Optional[str] = name
    while current is not None:
        if current not in configurations or current in seen:
            expected = "one of " + ", ".join(sorted(configurations)) + ", without a circle of inherits_from"
            raise reader.error(f"configuration {name}", expected, " → ".join([*seen, current]))
        seen.append(current)
        layer = reader.get(configurations, current, dict)
        resolved = {**layer, **resolved}
        current = layer.get("inherits_from")
    return resolved


def _refuse_unsupported(plans: Mapping[str, Any], config: Mapping[str, Any], name: str, reader: _Reader) -> None:
    if config.get("previous_stage") is not None:
        raise reader.unsupported(f"a cascade ({name} after {config['previous_stage']})", "3d_fullres, 3d_lowres or 2d")
    if config.get("preprocessor_name", "DefaultPreprocessor") != "DefaultPreprocessor":
        raise reader.unsupported(f"the preprocessor {config['preprocessor_name']}", "DefaultPreprocessor")
    if plans.get("label_manager", "LabelManager") != "LabelManager":
        raise reader.unsupported(f"the label manager {plans['label_manager']}", "LabelManager")


def _orientation(plans: Mapping[str, Any], reader: _Reader) -> ArrayOrientation:
    name = plans.get("image_reader_writer")
    if not isinstance(name, str) or name not in READERS:
        raise reader.unsupported(f"the image reader {name}", ", ".join(READERS))
    return READERS[name]


def _network_class(config: Mapping[str, Any], reader: _Reader) -> str:
    architecture = config.get("architecture")
    name = architecture.get("network_class_name") if isinstance(architecture, dict) else config.get("UNet_class_name")
    short = str(name).rsplit(".", maxsplit=1)[-1]
    if short not in NETWORK_CLASSES:
        raise reader.unsupported(f"the network {name}", ", ".join(sorted(NETWORK_CLASSES)))
    return short


def _features(config: Mapping[str, Any], reader: _Reader) -> Tuple[int, ...]:
    architecture = config.get("architecture")
    if isinstance(architecture, dict):
        arguments = reader.get(architecture, "arch_kwargs", dict)
        features = arguments.get("features_per_stage")
        if isinstance(features, list):
            return tuple(reader.integers(arguments, "features_per_stage", minimum=1))
        raise reader.error("features_per_stage", "a list of integers", repr(features))
    base: Any = config.get("UNet_base_num_features")  # plans before nnU-Net 2.5
    if not _is_int(base):
        raise reader.error("UNet_base_num_features", "an integer", repr(base))
    return (int(base),)


def _channel_names(dataset: Mapping[str, Any], reader: _Reader) -> Tuple[str, ...]:
    key = "modality" if "modality" in dataset else "channel_names"
    names = reader.get(dataset, key, dict)
    if not names:
        raise reader.error(key, "at least one channel", "none")
    return tuple(str(v) for v in names.values())


def _permutation(plans: Mapping[str, Any], key: str, reader: _Reader) -> Tuple[int, int, int]:
    values = reader.integers(plans, key, minimum=0)
    if sorted(values) != [0, 1, 2]:
        raise reader.error(key, "a permutation of 0, 1, 2", str(values))
    return values[0], values[1], values[2]


def _normalization(
    plans: Mapping[str, Any], config: Mapping[str, Any], channels: int, reader: _Reader
) -> Tuple[ChannelNormalization, ...]:
    names = reader.get(config, "normalization_schemes", list)
    masks = reader.get(config, "use_mask_for_norm", list)
    if len(names) != channels or len(masks) != channels or not all(isinstance(m, bool) for m in masks):
        raise reader.error("normalization_schemes and use_mask_for_norm", f"{channels} entries each", f"{names}, {masks}")
    return tuple(_channel_normalization(plans, i, n, m, reader) for i, (n, m) in enumerate(zip(names, masks)))


def _channel_normalization(
    plans: Mapping[str, Any], channel: int, name: str, use_mask: bool, reader: _Reader
) -> ChannelNormalization:
    try:
        scheme = NormalizationScheme(name)
    except ValueError:
        raise reader.unsupported(f"the normalisation {name}", ", ".join(s.value for s in NormalizationScheme)) from None
    if scheme is not NormalizationScheme.CT:
        return ChannelNormalization(scheme, use_mask)
    key = f"foreground_intensity_properties_per_channel.{channel}"
    per_channel = reader.get(plans, "foreground_intensity_properties_per_channel", dict)
    properties = per_channel.get(str(channel))
    wanted = ("mean", "std", "percentile_00_5", "percentile_99_5")
    if not isinstance(properties, dict) or not all(_is_number(properties.get(k)) for k in wanted):
        raise reader.error(key, "finite " + ", ".join(wanted), repr(properties))
    return ChannelNormalization(scheme, use_mask, IntensityProperties(*(float(properties[k]) for k in wanted)))


def _resampling(config: Mapping[str, Any], kind: str, orders: Sequence[int], reader: _Reader) -> Resampling:
    function = config.get(f"resampling_fn_{kind}")
    if function != _RESAMPLING_FUNCTION:
        raise reader.unsupported(f"the resampling {function} for {kind}", _RESAMPLING_FUNCTION)
    key = f"resampling_fn_{kind}_kwargs"
    arguments = dict(reader.get(config, key, dict))
    order, order_z = arguments.pop("order", 3), arguments.pop("order_z", 0)
    force, is_seg = arguments.pop("force_separate_z", False), arguments.pop("is_seg", False)
    if arguments or is_seg is not False or not (force is None or isinstance(force, bool)):
        raise reader.unsupported(f"{key} {dict(config[key])}", "is_seg false, order, order_z and force_separate_z")
    if order not in orders or order_z != 0:
        expected = f"order {' or '.join(map(str, orders))} and order_z 0"
        raise reader.unsupported(f"{key} with order {order} and order_z {order_z}", expected)
    return Resampling(order, order_z, force)
