"""One YAML file describes a run, and everything wrong in it is named at once."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from kdseg.errors import ConfigurationError
from kdseg_training.distillation.config import (
    Budget,
    DistillationConfig,
    StudentSettings,
    TeacherSettings,
    digest,
    read_config,
    with_defaults,
)

SMALLEST = "dataset: Dataset001_X\nstudents:\n  - {name: a}\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "distil.yaml"
    path.write_text(text)
    return path


def test_the_smallest_file_trains_nnunets_own_budget(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, SMALLEST))
    assert (config.budget.epochs, config.budget.iterations, config.budget.validation_iterations) == (1000, 250, 50)
    assert (config.budget.initial_rate, config.budget.weight_decay, config.budget.steps) == (1e-2, 3e-5, 250_000)
    assert (config.plans, config.configuration, config.fold) == ("nnUNetPlans", "3d_fullres", 0)
    assert not config.students[0].is_distilled


def test_paths_start_at_the_files_folder(tmp_path: Path) -> None:
    text = SMALLEST + "results: out\npreprocessed: /abs\nteacher: {model_folder: ../t}\n"
    config = read_config(write(tmp_path, text))
    assert config.results == tmp_path / "out"
    assert config.preprocessed == Path("/abs")
    assert config.teacher is not None
    assert config.teacher.model_folder == tmp_path / "../t"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dataset: X\n", ["students", "a value", "nothing"]),
        (SMALLEST + "epochs: 3\n", ["epochs: no such key", "epochs: 3"]),
        (SMALLEST + "budget: {epochs: 0}\n", ["budget.epochs: at least 1", "budget.epochs: 0"]),
        (SMALLEST + "budget: {epochs: many}\n", ["budget.epochs", "'many'"]),
        (SMALLEST + "budget: {ema_decay: 1.0}\n", ["budget.ema_decay", "less than 1"]),
        (SMALLEST + "precision: int8\n", ["precision", "'fp32'", "'int8'"]),
        (SMALLEST + "device: tpu\n", ["device", "'tpu'"]),
        (SMALLEST + "fold: -1\n", ["fold", "-1"]),
        (SMALLEST + "seed: -1\n", ["seed", "-1"]),
        ("dataset: X\nstudents: []\n", ["students: at least 1 value"]),
        ("dataset: X\nstudents: [{name: a}, {name: a}]\n", ["two students have the name a"]),
        ("dataset: X\nstudents: [{name: a__b}]\n", ["students.0.name", "'a__b'"]),
        ("dataset: X\nstudents: [{name: ../a}]\n", ["students.0.name", "'../a'"]),
        ("dataset: X\nstudents: [{name: a, factor: 0.5}]\n", ["students.0.factor", "0.5"]),
        ("dataset: X\nstudents: [{name: a, factor: 2, plans: p}]\n", ["factor or plans, not both"]),
        (
            "dataset: X\nstudents: [{name: a, method: A}]\n",
            [
                "The settings are not valid. Found: a student has distillation losses, but there is no teacher.",
                "docs/training.md lists all keys",
            ],
        ),
        ("dataset: X\nteacher: {model_folder: t}\nstudents: [{name: a, method: E}]\n", ["students.0.method", "'D'"]),
        (
            "dataset: X\nteacher: {model_folder: t}\nstudents: [{name: a, losses: [{kind: logits, temprature: 2}]}]\n",
            ["students.0.losses.0.logits.temprature", "no such key"],
        ),
        (
            "dataset: X\nteacher: {model_folder: t}\nstudents: [{name: a, losses: [{kind: softdice}]}]\n",
            ["students.0.losses.0.kind: one of 'logits', 'soft_dice'", "students.0.losses.0.kind: 'softdice'"],
        ),
        ("dataset: X\nteacher: {model_folder: t, folds: []}\nstudents: [{name: a}]\n", ["teacher.folds"]),
        ("dataset: X\nbudget: {epochs: 0, iterations: 0}\nstudents: [{name: a}]\n", ["budget.epochs, budget.iterations"]),
        ("- a\n- b\n", ["no keys"]),
        ("a: [\n", ["not YAML"]),
        ("dataset: X\ndataset: Y\nstudents: [{name: a}]\n", ["'dataset' stands twice"]),
        ("dataset: !!python/object/apply:os.system ['true']\nstudents: [{name: a}]\n", ["not YAML", "python/object"]),
        ("", ["no keys"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError) as error:
        read_config(path)
    assert error.value.path == str(path)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: " + b"x" * 2**21, b"a: " + b"[" * 5000])
def test_files_that_are_no_settings_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "distil.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError):
        read_config(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nothing\.yaml.*No such file"):
        read_config(tmp_path / "nothing.yaml")


def test_settings_survive_a_round_trip() -> None:
    config = DistillationConfig.model_validate(
        {"dataset": 4, "teacher": {"model_folder": "t"}, "students": [{"name": "a", "method": "C", "factor": 2}]}
    )
    again = DistillationConfig.model_validate(yaml.safe_load(yaml.safe_dump(config.model_dump(mode="json"))))
    assert again.settings_of(again.students[0]) == config.settings_of(config.students[0])


def test_what_decides_the_numbers_is_compared_and_nothing_else() -> None:
    values = {"dataset": 4, "teacher": {"model_folder": "t"}, "students": [{"name": "a", "method": "A"}, {"name": "b"}]}
    config = DistillationConfig.model_validate(values)
    told = config.settings_of(config.students[0])
    same = DistillationConfig.model_validate(
        {**values, "workers": 3, "threads": 1, "tensorboard": False, "checkpoint_every": 5}
    )
    other = DistillationConfig.model_validate({**values, "budget": {"epochs": 7}})
    assert same.settings_of(same.students[0]) == told
    assert other.settings_of(other.students[0]) != told
    assert config.settings_of(config.students[1])["teacher"] is None
    assert digest(told) == digest(dict(reversed(told.items())))
    assert digest(told) != digest({**told, "seed": 1})


def test_keys_that_are_newer_than_a_checkpoint_have_their_defaults() -> None:
    config = DistillationConfig.model_validate({"dataset": 4, "students": [{"name": "a"}]})
    told = config.settings_of(config.students[0])
    older = {**told, "budget": {k: v for k, v in told["budget"].items() if k != "ema_decay"}}
    older["student"] = {k: v for k, v in told["student"].items() if k != "mirroring"}
    assert with_defaults(older) == with_defaults(told)
    changed = {**told, "budget": {**told["budget"], "ema_decay": 0.9}}
    assert with_defaults(older) != with_defaults(changed)


@pytest.mark.parametrize(("name", "students"), [("teacher", 1), ("distil", 6), ("students", 2)])
def test_the_examples_are_valid(repository: Path, name: str, students: int) -> None:
    config = read_config(repository / f"Examples/hippocampus/{name}.yaml")
    assert len(config.students) == students
    assert (config.teacher is None) == (name == "teacher")
    assert Budget() != config.budget


def test_the_page_explains_every_key(repository: Path) -> None:
    page = (repository / "docs/training.md").read_text(encoding="utf-8")
    keys = [key for model in (DistillationConfig, Budget, TeacherSettings, StudentSettings) for key in model.model_fields]
    assert len(keys) > 25
    assert [key for key in keys if f"`{key}`" not in page] == []


def test_settings_from_before_there_was_a_choice_are_those_of_today(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("dataset: 4\nstudents: [{ name: plain }]\n", encoding="utf-8")
    config = read_config(tmp_path / "run.yaml")
    today = config.settings_of(config.students[0])
    older = copy.deepcopy(today)
    del older["budget"]["optimizer"], older["student"]["pretrained_weights"]
    assert older["budget"]["learning_rate"] == 0.01
    assert with_defaults(older) == with_defaults(today)
