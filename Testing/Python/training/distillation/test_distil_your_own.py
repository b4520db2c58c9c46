"""The commands of docs/distil-your-own.md, as they stand there, on a tiny data set that nnU-Net plans and preprocesses."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Dict, List

import numpy as np
import pytest
import SimpleITK as sitk
import torch
import yaml
from typer.testing import CliRunner

from kdseg.bundle import load_student
from kdseg.cli.main import main as kdseg
from kdseg_training.cli import app
from KDSegmentatorLib.students import StudentLibrary

PLAN = """
import multiprocessing
context = multiprocessing.get_context
multiprocessing.get_context = lambda method=None: context("fork")  # workers start at once
from nnunetv2.experiment_planning.plan_and_preprocess_entrypoints import plan_and_preprocess_entry
plan_and_preprocess_entry()
"""
TINY = {"epochs": 1, "iterations": 12, "validation_iterations": 1, "batch_size": 2}


@pytest.fixture(scope="module")
def document(repository: Path) -> str:
    return (repository / "docs" / "distil-your-own.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> List[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def write_raw(folder: Path) -> None:
    """Write five cases with two boxes each."""
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    for number in range(5):
        rng = np.random.default_rng(number)
        labels = np.zeros((18, 20, 16), np.uint8)
        labels[3:15, 4:17, 3:13] = 1
        labels[6:11, 7 : 12 + number % 2, 6:10] = 2
        voxels = (60 * labels + 8 * rng.standard_normal(labels.shape) + 100).astype(np.float32)
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(folder / "imagesTr" / f"case_{number}_0000.nii.gz"))
        sitk.WriteImage(sitk.GetImageFromArray(labels), str(folder / "labelsTr" / f"case_{number}.nii.gz"))
    description = {
        "channel_names": {"0": "MRI"},
        "labels": {"background": 0, "Anterior": 1, "Posterior": 2},
        "numTraining": 5,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(description))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, document: str) -> Dict[str, str]:
    """What the document starts from: a preprocessed data set and a model folder with the name that it uses."""
    root = tmp_path_factory.mktemp("own")
    folders = {f"nnUNet_{name}": str(root / name) for name in ("raw", "preprocessed", "results")}
    for folder in folders.values():
        Path(folder).mkdir()
    write_raw(root / "raw" / "Dataset004_Hippocampus")
    (plan,) = re.findall(r"`nnUNetv2_plan_and_preprocess (.*?)`", document)
    command = [sys.executable, "-c", PLAN, *shlex.split(plan), "-npfp", "1", "-np", "1", "--no_pbar"]
    environment = {**os.environ, **folders, "nnUNet_def_n_proc": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    teacher = {
        "dataset": "Dataset004_Hippocampus",
        "students": [{"name": "nnUNetTrainer"}],
        "budget": TINY,
        **folders_of(folders),
        **machine(),
    }
    (root / "teacher.yaml").write_text(yaml.safe_dump(teacher))
    result = CliRunner().invoke(app, ["distill", str(root / "teacher.yaml")])
    assert result.exit_code == 0, result.output
    return folders


def folders_of(folders: Dict[str, str]) -> Dict[str, str]:
    return {"preprocessed": folders["nnUNet_preprocessed"], "results": folders["nnUNet_results"]}


def machine() -> Dict[str, object]:
    return {"device": "cpu", "precision": "fp32", "threads": 1, "workers": 0, "tensorboard": False}


def test_the_commands_of_the_document(
    prepared: Dict[str, str], document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    for name, folder in prepared.items():
        monkeypatch.setenv(name, folder)
    monkeypatch.chdir(tmp_path)
    (settings,) = (yaml.safe_load(block) for block in blocks(document, "yaml"))
    settings.update({"budget": TINY, **machine()})  # the test has no days
    Path(prepared["nnUNet_results"], "distil.yaml").write_text(yaml.safe_dump(settings))
    lines = [shlex.split(os.path.expandvars(line)) for block in blocks(document, "sh") for line in block.splitlines()]
    assert [words[:2] for words in lines] == [
        ["kdseg-training", "family"],
        ["kdseg-training", "distill"],
        ["kdseg-training", "export"],
        ["kdseg", "verify"],
    ]
    for words in lines[:3]:
        result = CliRunner().invoke(app, words[1:])
        assert result.exit_code == 0, (words, result.output)
    assert kdseg(lines[3][1:]) == 0
    assert "hippocampus" in capsys.readouterr().out

    library = StudentLibrary(tmp_path / "shipped", tmp_path / "mine")
    logic = SimpleNamespace(KDSegmentatorLogic=lambda: SimpleNamespace(library=library))
    monkeypatch.setitem(sys.modules, "KDSegmentator", logic)
    (snippet,) = blocks(document, "python")
    exec(compile(snippet, "docs/distil-your-own.md", "exec"), {})
    (student,) = library.students()
    assert (student.name, student.version) == ("hippocampus", "2.0.0")

    stated = load_student(student.path).document
    assert stated["capacity"] == "1/4"
    assert (stated["modality"], stated["body_part"], stated["licence"]) == ("MR", "Hippocampus", "CC-BY-SA-4.0")
    assert stated["provenance"]["teacher"].startswith("nnUNetTrainer__nnUNetPlans__3d_fullres, weights sha256 ")
    assert stated["provenance"]["distillation"]["method"] == "method D: soft_dice"
    assert stated["provenance"]["dataset"]["training_cases"] == 4
    assert [entry.name for entry in student.entries] == ["Anterior", "Posterior"]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
