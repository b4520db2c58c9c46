"""Parameters are counted exactly, without allocating them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kdseg.errors import BundleSchemaError, ConfigurationError, UnsupportedModelError
from kdseg_testing.model_folder import build_network, write_model_folder
from kdseg_training.distillation.family import channels_and_heads, count_parameters, derive_plans, planned_network

PAPER_HEADS = 114
"""Number of classes at which nnU-Net's ResEnc-L has the parameters that arXiv 2601.09191 states."""


def resenc_l() -> dict[str, Any]:
    """nnU-Net's ResEnc-L plans for a 3-D patch, as far as the network follows from them."""
    arguments = {
        "n_stages": 6,
        "features_per_stage": [32, 64, 128, 256, 320, 320],
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[3, 3, 3]] * 6,
        "strides": [[1, 1, 1]] + [[2, 2, 2]] * 5,
        "n_blocks_per_stage": [1, 3, 4, 6, 6, 6],
        "n_conv_per_stage_decoder": [1] * 5,
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    architecture = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet",
        "arch_kwargs": arguments,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    configuration = {"patch_size": [128, 128, 128], "architecture": architecture}
    return {"plans_name": "nnUNetResEncUNetLPlans", "configurations": {"3d_fullres": configuration}}


@pytest.mark.parametrize(("factor", "millions"), [(1, "102.44"), (2, "25.64"), (4, "6.43")])
def test_the_family_of_resenc_l_has_the_published_parameters(factor: float, millions: str) -> None:
    count = count_parameters(derive_plans(resenc_l(), factor=factor), "3d_fullres", 1, PAPER_HEADS)
    assert f"{count / 1e6:.2f}" == millions


def test_the_published_numbers_as_they_are_rounded_there() -> None:
    counts = [count_parameters(derive_plans(resenc_l(), factor=f), "3d_fullres", 1, PAPER_HEADS) for f in (1, 2, 4)]
    assert [f"{counts[0] / 1e6:.1f}", f"{counts[1] / 1e6:.1f}", f"{counts[2] / 1e6:.2f}"] == ["102.4", "25.6", "6.43"]


def test_a_further_class_costs_one_weight_for_each_channel_of_each_head() -> None:
    per_class = (32 + 1) + (64 + 1) + (128 + 1) + (256 + 1) + (320 + 1)
    plans = resenc_l()
    assert count_parameters(plans, "3d_fullres", 1, 4) - count_parameters(plans, "3d_fullres", 1, 3) == per_class


def test_nothing_is_allocated() -> None:
    network = planned_network(resenc_l(), "3d_fullres", 1, PAPER_HEADS, device="meta")
    assert {parameter.device.type for parameter in network.parameters()} == {"meta"}


@pytest.mark.parametrize("network", ["PlainConvUNet", "ResidualEncoderUNet"])
@pytest.mark.parametrize("model", [{}, {"configuration": "2d", "patch_size": (16, 16), "spacing_mm": (1.0, 1.0)}])
def test_the_count_is_that_of_the_network_that_nnunet_builds(tmp_path: Path, network: str, model: dict[str, Any]) -> None:
    folder = write_model_folder(tmp_path, network=network, channels=2, **model)
    plans, dataset = (json.loads((folder / name).read_text()) for name in ("plans.json", "dataset.json"))
    configuration = next(iter(plans["configurations"]))
    built = build_network(plans, dataset, configuration)
    channels, heads = channels_and_heads(plans, configuration, dataset)
    assert (channels, heads) == (2, 3)
    assert count_parameters(plans, configuration, channels, heads) == sum(p.numel() for p in built.parameters())


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ({"channel_names": {"0": "T1"}, "labels": {"background": 0, "A": 1, "B": 2}}, (1, 3)),
        ({"modality": {"0": "CT", "1": "PET"}, "labels": {"background": 0, "A": 1, "ignore": 2}}, (2, 2)),
        (
            {
                "channel_names": {"0": "T1"},
                "labels": {"background": 0, "whole": [1, 2, 3], "core": [2, 3]},
                "regions_class_order": [1, 2],
            },
            (1, 2),
        ),
    ],
)
@pytest.mark.parametrize("cascade", [False, True])
def test_channels_and_heads_are_those_of_nnunet(dataset: dict[str, Any], expected: tuple[int, int], cascade: bool) -> None:
    from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    plans = resenc_l()
    plans["configurations"]["3d_fullres"]["previous_stage"] = "3d_lowres" if cascade else None
    manager = PlansManager(plans)
    oracle = determine_num_input_channels(manager, "3d_fullres", dataset)
    heads = manager.get_label_manager(dataset).num_segmentation_heads
    assert channels_and_heads(plans, "3d_fullres", dataset) == (oracle, heads)
    assert cascade or (oracle, heads) == expected


def test_a_data_set_without_channels_is_refused() -> None:
    with pytest.raises(BundleSchemaError, match="channel_names"):
        channels_and_heads(resenc_l(), "3d_fullres", {"labels": {"background": 0, "A": 1}})


def test_classes_outside_the_allow_list_never_get_imported() -> None:
    plans = resenc_l()
    plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["nonlin"] = "os.system"
    with pytest.raises(UnsupportedModelError, match=r"os\.system"):
        count_parameters(plans, "3d_fullres", 1, 2)


def test_a_network_that_nnunet_cannot_build_is_refused() -> None:
    plans = resenc_l()
    plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["n_blocks_per_stage"] = [1, 3]
    with pytest.raises(ConfigurationError, match="cannot build"):
        count_parameters(plans, "3d_fullres", 1, 2)


def test_a_patch_that_is_none_is_refused() -> None:
    plans = resenc_l()
    plans["configurations"]["3d_fullres"]["patch_size"] = 128
    with pytest.raises(BundleSchemaError, match="patch_size"):
        count_parameters(plans, "3d_fullres", 1, 2)
