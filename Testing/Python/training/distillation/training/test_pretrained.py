"""Weights that a training starts from; nnU-Net's own loading of pretrained weights is the oracle for checkpoints."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import torch

from kdseg.errors import ConfigurationError, ResumeError
from kdseg.plans.parser import parse_labels
from kdseg_testing.model_folder import write_model_folder
from kdseg_testing.shipped import STUDENTS
from kdseg_testing.small_runs import MODEL
from kdseg_training.distillation.config import read_config
from kdseg_training.distillation.family.parameters import channels_and_heads, planned_network
from kdseg_training.distillation.training.check import check_run
from kdseg_training.distillation.training.pretrained import HEADS, read_pretrained_weights
from kdseg_training.distillation.training.runs import new_arm, new_trainer, train_from_config
from kdseg_training.distillation.training.sources import open_data_set, set_folders
from kdseg_training.export import export_student

FINEST = f"{HEADS}1."


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of the data set's plans with other random weights."""
    folder = tmp_path_factory.mktemp("trained") / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    return write_model_folder(folder, seed=11, **MODEL) / "fold_0" / "checkpoint_final.pth"


@pytest.fixture(scope="session")
def bundle(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_student(trained.parents[1], tmp_path_factory.mktemp("bundle")).path


def state_of_new_trainer(settings, results: Path, weights: Path | None) -> dict[str, torch.Tensor]:
    student = {"name": "plain", **({} if weights is None else {"pretrained_weights": weights})}
    config = settings(results, students=[student])
    set_folders(config)
    data = open_data_set(config)
    arm, plans = new_arm(config, config.students[0], data, None)
    trainer = new_trainer(arm, plans, data, torch.device("cpu"))
    trainer.initialize()
    return {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}


def test_a_checkpoint_gives_every_weight(settings, tmp_path: Path, trained: Path) -> None:
    state = state_of_new_trainer(settings, tmp_path, trained)
    expected = torch.load(trained, weights_only=True)["network_weights"]
    assert set(state) == set(expected)
    assert all(torch.equal(state[name], expected[name]) for name in expected)


def test_a_bundle_gives_every_weight_but_the_coarser_heads(settings, tmp_path: Path, trained: Path, bundle: Path) -> None:
    state, fresh = (state_of_new_trainer(settings, tmp_path / str(bool(w)), w) for w in (bundle, None))
    expected = torch.load(trained, weights_only=True)["network_weights"]
    coarser = {name for name in state if name.startswith(HEADS) and not name.startswith(FINEST)}
    assert coarser
    assert any(name.startswith(FINEST) for name in state)
    for name, tensor in state.items():
        assert torch.equal(tensor, fresh[name] if name in coarser else expected[name]), name


def test_a_residual_network_comes_back_whole_from_a_bundle(tmp_path: Path) -> None:
    """Two of its tensors learn the same; the ONNX file holds such a pair once."""
    changes = {**MODEL, "network": "ResidualEncoderUNet", "blocks": (1, 1, 1)}
    folder = write_model_folder(tmp_path / "nnUNetTrainer__nnUNetPlans__3d_fullres", seed=11, **changes)
    path = folder / "fold_0" / "checkpoint_final.pth"
    stored = torch.load(path, weights_only=True)
    plans, dataset = stored["init_args"]["plans"], stored["init_args"]["dataset_json"]
    trained, network = (planned_network(plans, "3d_fullres", 1, 3) for _ in range(2))
    trained.load_state_dict(stored["network_weights"])
    for name, parameter in trained.named_parameters():
        if name.endswith("skip.1.norm.bias"):
            parameter.data.copy_(trained.get_parameter(name.replace("skip.1", "conv2")))
    weights = trained.state_dict()
    torch.save({**stored, "network_weights": weights}, path)
    (tmp_path / "bundle").mkdir()
    read = read_pretrained_weights(export_student(folder, tmp_path / "bundle").path)
    random = read.apply(network, parse_labels(dataset))
    state = network.state_dict()
    assert any(name.endswith("skip.1.norm.bias") for name in state)
    assert all(name.startswith(HEADS) and not name.startswith(FINEST) for name in random)
    assert all(torch.equal(state[name], weights[name]) for name in state if HEADS not in name or FINEST in name)


@pytest.mark.parametrize("shipped", STUDENTS, ids=lambda shipped: shipped.identifier)
def test_every_student_that_ships_is_a_start(shipped) -> None:
    with zipfile.ZipFile(shipped.path) as archive:
        plans, dataset = (json.loads(archive.read(name)) for name in ("plans.json", "dataset.json"))
    channels, heads = channels_and_heads(plans, "3d_fullres", dataset)
    network = planned_network(plans, "3d_fullres", channels, heads)
    random = read_pretrained_weights(shipped.path).apply(network, parse_labels(dataset))
    assert all(name.startswith(HEADS) for name in random)
    assert len(random) < 2 * sum(name.endswith(".weight") for name in network.state_dict() if name.startswith(HEADS))


def test_people_are_told_where_a_student_starts(settings, tmp_path: Path, bundle: Path) -> None:
    told: list[str] = []
    student = {"name": "plain", "pretrained_weights": bundle}
    budget = {"epochs": 1, "iterations": 1, "validation_iterations": 1, "ema_decay": 0.5}
    config = settings(tmp_path, students=[student, {**student, "name": "other"}], budget=budget)
    train_from_config(config, say=told.append)
    reason = "2 tensors of the segmentation layers stay random, because it does not hold them."
    assert [sentence for sentence in told if "starts from" in sentence] == [
        f"{name}: starts from {bundle}; {reason}" for name in ("plain", "other")
    ]
    told.clear()
    train_from_config(config, mode="resume", say=told.append)
    assert not [sentence for sentence in told if "starts from" in sentence]


def test_a_checkpoint_that_does_not_tell_its_labels_is_refused(tmp_path: Path, trained: Path) -> None:
    stored = torch.load(trained, weights_only=True)
    del stored["init_args"]["dataset_json"]
    torch.save(stored, tmp_path / "older.pth")
    with pytest.raises(ConfigurationError, match="does not tell what its labels are"):
        read_pretrained_weights(tmp_path / "older.pth")


def test_other_labels_leave_the_heads_random_as_nnunet_does(tmp_path: Path, trained: Path) -> None:
    from nnunetv2.run.load_pretrained_weights import load_pretrained_weights

    read = read_pretrained_weights(trained)
    plans = torch.load(trained, weights_only=True)["init_args"]["plans"]
    theirs = planned_network(plans, "3d_fullres", 1, 3)
    ours = planned_network(plans, "3d_fullres", 1, 3)
    ours.load_state_dict(theirs.state_dict())
    kept = ours.state_dict()[f"{FINEST}weight"].clone()
    random = read.apply(ours, parse_labels({"labels": {"background": 0, "Something": 1, "else": 2}}))
    load_pretrained_weights(theirs, str(trained))
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True))
    assert {name.rsplit(".", 1)[1] for name in random} == {"weight", "bias"}
    assert all(name.startswith(HEADS) for name in random)
    assert torch.equal(ours.state_dict()[f"{FINEST}weight"], kept)


