"""Which arms there are, in which order they are trained, and what is refused in the file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from kdseg.errors import ConfigurationError
from kdseg_training.cli import app
from kdseg_training.distillation.loss_config import method_losses
from kdseg_training.distillation.study.arms import combination_arms, fixed_arms, teacher_arm
from kdseg_training.distillation.study.config import MethodSettings, StudyConfig, read_study
from kdseg_training.distillation.study.measurement import Measured
from kdseg_training.distillation.study.split import read_split
from kdseg_training.distillation.study.study import _Study
from kdseg_training.distillation.study.trained import TrainedArm

CANDIDATES = {"AB": {"methods": ["A", "B"]}, "BC": {"methods": ["B", "C"]}}


def values(**changes: Any) -> Dict[str, Any]:
    return {
        "name": "plan",
        "dataset": 1,
        "split": "split.json",
        "report": "report.md",
        "budget": {"epochs": 10, "iterations": 5},
        "methods": {"A": {"methods": ["A"]}},
        "students": [{"factor": 4, "seeds": [0, 1]}, {"factor": 2}],
        "statistics": {"margins": {"dice": 0.01}},
        **changes,
    }


def config(**changes: Any) -> StudyConfig:
    return StudyConfig.model_validate(values(**changes))


def test_the_arms() -> None:
    study = config(combination={"candidates": CANDIDATES, "factor": 4})
    assert teacher_arm(study).student.factor == 1
    names = [arm.name for arm in fixed_arms(study)]
    assert names == ["x4_plain_s0", "x4_A_s0", "x4_plain_s1", "x4_A_s1", "x2_plain_s0", "x2_A_s0"]
    chosen = combination_arms(study, "BC")
    assert [arm.name for arm in chosen] == ["x4_BC_s0", "x4_best_s1", "x2_best_s0"]
    assert {arm.method for arm in chosen} == {"best"}
    assert [spec.kind for spec in chosen[1].student.specs] == ["region_aware", "context_aware", "logits", "kernel", "affinity"]


def test_losses_of_several_methods_count_once() -> None:
    together = MethodSettings(methods=["A", "C"])
    assert together.specs == method_losses("C")
    assert MethodSettings(methods=["A"]).of_student() == {"method": "A"}
    with pytest.raises(ValueError, match="neither"):
        MethodSettings()


SECONDS = {"plain": 10.0, "A": 24.0}


@dataclass
class PlayedTrainings:
    """Trains nothing: every arm is there at once, with seconds that were thought up."""

    trained: List[List[str]]

    def teacher(self) -> TrainedArm:
        return self._made(teacher_arm(config()))

    def train(self, arms) -> List[TrainedArm]:
        self.trained.append([arm.name for arm in arms])
        return [self._made(arm) for arm in arms]

    def _made(self, arm) -> TrainedArm:
        report = {"steps": 50, "seconds": {"data": 1.0, "student": SECONDS.get(arm.method, 12.0) - 1.0}}
        return TrainedArm(arm, Path("nowhere"), "0", "checkpoint_final.pth", "3d_fullres", report)


class PlayedMeasurements:
    """The candidate BC is the better one."""

    def measure(self, trained, cases, mirroring):
        dice = 0.8 if trained.arm.candidate == "BC" else 0.7
        row = {"case": "a", "label": 1, "status": "ok", "dice": dice, "nsd": dice, "hd95_mm": 1.0}
        return {mirrored: Measured((row,), (1.0,), {1: "front"}) for mirrored in mirroring}


def test_the_order_of_a_study() -> None:
    study = config(combination={"candidates": CANDIDATES, "factor": 4}, equal_time=[{"factor": 4, "like": "A", "seeds": [1]}])
    trainings = PlayedTrainings([])
    run = _Study(study, trainings, PlayedMeasurements(), {"validation": None})
    arms = run.train()
    first, second = trainings.trained[0], trainings.trained[2]
    assert first == ["x4_plain_s0", "x4_A_s0", "x2_plain_s0", "x2_A_s0", "x4_AB_s0", "x4_BC_s0"]
    assert set(second) >= {"x4_plain_s1", "x4_A_s1", "x4_best_s1", "x2_best_s0"}
    assert run.combination.chosen == "BC"
    assert run.combination.scores == pytest.approx({"AB": 0.7, "BC": 0.8})
    (equal,) = run.equal_time
    assert (equal.plain_seconds, equal.distilled_seconds) == pytest.approx((0.2, 0.48))
    assert equal.epochs == 24
    names = [trained.arm.name for trained in arms]
    assert names[0] == "teacher"
    assert "x4_AB_s0" not in names
    (plain,) = (trained.arm for trained in arms if trained.arm.method == "plain_equal_time")
    assert (plain.seed, plain.budget.epochs, plain.budget.iterations, plain.student.is_distilled) == (1, 24, 5, False)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"methods": {"plain": {"methods": ["A"]}}}, "these names are taken: plain"),
        ({"students": [{"factor": 4}, {"factor": 4}]}, "students: factor stands twice: 4"),
        ({"combination": {"candidates": CANDIDATES, "factor": 8}}, "combination: no student has factor 8"),
        ({"combination": {"candidates": {"A": {"methods": ["A"]}}, "factor": 4}}, "these names are taken: A"),
        ({"equal_time": [{"factor": 4, "like": "best"}]}, "equal_time: like best is none of A"),
        ({"equal_time": [{"factor": 4, "like": "A", "seeds": [7]}]}, r"no student has factor 4 and seeds \[7\]"),
        ({"statistics": {"margins": {"dice": -1}}}, "statistics.margins.dice"),
        ({"inference": {"mirroring": [True, True]}}, "mirroring is listed twice"),
        ({"unlabelled": {"cases": "c"}}, "expected a given teacher"),
        ({"unlabelled": {"cases": "c", "minimum_confidence": 0.9}, "teacher": {"model_folder": "t"}}, "does not use"),
        ({"unknown": 1}, "unknown: no such key"),
    ],
)
def test_what_does_not_fit_together_is_named(tmp_path: Path, changes: Dict[str, Any], expected: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(values(**changes)))
    with pytest.raises(ConfigurationError, match=expected):
        read_study(path)


def test_the_command_says_what_is_wrong_and_ends_with_the_code_of_the_error(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(values(unknown=1)))
    result = CliRunner().invoke(app, ["study", str(path)])
    assert result.exit_code == ConfigurationError.exit_code
    assert result.output.startswith("Error: ")
    assert "unknown: no such key" in result.output
    as_json = CliRunner().invoke(app, ["study", str(tmp_path / "none.yaml"), "--json"])
    assert json.loads(as_json.output)["error"]["type"] == "ConfigurationError"


def test_the_digest_is_of_what_decides_the_numbers() -> None:
    study = config()
    assert config(threads=7, results="elsewhere", title="Other").digest() == study.digest()
    assert config(split="elsewhere/split.json").digest() == study.digest()  # it has a digest of its own
    assert config(statistics={"margins": {"dice": 0.02}}).digest() != study.digest()
    given = {"model_folder": "here"}
    assert config(teacher=given).digest() == config(teacher={"model_folder": "there"}).digest() != study.digest()
    more = {"cases": "here"}
    assert config(teacher=given, unlabelled=more).digest() != config(teacher=given).digest()
    assert config(teacher=given, unlabelled=more).digest() == config(teacher=given, unlabelled={"cases": "there"}).digest()
    assert config(teacher=given, unlabelled={**more, "share": 0.25}).digest() != config(teacher=given, unlabelled=more).digest()
    assert config(students=[{"factor": 4, "seeds": [0]}, {"factor": 2}]).digest() != study.digest()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"train": ["a"], "validation": ["b"]}', "not usable"),
        ('{"train": ["a"], "validation": ["b"], "test": []}', "not usable"),
        ('{"train": ["a"], "validation": ["b"], "test": ["../c"]}', "not usable"),
        ('{"train": ["a"], "validation": ["b"], "test": ["a"]}', "twice.*Found: a"),
    ],
)
def test_a_split_that_is_none(tmp_path: Path, content: str, expected: str) -> None:
    (tmp_path / "split.json").write_text(content)
    with pytest.raises(ConfigurationError, match=expected):
        read_split(tmp_path / "split.json")


def test_the_published_hippocampus_study_is_valid(repository: Path) -> None:
    study = read_study(repository / "Examples" / "hippocampus" / "study.yaml")
    split = read_split(study.split)
    assert [len(split.train), len(split.validation), len(split.test)] == [128, 32, 40]
    names = sorted([*split.train, *split.validation, *split.test])
    assert names[4::5] == sorted(split.test)
    assert np.isfinite(list(study.statistics.margins.values())).all()
    assert (study.report.parent.name, study.report.suffix) == ("results", ".md")


@pytest.mark.parametrize(("name", "results"), [("study", "hippocampus-distillation"), ("few_labels", "hippocampus-few-labels")])
def test_the_settings_of_a_published_study_keep_their_digest(repository, name: str, results: str) -> None:
    """Settings that are newer than a study do not make it another one."""
    config = read_study(repository / "Examples" / "hippocampus" / f"{name}.yaml")
    published = json.loads((repository / "docs" / "results" / results / "results.json").read_text(encoding="utf-8"))
    assert config.digest() == published["settings_sha256"]
    budget = config.budget.model_copy(update={"learning_rate": config.budget.initial_rate})
    assert config.model_copy(update={"budget": budget}).digest() == config.digest()
    other = config.budget.model_copy(update={"optimizer": "adamw"})
    assert config.model_copy(update={"budget": other}).digest() != config.digest()
