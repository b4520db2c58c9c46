"""Several students in one run: each as if alone, the teacher untouched."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch

from kdseg.errors import AgreementError, Cancelled, TeacherError
from kdseg_testing.training_runs import assert_same, final, make_trainer, run
from kdseg_training.distillation.training import checkpoints
from kdseg_training.distillation.training.family import FamilyTraining

STUDENTS = [
    {"name": "plain", "factor": 2},
    {"name": "logits", "factor": 2, "method": "A"},
    {"name": "features", "factor": 4, "method": "B", "mirroring": False},
    {"name": "kernels", "factor": 2, "losses": [{"kind": "kernel", "stages": ["encoder.stages.1"]}]},
]


@pytest.fixture(scope="module")
def family(settings, tmp_path_factory):
    torch.set_num_threads(1)
    config = settings(tmp_path_factory.mktemp("family"), students=STUDENTS)
    return run(config)


@pytest.mark.parametrize("number", range(len(STUDENTS)))
def test_every_student_is_what_it_would_be_alone(settings, tmp_path: Path, family, number: int) -> None:
    alone = run(settings(tmp_path, students=[STUDENTS[number]]))
    assert_same(final(alone), final(family, number))


def test_losses_make_a_difference(family) -> None:
    plain, logits = (final(family, i)["network_weights"] for i in (0, 1))
    assert not all(torch.equal(plain[name], logits[name]) for name in plain)


def test_arms_of_one_width_have_the_same_plans(family) -> None:
    settings = [final(family, i)[checkpoints.OWN_KEY]["settings"] for i in range(4)]
    assert len({s["plans"] for s in (settings[0], settings[1], settings[3])}) == 1


def test_an_exported_student_has_neither_adapters_nor_teacher(family, settings, tmp_path: Path) -> None:
    plain = make_trainer(settings(tmp_path, students=[{"name": "plain", "factor": 4}]))
    assert final(family, 2)["network_weights"].keys() == plain.network.state_dict().keys()
    assert any("adapters" in name for name in final(family, 2)[checkpoints.OWN_KEY]["adapters"])


def test_the_checkpoint_says_whether_inference_mirrors(family) -> None:
    assert [final(family, i)["inference_allowed_mirroring_axes"] for i in range(3)] == [(0, 1, 2), (0, 1, 2), None]
    assert final(family)["trainer_name"] == "nnUNetTrainer"


def test_together_costs_less_than_one_by_one(family) -> None:
    cost = family.cost
    assert set(cost.seconds) == {"data", "teacher", *(s["name"] for s in STUDENTS)}
    assert cost.steps == 6
    assert cost.separate == pytest.approx(cost.together + 3 * cost.seconds["data"] + 2 * cost.seconds["teacher"])
    assert any("one by one" in line for line in cost.lines())


def test_a_run_leaves_table_curves_and_report(family) -> None:
    folder = family.students[1].checkpoint.parent
    rows = list(csv.DictReader((folder / "training.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["3", "6"]
    assert {"loss_total", "loss_segmentation", "loss_logits", "pseudo_dice_A", "pseudo_dice_B", "seconds_teacher"} <= set(
        rows[0]
    )
    total = float(rows[0]["loss_segmentation"]) + float(rows[0]["loss_logits"])
    assert float(rows[0]["loss_total"]) == pytest.approx(total, rel=1e-5)
    assert (folder / "training.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    report = json.loads((folder / "training.json").read_text())
    assert report["steps"] == 6
    assert len(report["teacher"]["digest"]) == 64
    assert report["software"]["nnunetv2"].startswith("2.")


def test_a_family_resumes_as_a_whole(settings, tmp_path: Path, family) -> None:
    """One arm is a step ahead, as after a crash between two checkpoints, and one has not begun."""
    config = settings(tmp_path, students=STUDENTS)
    for students, steps in ((STUDENTS[:2], 2), (STUDENTS[2:3], 4)):
        asked = iter([False] * (steps - 1) + [True])
        with pytest.raises(Cancelled):
            run(settings(tmp_path, students=students), stop=lambda asked=asked: next(asked))
    result = run(config, mode="resume")
    for number in range(len(STUDENTS)):
        assert_same(final(result, number), final(family, number))


def test_a_teacher_that_changed_is_noticed(settings, tmp_path: Path) -> None:
    trainer = make_trainer(settings(tmp_path, students=STUDENTS), student=1)

    def meddle() -> bool:
        next(trainer.settings.teacher.network.parameters()).data.add_(1e-6)
        return False

    with pytest.raises(TeacherError, match="changed during training"):
        FamilyTraining([trainer], stop=meddle).run()
    assert not (trainer.folder / checkpoints.FINAL).exists()
    assert (trainer.folder / checkpoints.LATEST).exists()


def test_a_teacher_of_another_patch_is_refused_before_anything_is_written(settings, tmp_path: Path) -> None:
    from kdseg_testing.model_folder import write_model_folder

    other = write_model_folder(tmp_path / "other", features=(8, 16, 16), patch_size=(16, 8, 8))
    with pytest.raises(AgreementError, match="patch size"):
        run(settings(tmp_path / "results", teacher={"model_folder": other}, students=STUDENTS))
    assert not (tmp_path / "results").exists()


def test_students_that_need_other_batches_cannot_share_them(settings, tmp_path: Path) -> None:
    config = settings(tmp_path, students=STUDENTS)
    trainers = [make_trainer(config, student=i) for i in (0, 1)]
    trainers[1].batch_size = 7
    with pytest.raises(AgreementError, match="share batches"):
        FamilyTraining(trainers).run()
