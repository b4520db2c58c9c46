"""Arrays that travel through the augmentation with the image, and batches without labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

from kdseg.errors import TrainingDataError
from kdseg_testing.training_runs import assert_same, checkpoint_steps, make_trainer
from kdseg_training.distillation.outputs import Outputs
from kdseg_training.distillation.training.batches import SampleShare
from kdseg_training.distillation.training.family import FamilyTraining
from kdseg_training.distillation.training.patches import make_batches
from kdseg_training.distillation.training.step import DeviceBatch
from kdseg_training.distillation.training.workers import serve

KEYS = [("train", i) for i in range(6)]


class FromCase:
    """Two channels made from the case itself: its preprocessed image, and its labels."""

    channels = 2

    def __init__(self, folder: Path) -> None:
        self.dataset = nnUNetDatasetBlosc2(str(folder))

    def load(self, case: str) -> np.ndarray:
        image, labels, _, _ = self.dataset.load_case(case)
        return np.concatenate([image[:], np.maximum(labels[:], 0)])


class Ones:
    channels = 1

    def load(self, case: str) -> np.ndarray:
        return np.ones((1, 14, 16, 12), np.float32)


@pytest.fixture(scope="module")
def trainer(settings, tmp_path_factory):
    students = [{"name": "logits", "factor": 2, "method": "A"}]
    return make_trainer(settings(tmp_path_factory.mktemp("companions"), students=students))


@pytest.fixture(scope="module")
def companions(dataset):
    return {"inside": Ones(), "case": FromCase(dataset.preprocessed / "nnUNetPlans_3d_fullres")}


def stream(trainer, companions=None):
    return make_batches(trainer, seed=3, share=SampleShare(2), mirror=True, companions=companions)


def test_image_and_labels_are_the_same_with_and_without(trainer, companions) -> None:
    for key in [*KEYS, ("validation", 0)]:
        carried = stream(trainer, companions)[key]
        assert set(carried.pop("carried", {})) == ({"inside", "case"} if key[0] == "train" else set())
        assert_same(carried, stream(trainer)[key])


def test_companions_are_moved_like_the_image(trainer, companions) -> None:
    """Where no intensity transform touched the image, the carried copy of it is the image itself."""
    same = 0
    for key in KEYS:
        batch = stream(trainer, companions)[key]
        for image, copied, labels, target in zip(
            batch["data"], batch["carried"]["case"][:, :1], batch["carried"]["case"][:, 1:], batch["target"][0], strict=True
        ):
            same += bool(torch.allclose(image, copied, atol=1e-5))
            agree = (labels.round() == target).float().mean()
            assert agree > 0.9, "labels moved by linear interpolation differ from those moved as labels only at borders"
    assert same >= 3


def test_outside_of_the_case_they_are_zero(trainer, companions) -> None:
    inside = torch.stack([stream(trainer, companions)[key]["carried"]["inside"] for key in KEYS])
    assert inside.min() == 0
    assert inside.max() == pytest.approx(1)


def test_workers_carry_them_too(trainer, companions) -> None:
    here = list(serve(stream(trainer, companions), KEYS[:3], workers=0))
    assert_same(list(serve(stream(trainer, companions), KEYS[:3], workers=2)), here)


def test_a_companion_of_another_grid_is_refused(trainer) -> None:
    class Wrong(Ones):
        def load(self, case: str) -> np.ndarray:
            return np.ones((1, 14, 16, 13), np.float32)

    with pytest.raises(TrainingDataError, match=r"14, 16, 12.*14, 16, 13"):
        list(serve(stream(trainer, {"wrong": Wrong()}), KEYS[:1], workers=0))


class StoredTeacher:
    """Answers with what the batch carries."""

    def __init__(self, companions) -> None:
        self.companions = companions
        self.asked = 0

    def __call__(self, batch: DeviceBatch, stage_names) -> Outputs:
        self.asked += 1
        inside = batch.carried["inside"]
        return Outputs([torch.cat([inside, -inside, -inside], dim=1)], mask=inside)

    def prove_unchanged(self) -> None:
        pass


def test_a_run_can_learn_from_carried_signals(settings, tmp_path: Path, companions) -> None:
    trainer = make_trainer(settings(tmp_path, students=[{"name": "logits", "factor": 2, "method": "A"}]))
    signals = StoredTeacher(companions)
    FamilyTraining([trainer], signals=signals).run()
    assert signals.asked == trainer.steps == checkpoint_steps(trainer)
    assert trainer.history[-1].losses["logits"] > 0


def test_without_labels_only_the_teacher_teaches(settings, tmp_path: Path) -> None:
    config = settings(tmp_path, students=[{"name": "logits", "factor": 2, "method": "A"}, {"name": "plain", "factor": 2}])
    distilled, plain = make_trainer(config), make_trainer(config, student=1)
    data = torch.randn(2, 1, 8, 8, 8)
    batch = DeviceBatch(data, None, {}, ["x", "y"])
    for trainer in (distilled, plain):
        before = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
        trainer.begin_epoch(0)
        trainer.learn(batch, distilled.settings.teacher(data) if trainer is distilled else None)
        changed = not all(torch.equal(before[name], tensor) for name, tensor in trainer.network.state_dict().items())
        assert changed == (trainer is distilled)
        assert trainer.step == 1
    assert distilled.tally.losses["segmentation"] == 0
    assert distilled.tally.losses["total"] == pytest.approx(distilled.tally.losses["logits"])
