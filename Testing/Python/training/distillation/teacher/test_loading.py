"""A teacher is loaded strictly, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest
import torch

from kdseg.errors import TeacherError
from kdseg_testing.damaged_files import KINDS, damaged
from kdseg_testing.model_folder import build_network, write_model_folder
from kdseg_training.distillation.teacher import load_teacher

NETWORKS = ("PlainConvUNet", "ResidualEncoderUNet")
PATCH = (16, 16, 16)


def checkpoint_path(folder: Path, fold: int = 0) -> Path:
    return folder / f"fold_{fold}" / "checkpoint_final.pth"


def change_checkpoint(folder: Path, change: Callable[[dict[str, Any]], None], fold: int = 0) -> None:
    content = torch.load(checkpoint_path(folder, fold), weights_only=True)
    change(content)
    torch.save(content, checkpoint_path(folder, fold))


def change_json(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("network", NETWORKS)
def test_every_head_is_that_of_nnunets_own_network(tmp_path: Path, network: str) -> None:
    folder = write_model_folder(tmp_path, network=network, features=(8, 16, 32), patch_size=PATCH)
    plans, dataset = (json.loads((folder / name).read_text()) for name in ("plans.json", "dataset.json"))
    oracle = build_network(plans, dataset, "3d_fullres").eval()
    oracle.load_state_dict(torch.load(checkpoint_path(folder), weights_only=True)["network_weights"])
    data = torch.randn(2, 1, *PATCH, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = oracle(data)
    teacher = load_teacher(folder)
    found = teacher(data).logits
    assert [tuple(head.shape) for head in found] == [(2, 3, 16, 16, 16), (2, 3, 8, 8, 8)]
    for a, b in zip(found, expected, strict=True):
        assert torch.equal(a, b)
    assert torch.equal(teacher(data, all_heads=False).logits[0], expected[0])
    assert len(teacher(data, all_heads=False).logits) == 1


def test_it_is_frozen_in_inference_mode_and_no_module(tmp_path: Path) -> None:
    teacher = load_teacher(write_model_folder(tmp_path))
    assert not isinstance(teacher, torch.nn.Module), "a module would slip into the student's state_dict"
    assert not any(module.training for module in teacher.network.modules())
    assert not any(parameter.requires_grad for parameter in teacher.network.parameters())


def test_it_knows_where_it_came_from(tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path, mirroring_axes=(0, 2), fold=3)
    teacher = load_teacher(folder)
    assert teacher.configuration == "3d_fullres"
    assert teacher.plans == json.loads((folder / "plans.json").read_text())
    assert teacher.dataset == json.loads((folder / "dataset.json").read_text())
    assert (teacher.source.folds, teacher.source.trainer) == (("3",), "nnUNetTrainer")
    assert teacher.source.allowed_mirroring_axes == (0, 2)
    assert teacher.mirroring_axes is None, "mirroring is asked for, not assumed"


def test_two_dimensional_and_region_based_teachers_load(tmp_path: Path) -> None:
    flat = write_model_folder(tmp_path / "2d", configuration="2d", patch_size=(16, 16), spacing_mm=(1.0, 1.0))
    assert load_teacher(flat)(torch.zeros(1, 1, 16, 16)).logits[0].shape == (1, 3, 16, 16)
    labels = {"background": 0, "whole": [1, 2, 3], "core": [2, 3]}
    regions = write_model_folder(tmp_path / "regions", labels=labels, regions_class_order=[1, 2])
    assert load_teacher(regions)(torch.zeros(1, 1, *PATCH)).logits[0].shape == (1, 2, *PATCH)


def test_plans_of_older_nnunets_load(tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path, features=(8, 16, 32), blocks=(2, 2, 2))
    data = torch.randn(1, 1, *PATCH)
    expected = load_teacher(folder)(data).logits[0]

    def age(plans: dict[str, Any]) -> None:
        config = plans["configurations"]["3d_fullres"]
        arguments = config.pop("architecture")["arch_kwargs"]
        config |= {
            "UNet_class_name": "PlainConvUNet",
            "UNet_base_num_features": 8,
            "unet_max_num_features": 320,
            "n_conv_per_stage_encoder": arguments["n_conv_per_stage"],
            "n_conv_per_stage_decoder": arguments["n_conv_per_stage_decoder"],
            "num_pool_per_axis": [2, 2, 2],
            "pool_op_kernel_sizes": arguments["strides"],
            "conv_kernel_sizes": arguments["kernel_sizes"],
        }

    change_json(folder / "plans.json", age)
    assert torch.equal(load_teacher(folder)(data).logits[0], expected)


def _truncate(folder: Path) -> None:
    path = checkpoint_path(folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _remove_weight(folder: Path) -> None:
    change_checkpoint(folder, lambda c: c["network_weights"].pop("decoder.seg_layers.0.weight"))


def _add_weight(folder: Path) -> None:
    change_checkpoint(folder, lambda c: c["network_weights"].update(extra=torch.zeros(1)))


def _spoil_weight(folder: Path) -> None:
    change_checkpoint(folder, lambda c: c["network_weights"]["decoder.seg_layers.0.bias"].fill_(float("nan")))


def _narrow_plans(folder: Path) -> None:
    def change(plans: dict[str, Any]) -> None:
        plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["features_per_stage"] = [4, 8, 16]

    change_json(folder / "plans.json", change)


def _foreign_network(folder: Path) -> None:
    def change(plans: dict[str, Any]) -> None:
        plans["configurations"]["3d_fullres"]["architecture"]["network_class_name"] = "os.system"

    change_json(folder / "plans.json", change)


def _foreign_activation(folder: Path) -> None:
    def change(plans: dict[str, Any]) -> None:
        plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["nonlin"] = "os.system"

    change_json(folder / "plans.json", change)


def _other_configuration(folder: Path) -> None:
    change_checkpoint(folder, lambda c: c["init_args"].update(configuration="2d"))


def _first_version(folder: Path) -> None:
    path = checkpoint_path(folder)
    content = torch.load(path, weights_only=True)
    torch.save({"state_dict": content["network_weights"], "epoch": 1000}, path)


def _objects(folder: Path) -> None:
    change_checkpoint(folder, lambda c: c.update(init_args={"configuration": "3d_fullres", "device": Path("x")}))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_truncate, "truncated|damaged"),
        (_remove_weight, r"decoder\.seg_layers\.0\.weight"),
        (_add_weight, "extra"),
        (_spoil_weight, "not finite"),
        (_narrow_plans, "do not fit the planned network"),
        (_foreign_network, r"os\.system"),
        (_foreign_activation, r"os\.system"),
        (_other_configuration, "2d"),
        (_first_version, "not a checkpoint of nnU-Net v2"),
        (_objects, "Python objects"),
        (lambda folder: (folder / "plans.json").write_text('{"a": 1, "a": 2}'), "strict JSON"),
        (lambda folder: (folder / "dataset.json").unlink(), "incomplete"),
        (lambda folder: checkpoint_path(folder).unlink(), "No fold has"),
    ],
)
def test_what_is_damaged_or_foreign_is_refused_in_words(tmp_path: Path, spoil: Callable[[Path], None], words: str) -> None:
    folder = write_model_folder(tmp_path)
    spoil(folder)
    with pytest.raises(TeacherError, match=words):
        load_teacher(folder)


def test_a_missing_folder_or_fold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match="does not exist"):
        load_teacher(tmp_path / "nothing")
    folder = write_model_folder(tmp_path / "model")
    with pytest.raises(TeacherError, match="Fold 4"):
        load_teacher(folder, folds=(0, 4))
    with pytest.raises(TeacherError, match="plain file name"):
        load_teacher(folder, checkpoint="../checkpoint_final.pth")


@pytest.mark.parametrize("folds", [[], [0, 0], [0, "0"]])
def test_folds_are_named_once(tmp_path: Path, folds: list[Any]) -> None:
    with pytest.raises(TeacherError, match="folds"):
        load_teacher(write_model_folder(tmp_path), folds=folds)


def test_several_folds_must_be_chosen_from_and_agree(tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path, mirroring_axes=(0, 1, 2))
    write_model_folder(tmp_path, mirroring_axes=(0, 1), fold=1, seed=1)
    with pytest.raises(TeacherError, match="has to be chosen") as caught:
        load_teacher(folder)
    assert "--fold" not in caught.value.remedy
    assert "never averaged" not in caught.value.remedy
    with pytest.raises(TeacherError, match="mirroring axes"):
        load_teacher(folder, folds=(0, 1))
    assert load_teacher(folder, folds=1).source.folds == ("1",)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_of_any_kind_is_an_error_of_the_teacher(tmp_path: Path, kind: str) -> None:
    folder = write_model_folder(tmp_path)
    path = checkpoint_path(folder)
    path.write_bytes(damaged(path.read_bytes(), kind))
    with pytest.raises(TeacherError, match="The teacher cannot be loaded") as error:
        load_teacher(folder)
    assert error.value.path == str(path)
    assert "weights_only" not in str(error.value)
