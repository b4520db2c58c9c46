"""Teacher and student must agree; what differs is named."""

from __future__ import annotations

import copy
import json
from typing import Any, Callable

import pytest

from kdseg.errors import AgreementError, BundleSchemaError
from kdseg_testing.model_folder import write_model_folder
from kdseg_training.distillation.family import derive_plans
from kdseg_training.distillation.teacher import check_agreement

NAME = "3d_fullres"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Json, Json]:
    """Plans and data set of a teacher for two channels, of which one is a CT."""
    folder = write_model_folder(
        tmp_path_factory.mktemp("model"),
        channels=2,
        normalization=("CTNormalization", "ZScoreNormalization"),
        use_mask=(False, True),
    )
    plans, dataset = (json.loads((folder / name).read_text()) for name in ("plans.json", "dataset.json"))
    plans["foreground_intensity_properties_per_channel"]["1"] = dict(plans["foreground_intensity_properties_per_channel"]["0"])
    return plans, dataset


def check(teacher: tuple[Json, Json], student: tuple[Json, Json]) -> None:
    check_agreement(teacher[0], student[0], NAME, teacher_dataset=teacher[1], student_dataset=student[1])


def config(plans: Json) -> Json:
    return plans["configurations"][NAME]


def arguments(plans: Json) -> Json:
    return config(plans)["architecture"]["arch_kwargs"]


def test_every_derived_student_agrees(model: tuple[Json, Json]) -> None:
    for factor in (1, 2, 4, 8):
        check(model, (derive_plans(model[0], factor=factor), model[1]))


def test_what_only_training_uses_may_differ(model: tuple[Json, Json]) -> None:
    plans, dataset = copy.deepcopy(model)
    config(plans).update(batch_size=4, batch_dice=True, data_identifier="other", median_image_size_in_voxels=[9, 9, 9])
    arguments(plans).update(features_per_stage=[5, 6, 7], n_conv_per_stage=[1, 1, 1])
    plans["foreground_intensity_properties_per_channel"]["1"]["mean"] = 0.0  # z-score does not use it
    dataset.update(numTraining=99, file_ending=".nrrd")
    check(model, (plans, dataset))


def _set(path: str, value: Any) -> Callable[[Json, Json], None]:
    def change(plans: Json, dataset: Json) -> None:
        where: Any = {"plans": plans, "config": config(plans), "arguments": arguments(plans), "dataset": dataset}
        *parents, last = path.split("/")
        for key in parents:
            where = where[key]
        where[last] = value

    return change


CHANGES = [
    ("config/patch_size", [16, 16, 32], "patch size"),
    ("config/spacing", [1.0, 1.0, 1.1], "spacing in mm"),
    ("config/normalization_schemes", ["CTNormalization", "CTNormalization"], "normalisation"),
    ("config/use_mask_for_norm", [False, False], "normalisation inside the mask"),
    ("config/resampling_fn_data_kwargs/order", 1, "resampling of images, arguments"),
    ("config/resampling_fn_data", "resample_torch_fornnunet", "resampling of images"),
    ("config/resampling_fn_seg_kwargs/order", 0, "resampling of labels, arguments"),
    ("config/resampling_fn_probabilities_kwargs/force_separate_z", False, "resampling of logits, arguments"),
    ("config/preprocessor_name", "MyPreprocessor", "preprocessor"),
    ("config/previous_stage", "3d_lowres", "previous stage of the cascade"),
    ("arguments/strides", [[1, 1, 1], [1, 2, 2], [2, 2, 2]], "strides"),
    ("arguments/kernel_sizes", [[1, 3, 3], [3, 3, 3], [3, 3, 3]], "kernel sizes"),
    ("arguments/n_stages", 4, "number of stages"),
    ("plans/transpose_forward", [1, 0, 2], "transpose"),
    ("plans/transpose_backward", [1, 0, 2], "transpose back"),
    ("plans/image_reader_writer", "NibabelIOWithReorient", "reader of images"),
    ("plans/label_manager", "MyLabels", "label manager"),
    ("plans/foreground_intensity_properties_per_channel/0/mean", 41.0, "intensity mean of channel 0"),
    ("plans/foreground_intensity_properties_per_channel/0/percentile_99_5", 1.0, "intensity percentile_99_5 of channel 0"),
    ("dataset/channel_names", {"0": "channel 1", "1": "channel 0"}, "channels"),
    ("dataset/labels", {"background": 0, "A": 2, "B": 1}, "labels"),
    ("dataset/labels", {"background": 0, "A": 1, "B": 2, "C": 3}, "labels"),
    ("dataset/labels", {"background": 0, "A": 1, "B": 2, "ignore": 3}, "ignore label"),
    ("dataset/labels", {"background": 0, "A": [1, 2], "B": 2}, "labels"),
]


