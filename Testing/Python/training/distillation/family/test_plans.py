"""A student's plans: every network narrowed, everything else the teacher's."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from kdseg.errors import BundleSchemaError, ConfigurationError, UnsupportedModelError
from kdseg_testing.model_folder import write_model_folder
from kdseg_training.distillation.family import derive_plans, network_configurations, student_plans_name

FEATURES = [32, 64, 128, 256, 320, 320]


def architecture(features: list[int], network: str = "PlainConvUNet") -> dict[str, Any]:
    return {
        "network_class_name": f"dynamic_network_architectures.architectures.unet.{network}",
        "arch_kwargs": {"n_stages": len(features), "features_per_stage": list(features), "norm_op_kwargs": {"eps": 1e-5}},
    }


@pytest.fixture
def plans() -> dict[str, Any]:
    """Four networks: two with an architecture of their own, and a chain of two that inherit."""
    return {
        "plans_name": "nnUNetPlans",
        "dataset_name": "Dataset999_Test",
        "configurations": {
            "2d": {"data_identifier": "nnUNetPlans_2d", "patch_size": [64, 64], "architecture": architecture([32, 512])},
            "3d_fullres": {
                "data_identifier": "nnUNetPlans_3d_fullres",
                "patch_size": [32, 32, 32],
                "architecture": architecture(FEATURES),
            },
            "3d_cascade": {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"},
            "3d_cascade_large": {"inherits_from": "3d_cascade", "batch_size": 8},
        },
    }


def features(plans: dict[str, Any], configuration: str) -> list[int]:
    return plans["configurations"][configuration]["architecture"]["arch_kwargs"]["features_per_stage"]


def without_widths(plans: dict[str, Any]) -> dict[str, Any]:
    rest = copy.deepcopy(plans)
    del rest["plans_name"]
    for config in rest["configurations"].values():
        config.get("architecture", {}).get("arch_kwargs", {}).pop("features_per_stage", None)
    return rest


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (1, FEATURES),
        (2, [16, 32, 64, 128, 160, 160]),
        (4, [8, 16, 32, 64, 80, 80]),
        (8, [4, 8, 16, 32, 40, 40]),
        (16, [4, 4, 8, 16, 20, 20]),
        (3, [11, 21, 43, 85, 107, 107]),
        (1000, [4, 4, 4, 4, 4, 4]),
    ],
)
def test_every_stage_is_divided_and_stops_at_the_floor(plans: dict[str, Any], factor: float, expected: list[int]) -> None:
    assert features(derive_plans(plans, factor=factor), "3d_fullres") == expected


def test_the_floor_of_the_public_code_differs_only_in_the_first_stage(plans: dict[str, Any]) -> None:
    assert features(derive_plans(plans, factor=8, floor=8), "3d_fullres") == [8, 8, 16, 32, 40, 40]


def test_the_floor_never_widens(plans: dict[str, Any]) -> None:
    plans["configurations"]["2d"]["architecture"] = architecture([2, 16])
    assert features(derive_plans(plans, factor=2), "2d") == [2, 8]


def test_only_widths_and_the_name_change(plans: dict[str, Any]) -> None:
    before = copy.deepcopy(plans)
    student = derive_plans(plans, factor=4)
    assert plans == before
    assert without_widths(student) == without_widths(plans)
    assert student["plans_name"] == "nnUNetPlans_x4"
    assert student["configurations"]["3d_fullres"]["data_identifier"] == "nnUNetPlans_3d_fullres"


def test_every_network_configuration_is_narrowed_and_chains_still_inherit(plans: dict[str, Any]) -> None:
    student = derive_plans(plans, factor=2)
    assert network_configurations(student) == ["2d", "3d_fullres", "3d_cascade", "3d_cascade_large"]
    assert features(student, "2d") == [16, 256]
    for name in ("3d_cascade", "3d_cascade_large"):
        assert "architecture" not in student["configurations"][name]


def test_one_configuration_alone_leaves_its_parent_wide(plans: dict[str, Any]) -> None:
    student = derive_plans(plans, factor=2, configuration="3d_cascade")
    assert features(student, "3d_cascade") == [16, 32, 64, 128, 160, 160]
    assert features(student, "3d_fullres") == FEATURES
    assert features(student, "2d") == [32, 512]


def test_a_stem_of_its_own_is_divided_too(plans: dict[str, Any]) -> None:
    arguments = plans["configurations"]["2d"]["architecture"]["arch_kwargs"]
    arguments["stem_channels"] = 24
    student = derive_plans(plans, factor=4)
    assert student["configurations"]["2d"]["architecture"]["arch_kwargs"]["stem_channels"] == 6


def test_a_configuration_without_a_network_is_left_alone(plans: dict[str, Any]) -> None:
    plans["configurations"]["notes"] = {"text": "kept"}
    assert derive_plans(plans, factor=2)["configurations"]["notes"] == {"text": "kept"}


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(4, "nnUNetPlans_x4"), (2.0, "nnUNetPlans_x2"), (2.5, "nnUNetPlans_x2p5"), (1.674, "nnUNetPlans_x1p674")],
)
def test_the_name_says_the_factor(plans: dict[str, Any], factor: float, expected: str) -> None:
    assert student_plans_name(plans, factor) == expected


@pytest.mark.parametrize("factor", [0, 0.5, -2, float("nan"), float("inf"), True, "4"])
def test_factors_that_make_no_student_are_refused(plans: dict[str, Any], factor: Any) -> None:
    with pytest.raises(ConfigurationError, match="factor"):
        derive_plans(plans, factor=factor)


@pytest.mark.parametrize("floor", [0, -1, 2.5, True])
def test_floors_that_are_no_width_are_refused(plans: dict[str, Any], floor: Any) -> None:
    with pytest.raises(ConfigurationError, match="floor"):
        derive_plans(plans, factor=2, floor=floor)


@pytest.mark.parametrize("name", ["", "a__b", "../x", "x:y", ".hidden"])
def test_names_that_nnunet_or_the_disk_would_misread_are_refused(plans: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigurationError, match="name of the plans"):
        derive_plans(plans, factor=2, name=name)


def test_an_unknown_configuration_is_refused_with_those_that_exist(plans: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="3d_cascade_large") as caught:
        derive_plans(plans, factor=2, configuration="3d_lowres")
    assert caught.value.found == "3d_lowres"


def test_other_networks_are_refused_by_name_unless_they_are_not_meant(plans: dict[str, Any]) -> None:
    plans["configurations"]["2d"]["architecture"]["network_class_name"] = "somewhere.Primus"
    with pytest.raises(UnsupportedModelError, match=r"2d uses the network somewhere\.Primus"):
        derive_plans(plans, factor=2)
    assert features(derive_plans(plans, factor=2, configuration="3d_fullres"), "3d_fullres")[0] == 16


@pytest.mark.parametrize("value", [None, [], [32, 0], [32.5], "32", [True]])
def test_widths_that_are_no_widths_are_refused(plans: dict[str, Any], value: Any) -> None:
    plans["configurations"]["2d"]["architecture"]["arch_kwargs"]["features_per_stage"] = value
    with pytest.raises(BundleSchemaError):
        derive_plans(plans, factor=2)


def test_plans_without_configurations_are_refused() -> None:
    with pytest.raises(BundleSchemaError, match="configurations"):
        derive_plans({"plans_name": "x"}, factor=2)


def test_a_circle_of_inheritance_is_refused(plans: dict[str, Any]) -> None:
    plans["configurations"]["3d_fullres"] = {"inherits_from": "3d_cascade_large"}
    with pytest.raises(BundleSchemaError, match="circle"):
        derive_plans(plans, factor=2)


@pytest.mark.parametrize("network", ["PlainConvUNet", "ResidualEncoderUNet"])
def test_nnunet_builds_the_derived_network(tmp_path: Path, network: str) -> None:
    from kdseg_testing.model_folder import build_network

    folder = write_model_folder(tmp_path, network=network, features=(8, 16, 32))
    plans, dataset = (json.loads((folder / name).read_text()) for name in ("plans.json", "dataset.json"))
    built = build_network(derive_plans(plans, factor=2), dataset, "3d_fullres")
    assert built.encoder.output_channels == [4, 8, 16]
