"""The checkpoint that says mirroring is off: stock nnU-Net's predictor obeys it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from kdseg.errors import ExportError, OutputError
from kdseg_testing.model_folder import write_model_folder
from kdseg_training.distillation.no_mirroring import write_without_mirroring

PATCH = (16, 16, 16)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A model of a trainer that only its maker has, with everything that training leaves in a checkpoint."""
    changes = {
        "trainer_name": "SomebodysTrainer",
        "init_args": {"configuration": "3d_fullres", "fold": 0, "plans": {}, "dataset_json": {}},
        "optimizer_state": {"state": {0: torch.zeros(5)}},
        "current_epoch": 3,
        "logging": {"mean_fg_dice": [np.float64(0.5)]},
    }
    name = "SomebodysTrainer__nnUNetPlans__3d_fullres"
    return write_model_folder(tmp_path / name, mirroring_axes=(0, 1, 2), patch_size=PATCH, checkpoint_changes=changes)


def stock_prediction(folder: Path, image: Path) -> tuple[np.ndarray, int, object]:
    """Return stock nnU-Net's labels, how often it ran the network, and the axes that it was allowed to mirror."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(
        perform_everything_on_device=False, device=torch.device("cpu"), allow_tqdm=False, use_mirroring=True
    )
    predictor.initialize_from_trained_model_folder(str(folder), use_folds=(0,))
    passes = 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1

    predictor.network.register_forward_hook(count)
    predictor.predict_from_files_sequential([[str(image)]], [str(folder / "labels")])
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "labels.nii.gz")))
    return labels, passes, predictor.allowed_mirroring_axes


def test_stock_nnunet_skips_the_mirroring_by_itself(trained: Path, tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).standard_normal(PATCH).astype(np.float32)
    image = tmp_path / "case_0000.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(image))
    folder = write_without_mirroring(trained)
    assert folder == tmp_path / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    labels, passes, axes = stock_prediction(folder, image)
    assert (passes, axes) == (1, None)

    same = write_model_folder(tmp_path / "same", mirroring_axes=None, patch_size=PATCH)
    mirrored = write_model_folder(tmp_path / "mirrored", mirroring_axes=(0, 1, 2), patch_size=PATCH)
    assert np.array_equal(labels, stock_prediction(same, image)[0])
    labels_mirrored, passes, _ = stock_prediction(mirrored, image)
    assert passes == 8
    assert not np.array_equal(labels, labels_mirrored)


def test_only_what_prediction_reads_is_kept(trained: Path) -> None:
    before = (trained / "fold_0" / "checkpoint_final.pth").read_bytes()
    folder = write_without_mirroring(trained, trained.parent / "out")
    content = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=True)
    assert {key: value for key, value in content.items() if key != "network_weights"} == {
        "trainer_name": "nnUNetTrainer",
        "init_args": {"configuration": "3d_fullres"},
        "inference_allowed_mirroring_axes": None,
    }
    assert (trained / "fold_0" / "checkpoint_final.pth").read_bytes() == before
    for name in ("plans.json", "dataset.json"):
        assert (folder / name).read_bytes() == (trained / name).read_bytes()


def test_folds_join_one_folder_and_nothing_is_replaced(trained: Path) -> None:
    write_model_folder(trained, mirroring_axes=(0,), patch_size=PATCH, fold=1, seed=1)
    out = trained.parent / "out"
    with pytest.raises(ExportError, match="fold"):
        write_without_mirroring(trained, out)
    for fold in (0, 1):
        write_without_mirroring(trained, out, fold=fold)
    assert sorted(path.name for path in out.glob("fold_*")) == ["fold_0", "fold_1"]
    for folder in (out, trained):
        with pytest.raises(OutputError, match="already"):
            write_without_mirroring(trained, folder, fold=0)


def test_a_folder_of_another_model_is_left_alone(trained: Path) -> None:
    other = write_model_folder(trained.parent / "other", features=(4, 8), fold=4)
    before = (other / "plans.json").read_bytes()
    with pytest.raises(OutputError, match="another model"):
        write_without_mirroring(trained, other)
    assert (other / "plans.json").read_bytes() == before
    assert not (other / "fold_0").exists()