@pytest.mark.parametrize(("path", "value", "words"), CHANGES)
def test_each_difference_is_named_alone(model: tuple[Json, Json], path: str, value: Any, words: str) -> None:
    plans, dataset = copy.deepcopy(model)
    _set(path, value)(plans, dataset)
    with pytest.raises(AgreementError) as caught:
        check(model, (plans, dataset))
    assert caught.value.problem == f"Teacher and student differ in {words}."


def test_all_differences_are_named_at_once_with_both_values(model: tuple[Json, Json]) -> None:
    plans, dataset = copy.deepcopy(model)
    for path, value, _ in (CHANGES[0], CHANGES[10], CHANGES[17], CHANGES[20]):
        _set(path, value)(plans, dataset)
    with pytest.raises(AgreementError) as caught:
        check(model, (plans, dataset))
    error = caught.value
    assert error.problem == "Teacher and student differ in patch size, strides, intensity mean of channel 0, labels."
    assert "patch size [16, 16, 16]" in error.expected
    assert "intensity mean of channel 0 40.0" in error.expected
    assert "patch size [16, 16, 32]" in error.found
    assert "A 2" in error.found


def test_the_order_of_regions_counts_and_that_of_labels_does_not(model: tuple[Json, Json]) -> None:
    plans, dataset = copy.deepcopy(model)
    dataset["labels"] = {"background": 0, "B": 2, "A": 1}
    check(model, (plans, dataset))
    regions = {**model[1], "labels": {"background": 0, "whole": [1, 2], "core": [2]}, "regions_class_order": [1, 2]}
    check((plans, regions), (plans, copy.deepcopy(regions)))
    swapped = {**regions, "labels": {"background": 0, "core": [2], "whole": [1, 2]}}
    with pytest.raises(AgreementError, match="differ in labels"):
        check((plans, regions), (plans, swapped))
    with pytest.raises(AgreementError, match="differ in order of regions"):
        check((plans, regions), (plans, {**regions, "regions_class_order": [2, 1]}))


def test_one_size_for_all_axes_is_the_same_as_one_for_each(model: tuple[Json, Json]) -> None:
    plans, dataset = copy.deepcopy(model)
    arguments(plans).update(strides=[1, 2, 2], kernel_sizes=3)
    check(model, (plans, dataset))


def test_integers_and_floats_of_the_same_value_agree(model: tuple[Json, Json]) -> None:
    plans, dataset = copy.deepcopy(model)
    config(plans)["spacing"] = [1, 1, 1.0000000001]
    check(model, (plans, dataset))


def test_another_name_of_the_configuration_is_allowed_when_told(model: tuple[Json, Json]) -> None:
    plans, dataset = copy.deepcopy(model)
    plans["configurations"]["narrow"] = {"inherits_from": NAME}
    options = {"teacher_dataset": model[1], "student_dataset": dataset}
    check_agreement(model[0], plans, NAME, student_configuration="narrow", **options)
    with pytest.raises(BundleSchemaError, match="missing"):
        check_agreement(model[0], plans, NAME, student_configuration="missing", **options)


def test_nothing_is_changed_by_looking(model: tuple[Json, Json]) -> None:
    before = copy.deepcopy(model)
    check(model, model)
    assert model == before
