"""Students of a family in the hands of stock nnU-Net: its own commands train them and predict with them, unchanged."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from kdseg_testing.model_folder import write_model_folder
from kdseg_testing.tiny_dataset import DATASET, TinyDataset, run_stock_commands, write_tiny_dataset
from kdseg_training.distillation.family import count_parameters, write_student_plans
from kdseg_training.export.checkpoint import read_checkpoint

FACTORS = {2: [8, 16, 24], 4: [4, 8, 12], 8: [4, 4, 6]}
NETWORKS = {"PlainConvUNet": "nnUNetPlans", "ResidualEncoderUNet": "nnUNetResEncUNetMPlans"}
SIZES = {"features": (16, 32, 48), "patch_size": (16, 16, 16)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TinyDataset:
    """A data set on which stock nnU-Net has trained students of both networks, and predicted one case with each."""
    root = tmp_path_factory.mktemp("nnunet")
    dataset = write_tiny_dataset(root, **SIZES)
    _add_plans(dataset, "ResidualEncoderUNet")
    commands = []
    for network, factor in product(NETWORKS, FACTORS):
        name = write_student_plans(dataset.preprocessed, plans_name=NETWORKS[network], factor=factor).stem
        assert name == f"{NETWORKS[network]}_x{factor}"
        trainer = ["-p", name, "-tr", "ShortTrainer", "-device", "cpu"]
        commands.append(["nnUNetv2_train", DATASET, "3d_fullres", "0", *trainer])
        folders = ["-i", str(_one_image(dataset)), "-o", str(root / f"predicted_{name}")]
        options = ["-c", "3d_fullres", "-f", "0", "--disable_tta", "-npp", "0", "-nps", "0"]
        commands.append(["nnUNetv2_predict", "-d", DATASET, *folders, *options, *trainer])
    before = _preprocessed_files(dataset)
    run_stock_commands(dataset, commands)
    assert _preprocessed_files(dataset) == before, "something was preprocessed again"
    return dataset


def _add_plans(dataset: TinyDataset, network: str) -> None:
    """Write plans for another network that use the same preprocessed data, as nnU-Net's planners do."""
    folder = write_model_folder(dataset.root / network, network=network, **SIZES)
    plans = json.loads((folder / "plans.json").read_text())
    plans["plans_name"] = NETWORKS[network]
    plans["configurations"]["3d_fullres"]["data_identifier"] = "nnUNetPlans_3d_fullres"
    (dataset.preprocessed / f"{NETWORKS[network]}.json").write_text(json.dumps(plans))


def _one_image(dataset: TinyDataset) -> Path:
    folder = dataset.root / "one_image"
    folder.mkdir(exist_ok=True)
    (folder / "case_2_0000.nii.gz").write_bytes((dataset.images / "case_2_0000.nii.gz").read_bytes())
    return folder


def _preprocessed_files(dataset: TinyDataset) -> dict[str, int]:
    files = dataset.preprocessed.glob("nnUNetPlans_3d_fullres/*.b2nd")
    return {path.name: path.stat().st_mtime_ns for path in files}


@pytest.mark.parametrize(("network", "factor"), list(product(NETWORKS, FACTORS)))
def test_stock_nnunet_trains_and_predicts_with_every_student(trained: TinyDataset, network: str, factor: int) -> None:
    name = f"{NETWORKS[network]}_x{factor}"
    folder = trained.results / f"ShortTrainer__{name}__3d_fullres"
    weights = read_checkpoint(folder / "fold_0" / "checkpoint_final.pth").weights
    assert [weights[f"decoder.transpconvs.{i}.weight"].shape[1] for i in (1, 0)] == FACTORS[factor][:2]
    assert weights["decoder.transpconvs.0.weight"].shape[0] == FACTORS[factor][2]
    counted = sum(v.numel() for v in {v.data_ptr(): v for v in weights.values()}.values())
    plans = json.loads((folder / "plans.json").read_text())
    assert count_parameters(plans, "3d_fullres", 1, 3) == counted
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(trained.root / f"predicted_{name}" / "case_2.nii.gz")))
    assert labels.shape == (20, 22, 18)
    assert set(np.unique(labels)) <= {0, 1, 2}
