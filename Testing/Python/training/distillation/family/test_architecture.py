"""Plans of nnU-Net before 2.5: read as nnU-Net itself reads them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from kdseg.errors import BundleSchemaError, UnsupportedModelError
from kdseg_training.distillation.family import count_parameters, derive_plans, with_architectures


@pytest.fixture
def old_plans() -> dict[str, Any]:
    """The form that nnU-Net 2.0 to 2.4 wrote; low resolution inherits, with strides of its own."""
    return {
        "plans_name": "nnUNetPlans",
        "configurations": {
            "3d_fullres": {
                "data_identifier": "nnUNetPlans_3d_fullres",
                "patch_size": [32, 32, 32],
                "UNet_class_name": "PlainConvUNet",
                "UNet_base_num_features": 32,
                "n_conv_per_stage_encoder": [2, 2, 2, 2, 2],
                "n_conv_per_stage_decoder": [2, 2, 2, 2],
                "num_pool_per_axis": [4, 4, 4],
                "pool_op_kernel_sizes": [[1, 1, 1], [2, 2, 2], [2, 2, 2], [2, 2, 2], [2, 2, 2]],
                "conv_kernel_sizes": [[3, 3, 3]] * 5,
                "unet_max_num_features": 320,
            },
            "3d_lowres": {
                "inherits_from": "3d_fullres",
                "num_pool_per_axis": [3, 4, 4],
                "pool_op_kernel_sizes": [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2], [2, 2, 2]],
            },
            "3d_cascade_fullres": {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"},
        },
    }


@pytest.mark.parametrize("configuration", ["3d_fullres", "3d_lowres", "3d_cascade_fullres"])
@pytest.mark.filterwarnings("ignore:Detected old nnU-Net plans format")
def test_the_architecture_is_the_one_that_nnunet_reconstructs(old_plans: dict[str, Any], configuration: str) -> None:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    expected = PlansManager(copy.deepcopy(old_plans)).get_configuration(configuration)
    found = PlansManager(with_architectures(old_plans)).get_configuration(configuration)
    assert found.network_arch_class_name == expected.network_arch_class_name
    assert found.network_arch_init_kwargs == expected.network_arch_init_kwargs
    assert list(found.network_arch_init_kwargs_req_import) == list(expected.network_arch_init_kwargs_req_import)


def test_only_layers_that_say_something_about_the_network_get_one(old_plans: dict[str, Any]) -> None:
    before = copy.deepcopy(old_plans)
    modern = with_architectures(old_plans)
    assert old_plans == before
    assert "architecture" in modern["configurations"]["3d_lowres"]
    assert modern["configurations"]["3d_cascade_fullres"] == before["configurations"]["3d_cascade_fullres"]
    assert with_architectures(modern) == modern


def test_a_student_of_old_plans_is_narrower_everywhere(old_plans: dict[str, Any]) -> None:
    student = derive_plans(old_plans, factor=4)
    for configuration in ("3d_fullres", "3d_lowres"):
        arguments = student["configurations"][configuration]["architecture"]["arch_kwargs"]
        assert arguments["features_per_stage"] == [8, 16, 32, 64, 80]
    assert count_parameters(student, "3d_fullres", 1, 3) < count_parameters(old_plans, "3d_fullres", 1, 3) / 15


def test_another_old_network_is_refused_by_name(old_plans: dict[str, Any]) -> None:
    old_plans["configurations"]["3d_fullres"]["UNet_class_name"] = "MyUNet"
    with pytest.raises(UnsupportedModelError, match="MyUNet"):
        with_architectures(old_plans)


def test_an_incomplete_old_network_is_refused_with_the_missing_key(old_plans: dict[str, Any]) -> None:
    del old_plans["configurations"]["3d_fullres"]["conv_kernel_sizes"]
    with pytest.raises(BundleSchemaError, match="conv_kernel_sizes"):
        with_architectures(old_plans)
