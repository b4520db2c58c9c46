"""A narrow network's beginning: whoever doubles every channel and selects again is back where he was."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kdseg.errors import ConfigurationError
from kdseg_testing.model_folder import write_model_folder
from kdseg_testing.small_runs import MODEL
from kdseg_training.distillation.config import StudentSettings
from kdseg_training.distillation.family.parameters import planned_network
from kdseg_training.distillation.training.pretrained import open_pretrained_weights
from kdseg_training.distillation.training.weight_selection import evenly_spaced, select_weights

RESIDUAL = {**MODEL, "network": "ResidualEncoderUNet", "blocks": (1, 1, 1)}


def stored_model(folder: Path, **changes) -> dict:
    model_folder = write_model_folder(folder / "nnUNetTrainer__nnUNetPlans__3d_fullres", seed=11, **changes)
    return torch.load(model_folder / "fold_0" / "checkpoint_final.pth", weights_only=True)


def tensors_of(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach() for name, tensor in network.named_parameters()}


def doubled(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Every channel stands twice, one beside the other; an image's channel and the classes stay."""
    if "seg_layers" not in name:
        outputs = 1 if "transpconvs" in name and tensor.ndim > 1 else 0
        tensor = tensor.repeat_interleave(2, dim=outputs)
        if tensor.ndim > 1 and tensor.shape[1 - outputs] > 1:
            tensor = tensor.repeat_interleave(2, dim=1 - outputs)
    elif tensor.ndim > 1:
        tensor = tensor.repeat_interleave(2, dim=1)
    return tensor


def test_evenly_spaced_channels() -> None:
    assert evenly_spaced(3, 6) == [0, 2, 4]
    assert evenly_spaced(2, 7) == [0, 3]
    assert evenly_spaced(5, 5) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("few", "many"), [(6, 12), (3, 12), (4, 6), (4, 10)])
def test_stacked_channels_are_selected_like_single_ones(few: int, many: int) -> None:
    alone = evenly_spaced(few, many)
    assert evenly_spaced(2 * few, 2 * many) == [*alone, *(many + index for index in alone)]


@pytest.mark.parametrize("changes", [MODEL, RESIDUAL], ids=["plain", "residual"])
def test_a_doubled_network_gives_the_single_one_back(tmp_path: Path, changes: dict) -> None:
    init = stored_model(tmp_path, **changes)["init_args"]
    single = tensors_of(planned_network(init["plans"], "3d_fullres", 1, 3))
    wide = {name: doubled(name, tensor) for name, tensor in single.items()}
    assert any(wide[name].shape != single[name].shape for name in single)
    selected = select_weights(wide, single)
    assert set(selected) == set(single)
    assert all(torch.equal(selected[name], single[name]) for name in single)


def test_other_kernels_and_fewer_channels_are_left_as_they_are() -> None:
    wide = {"kernel": torch.zeros(4, 4, 1, 3, 3), "few": torch.zeros(2, 4, 3, 3, 3), "more": torch.zeros(3)}
    narrow = {"kernel": torch.zeros(2, 2, 3, 3, 3), "few": torch.zeros(4, 2, 3, 3, 3)}
    assert all(tensor is wide[name] for name, tensor in select_weights(wide, narrow).items())


def test_a_student_starts_from_its_teachers_channels(tmp_path: Path) -> None:
    """Half the width: every second channel of every layer, all of the classes."""
    wide = stored_model(tmp_path / "wide", **{**MODEL, "features": (16, 32, 32)})
    narrow = stored_model(tmp_path / "narrow", **{**MODEL, "features": (8, 16, 16)})
    path = tmp_path / "wide" / "nnUNetTrainer__nnUNetPlans__3d_fullres" / "fold_0" / "checkpoint_final.pth"
    student = StudentSettings(name="half", pretrained_weights=path, weight_selection=True)
    plans, dataset = narrow["init_args"]["plans"], narrow["init_args"]["dataset_json"]
    weights = open_pretrained_weights(student, plans, "3d_fullres", dataset)
    assert weights is not None
    assert weights.selected
    source = wide["network_weights"]
    first = "encoder.stages.0.0.convs.0.conv.weight"
    assert torch.equal(weights.tensors[first], source[first][::2])
    second = "encoder.stages.1.0.convs.0.conv.weight"
    assert torch.equal(weights.tensors[second], source[second][::2, ::2])
    head = "decoder.seg_layers.1.weight"
    assert torch.equal(weights.tensors[head], source[head][:, ::2])
    without = student.model_copy(update={"weight_selection": False})
    with pytest.raises(ConfigurationError, match="another network") as caught:
        open_pretrained_weights(without, plans, "3d_fullres", dataset)
    assert "weight_selection: true" in caught.value.remedy


def refusal(tmp_path: Path, teacher: dict, student: dict) -> ConfigurationError:
    stored_model(tmp_path / "teacher", **{**MODEL, **teacher})
    init = stored_model(tmp_path / "student", **{**MODEL, **student})["init_args"]
    path = tmp_path / "teacher" / "nnUNetTrainer__nnUNetPlans__3d_fullres" / "fold_0" / "checkpoint_final.pth"
    settings = StudentSettings(name="other", pretrained_weights=path, weight_selection=True)
    with pytest.raises(ConfigurationError) as caught:
        open_pretrained_weights(settings, init["plans"], "3d_fullres", init["dataset_json"])
    return caught.value


def test_a_wider_student_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, {"features": (8, 16, 16)}, {"features": (16, 32, 32)})
    assert "another network" in error.problem
    assert "weight_selection" not in error.remedy


def test_channels_of_the_image_are_never_selected(tmp_path: Path) -> None:
    error = refusal(tmp_path, {"channels": 2}, {"features": (4, 8, 8)})
    assert error.expected.startswith("encoder.stages.0.0.convs.0.conv.weight 4×1×3×3×3")


@pytest.mark.parametrize(
    ("teacher", "student", "surplus"),
    [
        ({"features": (8, 16, 16, 32)}, {"features": (4, 8, 8)}, "encoder.stages.3"),
        ({"blocks": (2, 2, 3)}, {"features": (4, 8, 8), "blocks": (2, 2, 2)}, "encoder.stages.2.0.convs.2"),
        ({**RESIDUAL, "features": (8, 16, 32)}, {**RESIDUAL, "features": (4, 4, 8)}, "encoder.stages.1.blocks.0.skip.1"),
    ],
    ids=["stages", "blocks", "projection"],
)
def test_layers_that_would_be_left_out_are_refused(tmp_path: Path, teacher: dict, student: dict, surplus: str) -> None:
    error = refusal(tmp_path, teacher, student)
    assert "layers that the student has not" in error.problem
    assert surplus in error.found


def test_a_network_of_the_same_width_is_no_selection(tmp_path: Path) -> None:
    init = stored_model(tmp_path)["init_args"]
    path = tmp_path / "nnUNetTrainer__nnUNetPlans__3d_fullres" / "fold_0" / "checkpoint_final.pth"
    student = StudentSettings(name="same", pretrained_weights=path, weight_selection=True)
    weights = open_pretrained_weights(student, init["plans"], "3d_fullres", init["dataset_json"])
    assert weights is not None
    assert weights.selected is False


def test_a_selection_needs_something_to_select_from() -> None:
    with pytest.raises(ValueError, match="weight_selection needs pretrained_weights"):
        StudentSettings(name="half", weight_selection=True)
