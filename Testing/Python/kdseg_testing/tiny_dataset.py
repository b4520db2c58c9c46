"""A tiny nnU-Net data set: raw files, preprocessed by nnU-Net's own code, with plans that fit, in a few seconds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Sequence

import numpy as np
import SimpleITK as sitk

from kdseg_testing.model_folder import write_model_folder

DATASET = "Dataset999_Test"

SHORT_TRAINER = '''
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class ShortTrainer(nnUNetTrainer):
    """Two steps; everything else is nnU-Net's."""

    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cpu")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs, self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = 1, 2, 1

    def perform_actual_validation(self, save_probabilities: bool = False):
        """Left out: nnU-Net starts worker processes for it."""
'''


@dataclass(frozen=True)
class TinyDataset:
    """Where everything lies.

    Attributes
    ----------
    root
        Holds ``raw``, ``preprocessed``, ``results`` and ``trainers``.
    preprocessed
        The data set's folder with ``nnUNetPlans.json``.
    images
        Folder with the images of all cases.
    """

    root: Path
    preprocessed: Path
    images: Path

    @property
    def results(self) -> Path:
        """The data set's folder for trained models."""
        return self.root / "results" / DATASET

    @property
    def environment(self) -> Dict[str, str]:
        """Variables that stock nnU-Net reads: its folders, ``ShortTrainer``, and no worker processes where it allows that."""
        return {
            "nnUNet_raw": str(self.root / "raw"),
            "nnUNet_preprocessed": str(self.root / "preprocessed"),
            "nnUNet_results": str(self.root / "results"),
            "nnUNet_extTrainer": str(self.root / "trainers"),
            "nnUNet_n_proc_DA": "0",
            "nnUNet_def_n_proc": "1",
        }


def write_tiny_dataset(root: Path, *, cases: int = 3, shape: Sequence[int] = (20, 22, 18), **model: Any) -> TinyDataset:
    """Write a data set whose last case is the validation case of fold 0.

    Parameters
    ----------
    root
        An empty folder.
    shape
        Of the images, (z, y, x).
    model
        As for :func:`kdseg_testing.model_folder.write_model_folder`; its plans are the data set's.
    """
    folder = write_model_folder(root / "model", **model)
    plans, description = (json.loads((folder / name).read_text()) for name in ("plans.json", "dataset.json"))
    shutil.rmtree(folder)
    configuration = next(iter(plans["configurations"]))
    plans["configurations"][configuration]["data_identifier"] = f"nnUNetPlans_{configuration}"
    description["numTraining"] = cases
    dataset = TinyDataset(root, root / "preprocessed" / DATASET, root / "raw" / DATASET / "imagesTr")
    (root / "trainers").mkdir()
    (root / "trainers" / "short_trainer.py").write_text(SHORT_TRAINER)
    names = [f"case_{i}" for i in range(cases)]
    for path in (
        dataset.images,
        dataset.images.parent / "labelsTr",
        dataset.preprocessed / "gt_segmentations",
        dataset.results,
    ):
        path.mkdir(parents=True)
    for seed, name in enumerate(names):
        _write_case(dataset, name, shape, len(description["channel_names"]), seed)
    for path, content in (
        (dataset.preprocessed / "nnUNetPlans.json", plans),
        (dataset.preprocessed / "dataset.json", description),
        (dataset.images.parent / "dataset.json", description),
        (dataset.preprocessed / "dataset_fingerprint.json", {}),
        (dataset.preprocessed / "splits_final.json", [{"train": names[:-1], "val": names[-1:]}]),
    ):
        path.write_text(json.dumps(content))
    _preprocess(dataset, plans, configuration, description, names)
    return dataset


def _write_case(dataset: TinyDataset, name: str, shape: Sequence[int], channels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint8)
    labels[4:14, 5:15, 4:12] = 1
    labels[6:10, 7:12, 6:9] = 2
    for channel in range(channels):
        voxels = (50 * labels + 10 * rng.standard_normal(shape) + 100).astype(np.float32)
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(dataset.images / f"{name}_{channel:04d}.nii.gz"))
    for folder in (dataset.images.parent / "labelsTr", dataset.preprocessed / "gt_segmentations"):
        sitk.WriteImage(sitk.GetImageFromArray(labels), str(folder / f"{name}.nii.gz"))


def _preprocess(
    dataset: TinyDataset, plans: Dict[str, Any], configuration: str, description: Dict[str, Any], names: Sequence[str]
) -> None:
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(plans)
    config = manager.get_configuration(configuration)
    target = dataset.preprocessed / config.data_identifier
    target.mkdir()
    for name in names:
        images = sorted(str(path) for path in dataset.images.glob(f"{name}_*.nii.gz"))
        labels = str(dataset.images.parent / "labelsTr" / f"{name}.nii.gz")
        DefaultPreprocessor(verbose=False).run_case_save(str(target / name), images, labels, manager, config, description)


DRIVER = """
import json, sys
from kdseg_training.torchvision_stub import declare_torchvision_operators
declare_torchvision_operators()
from nnunetv2.inference.predict_from_raw_data import predict_entry_point, predict_entry_point_modelfolder
from nnunetv2.run.run_training import run_training_entry
commands = {
    "nnUNetv2_train": run_training_entry,
    "nnUNetv2_predict": predict_entry_point,
    "nnUNetv2_predict_from_modelfolder": predict_entry_point_modelfolder,
}
if __name__ == "__main__":
    for line in json.loads(sys.argv[1]):
        sys.argv = line
        commands[line[0]]()
"""


def run_stock_commands(dataset: TinyDataset, commands: Sequence[Sequence[str]], **variables: str) -> None:
    """Run nnU-Net's own commands, with their entry points, one after the other in one process; more variables may be set."""
    repository = Path(__file__).resolve().parents[3]
    packages = os.pathsep.join(str(repository / name) for name in ("KDSegmentator", "KDSegmentatorTraining"))
    driver = dataset.root / "driver.py"
    driver.write_text(DRIVER)
    result = subprocess.run(
        [sys.executable, str(driver), json.dumps([list(command) for command in commands])],
        env={**os.environ, **dataset.environment, **variables, "PYTHONPATH": packages},
        capture_output=True,
        text=True,
        check=False,
        cwd=dataset.root,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
