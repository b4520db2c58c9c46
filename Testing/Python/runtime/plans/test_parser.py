"""plans.json and dataset.json are parsed once, and what is not supported is refused by its name."""

import copy

import pytest

from kdseg.errors import BundleSchemaError, UnsupportedModelError
from kdseg.plans.model import ArrayOrientation, IntensityProperties, NormalizationScheme, Resampling
from kdseg.plans.parser import parse_labels, parse_model_plan

RESAMPLING = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
PLANS = {
    "dataset_name": "Dataset042_Heart",
    "image_reader_writer": "SimpleITKIO",
    "transpose_forward": [2, 0, 1],
    "transpose_backward": [1, 2, 0],
    "label_manager": "LabelManager",
    "foreground_intensity_properties_per_channel": {
        "0": {"mean": 1.0, "std": 2.0, "percentile_00_5": -3.0, "percentile_99_5": 4.0, "min": -9, "max": 9}
    },
    "configurations": {
        "3d_fullres": {
            "preprocessor_name": "DefaultPreprocessor",
            "patch_size": [32, 64, 64],
            "spacing": [2.5, 0.8, 0.8],
            "normalization_schemes": ["CTNormalization"],
            "use_mask_for_norm": [False],
            "resampling_fn_data": "resample_data_or_seg_to_shape",
            "resampling_fn_data_kwargs": RESAMPLING,
            "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
            "resampling_fn_probabilities_kwargs": {**RESAMPLING, "order": 1},
            "architecture": {
                "network_class_name": "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet",
                "arch_kwargs": {"features_per_stage": [8, 16]},
            },
        },
        "3d_lowres": {"inherits_from": "3d_fullres", "spacing": [5, 1.6, 1.6]},
        "3d_cascade_fullres": {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"},
    },
}
DATASET = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "LV": 1, "RV": 2}}


def changed(path, value):
    plans = copy.deepcopy(PLANS)
    at = plans
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return plans


def in_config(key, value):
    return changed(("configurations", "3d_fullres", key), value)


def test_everything_inference_needs_is_read():
    plan = parse_model_plan(PLANS, DATASET, "3d_fullres")
    assert plan.dataset_name == "Dataset042_Heart"
    assert plan.network_class == "ResidualEncoderUNet"
    assert plan.features_per_stage == (8, 16)
    assert (plan.patch_size, plan.spacing_mm) == ((32, 64, 64), (2.5, 0.8, 0.8))
    assert (plan.transpose_forward, plan.transpose_backward) == ((2, 0, 1), (1, 2, 0))
    assert plan.normalization[0].scheme is NormalizationScheme.CT
    assert plan.normalization[0].intensities == IntensityProperties(1.0, 2.0, -3.0, 4.0)
    assert plan.image_resampling == Resampling(3, 0, None)
    assert plan.logits_resampling == Resampling(1, 0, None)
    assert plan.orientation is ArrayOrientation.NATIVE
    assert not plan.is_2d
    assert plan.labels.heads == 3


def test_a_configuration_inherits():
    assert parse_model_plan(PLANS, DATASET, "3d_lowres").spacing_mm == (5.0, 1.6, 1.6)


def test_the_size_of_the_training_images_is_read_where_it_is_told():
    told = {"original_median_shape_after_transp": [40, 50, 60], "original_median_spacing_after_transp": [2.5, 0.8, 1]}
    plan = parse_model_plan({**PLANS, **told}, DATASET, "3d_fullres")
    assert plan.training_extent_mm == pytest.approx((100, 40, 60))


@pytest.mark.parametrize("shape", [None, [], [40, 50], [40, 0, 60], [40, "50", 60], "large", {}])
def test_a_size_that_is_of_no_use_refuses_no_model(shape):
    told = {"original_median_shape_after_transp": shape, "original_median_spacing_after_transp": [1, 1, 1]}
    assert parse_model_plan({**PLANS, **told}, DATASET, "3d_fullres").training_extent_mm is None
    assert parse_model_plan(PLANS, DATASET, "3d_fullres").training_extent_mm is None


