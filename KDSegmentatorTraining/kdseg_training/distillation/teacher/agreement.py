"""Teacher and student must see the same input and answer the same question; what differs is named, all of it at once."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, Optional, Tuple

from kdseg.errors import AgreementError
from kdseg.plans.parser import resolve_configuration
from kdseg_training.distillation.family.architecture import with_architectures

_CONFIGURATION_KEYS = {
    "patch_size": "patch size",
    "spacing": "spacing in mm",
    "normalization_schemes": "normalisation",
    "use_mask_for_norm": "normalisation inside the mask",
    "preprocessor_name": "preprocessor",
    "resampling_fn_data": "resampling of images",
    "resampling_fn_data_kwargs": "resampling of images, arguments",
    "resampling_fn_seg": "resampling of labels",
    "resampling_fn_seg_kwargs": "resampling of labels, arguments",
    "resampling_fn_probabilities": "resampling of logits",
    "resampling_fn_probabilities_kwargs": "resampling of logits, arguments",
    "previous_stage": "previous stage of the cascade",
}
_ARCHITECTURE_KEYS = {"n_stages": "number of stages", "strides": "strides", "kernel_sizes": "kernel sizes"}
_PLANS_KEYS = {
    "transpose_forward": "transpose",
    "transpose_backward": "transpose back",
    "image_reader_writer": "reader of images",
    "label_manager": "label manager",
}
_DEFAULTS = {"preprocessor_name": "DefaultPreprocessor", "label_manager": "LabelManager"}
_INTENSITIES = ("mean", "std", "percentile_00_5", "percentile_99_5")
_TOLERANCE = 1e-6
"""Relative difference of numbers that is still the same; JSON keeps more digits than that."""


def check_agreement(
    teacher_plans: Mapping[str, Any],
    student_plans: Mapping[str, Any],
    configuration: str,
    *,
    teacher_dataset: Mapping[str, Any],
    student_dataset: Mapping[str, Any],
    student_configuration: Optional[str] = None,
) -> None:
    """Check that a student sees the same patches as its teacher and gives logits for the same classes.

    Widths and blocks for each stage may differ, and so may batch size and everything else that only training uses.

    Parameters
    ----------
    teacher_plans, student_plans
        ``plans.json`` of both.
    configuration
        The teacher's, for example ``3d_fullres``.
    teacher_dataset, student_dataset
        ``dataset.json`` of both.
    student_configuration
        The student's; default the same name.

    Raises
    ------
    AgreementError
        Naming every difference with both values.
    BundleSchemaError
        If a configuration is missing, or plans are damaged.
    """
    teacher, student = with_architectures(teacher_plans, "teacher"), with_architectures(student_plans, "student")
    ours = resolve_configuration(teacher, configuration, "teacher")
    theirs = resolve_configuration(student, student_configuration or configuration, "student")
    differences = [
        *_compare(_PLANS_KEYS, teacher, student),
        *_compare(_CONFIGURATION_KEYS, ours, theirs),
        *_compare(_ARCHITECTURE_KEYS, _arguments(ours), _arguments(theirs)),
        *_intensity_differences(teacher, student, ours),
        *_dataset_differences(teacher_dataset, student_dataset),
    ]
    if differences:
        raise AgreementError(
            f"Teacher and student differ in {', '.join(what for what, _, _ in differences)}.",
            expected="; ".join(f"{what} {_short(expected)}" for what, expected, _ in differences) + " (the teacher's)",
            found="; ".join(f"{what} {_short(found)}" for what, _, found in differences) + " (the student's)",
            remedy=(
                "Derive the student's plans from the teacher's, and train it on the teacher's data set."
                if student_configuration in (None, configuration)
                else f"The teacher is of {configuration}, the student of {student_configuration}: choose the same."
            ),
        )


Difference = Tuple[str, Any, Any]


def _compare(keys: Mapping[str, str], teacher: Mapping[str, Any], student: Mapping[str, Any]) -> List[Difference]:
    pairs = ((what, teacher.get(k, _DEFAULTS.get(k)), student.get(k, _DEFAULTS.get(k))) for k, what in keys.items())
    return [(what, a, b) for what, a, b in pairs if not _same(a, b)]


def _arguments(config: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the arguments of the network, sizes given once for all axes written out for each."""
    architecture = config.get("architecture")
    arguments = dict(architecture.get("arch_kwargs") or {}) if isinstance(architecture, dict) else {}
    stages, dimension = arguments.get("n_stages"), len(config.get("patch_size") or ())
    for key in ("strides", "kernel_sizes"):
        value = arguments.get(key)
        if isinstance(value, int) and isinstance(stages, int):
            value = [value] * stages
        if isinstance(value, list):
            arguments[key] = [[v] * dimension if isinstance(v, int) else v for v in value]
    return arguments


def _intensity_differences(
    teacher: Mapping[str, Any], student: Mapping[str, Any], config: Mapping[str, Any]
) -> List[Difference]:
    """Compare the intensities of the training set where the normalisation uses them, which is CT's."""
    result: List[Difference] = []
    for channel, scheme in enumerate(config.get("normalization_schemes") or ()):
        if scheme != "CTNormalization":
            continue
        for key in _INTENSITIES:
            a, b = (_intensity(plans, channel, key) for plans in (teacher, student))
            if not _same(a, b):
                result.append((f"intensity {key} of channel {channel}", a, b))
    return result


def _intensity(plans: Mapping[str, Any], channel: int, key: str) -> Any:
    return _value(_value(plans, "foreground_intensity_properties_per_channel"), str(channel)).get(key)


def _dataset_differences(teacher: Mapping[str, Any], student: Mapping[str, Any]) -> List[Difference]:
    differences: List[Difference] = [
        ("channels", _channels(teacher), _channels(student)),
        ("labels", _labels(teacher), _labels(student)),
        ("ignore label", _value(teacher, "labels").get("ignore"), _value(student, "labels").get("ignore")),
        ("order of regions", _region_order(teacher), _region_order(student)),
    ]
    return [difference for difference in differences if not _same(*difference[1:])]


def _value(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = mapping.get(key)
    return value if isinstance(value, dict) else {}


def _channels(dataset: Mapping[str, Any]) -> List[Any]:
    return list(_value(dataset, "modality" if "modality" in dataset else "channel_names").values())


def _region_order(dataset: Mapping[str, Any]) -> Any:
    return dataset.get("regions_class_order") if _has_regions(dataset) else None


def _labels(dataset: Mapping[str, Any]) -> List[Tuple[str, Any]]:
    """Return names and values; in the order of the heads, which is that of the values, or of the file for regions."""
    labels = [(name, value) for name, value in _value(dataset, "labels").items() if name != "ignore"]
    return labels if _has_regions(dataset) else sorted(labels, key=lambda item: str(item[1]).zfill(9))


def _has_regions(dataset: Mapping[str, Any]) -> bool:
    values = [v for k, v in _value(dataset, "labels").items() if k != "ignore"]
    return any(isinstance(v, (list, tuple)) and len(v) > 1 for v in values)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return set(a) == set(b) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, bool) or isinstance(b, bool) or not isinstance(a, (int, float)) or not isinstance(b, (int, float)):
        return bool(a == b)
    return math.isclose(a, b, rel_tol=_TOLERANCE)


def _short(value: Any) -> str:
    text = (
        ", ".join(f"{k} {v}" for k, v in value)
        if isinstance(value, list) and value and isinstance(value[0], tuple)
        else f"{value}"
    )
    return text if len(text) <= 120 else f"{text[:117]}…"