def test_another_network_is_refused_and_left_alone(settings, tmp_path: Path, trained: Path) -> None:
    config = settings(tmp_path, students=[{"name": "narrow", "factor": 2, "pretrained_weights": trained}])
    with pytest.raises(ConfigurationError, match="another network") as caught:
        check_run(config)
    assert caught.value.expected.startswith("encoder.stages.0.0.convs.0.conv.weight 4×1×3×3×3, ")
    assert "and " in caught.value.expected
    assert caught.value.found.startswith("8×1×3×3×3, ")
    assert caught.value.path == str(trained)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "content"), [("weights.bin", b"1"), ("a.kdseg.zip", b"no zip"), ("a.pth", b"no data"), ("b.pth", None)]
)
def test_a_file_that_is_of_no_use_is_named(settings, tmp_path: Path, name: str, content: bytes | None) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="retrained weights") as caught:
        check_run(settings(tmp_path / "results", students=[{"name": "plain", "pretrained_weights": path}]))
    assert caught.value.path == str(path)
    assert "pretrained_weights" in caught.value.remedy


def test_the_path_starts_at_the_files_folder(settings, tmp_path: Path) -> None:
    text = "dataset: 4\nstudents:\n  - { name: plain, pretrained_weights: ../a.kdseg.zip }\n"
    (tmp_path / "run.yaml").write_text(text)
    assert read_config(tmp_path / "run.yaml").students[0].pretrained_weights == tmp_path / "../a.kdseg.zip"


def test_a_run_that_started_elsewhere_is_not_continued(settings, tmp_path: Path, trained: Path, bundle: Path) -> None:
    def config(weights: Path | None):
        student = {"name": "plain", **({} if weights is None else {"pretrained_weights": weights})}
        budget = {"epochs": 2, "iterations": 2, "validation_iterations": 1}
        return settings(tmp_path, students=[student], budget=budget)

    train_from_config(config(bundle))
    train_from_config(config(bundle), mode="resume")
    for other in (trained, None):
        with pytest.raises(ResumeError) as caught:
            train_from_config(config(other), mode="resume")
        assert "pretrained_weights" in str(caught.value)