@pytest.mark.parametrize(
    ("plans", "configuration", "named"),
    [
        (PLANS, "3d_cascade_fullres", "cascade"),
        (changed(("image_reader_writer",), "NaturalImage2DIO"), "3d_fullres", "NaturalImage2DIO"),
        (changed(("label_manager",), "MyLabels"), "3d_fullres", "MyLabels"),
        (in_config("preprocessor_name", "MyPreprocessor"), "3d_fullres", "MyPreprocessor"),
        (in_config("normalization_schemes", ["os.system"]), "3d_fullres", "os.system"),
        (in_config("resampling_fn_data", "resample_torch_fornnunet"), "3d_fullres", "resample_torch_fornnunet"),
        (in_config("resampling_fn_probabilities_kwargs", {**RESAMPLING, "order": 3}), "3d_fullres", "order 3"),
        (in_config("resampling_fn_data_kwargs", {**RESAMPLING, "order_z": 1}), "3d_fullres", "order_z 1"),
        (
            in_config("architecture", {"network_class_name": "mypackage.Primus", "arch_kwargs": {}}),
            "3d_fullres",
            "mypackage.Primus",
        ),
    ],
)
def test_what_is_not_supported_is_refused_by_name(plans, configuration, named):
    with pytest.raises(UnsupportedModelError, match=named):
        parse_model_plan(plans, DATASET, configuration, "student.zip")


@pytest.mark.parametrize(
    ("plans", "named"),
    [
        (changed(("configurations",), None), "configurations"),
        (in_config("patch_size", [0, 64, 64]), "patch_size"),
        (in_config("patch_size", [64, 64]), "patch_size"),
        (in_config("spacing", [1, 1, -1]), "spacing"),
        (in_config("spacing", [1, 1, float("nan")]), "spacing"),
        (in_config("use_mask_for_norm", [0]), "use_mask_for_norm"),
        (in_config("normalization_schemes", []), "normalization_schemes"),
        (changed(("transpose_forward",), [0, 1, 1]), "transpose_forward"),
        (changed(("transpose_backward",), [0, 1, 2]), "inverse"),
        (changed(("foreground_intensity_properties_per_channel",), {}), "intensity_properties"),
        (changed(("configurations", "3d_fullres", "inherits_from"), "3d_lowres"), "circle"),
    ],
)
def test_a_damaged_plan_names_key_and_file(plans, named):
    with pytest.raises(BundleSchemaError, match=named) as caught:
        parse_model_plan(plans, DATASET, "3d_fullres", "student.zip")
    assert caught.value.path == "student.zip"


def test_an_unknown_configuration_lists_those_there_are():
    with pytest.raises(BundleSchemaError, match="3d_fullres, 3d_lowres"):
        parse_model_plan(PLANS, DATASET, "2d")


def labels(definition, order=None):
    return parse_labels({"labels": definition, **({} if order is None else {"regions_class_order": order})})


def test_regions_have_a_head_each_and_an_order():
    system = labels({"background": 0, "whole": [1, 2], "core": 2, "ignore": 3}, [1, 2])
    assert (system.heads, system.region_order, system.ignore_label) == (2, (1, 2), 3)
    assert system.foreground_labels == (1, 2)


@pytest.mark.parametrize(
    ("definition", "order", "named"),
    [
        ({"A": 1}, None, "background"),
        ({"background": 1, "A": 0}, None, "background"),
        ({"background": 0, "A": 2}, None, "consecutive"),
        ({"background": 0, "A": 1, "ignore": 3}, None, "ignore"),
        ({"background": 0, "A": "1"}, None, "labels.A"),
        ({"background": 0, "A": True}, None, "labels.A"),
        ({"background": 0}, None, "at least one"),
        ({"background": 0, "A": [1, 2], "B": 2}, None, "regions_class_order"),
        ({"background": 0, "A": [1, 2], "B": 2}, [1], "regions_class_order"),
    ],
)
def test_impossible_labels_are_refused(definition, order, named):
    with pytest.raises(BundleSchemaError, match=named):
        labels(definition, order)
