"""The command ``kdseg-training family``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from kdseg_testing.model_folder import write_model_folder
from kdseg_training.cli import app
from kdseg_training.distillation.family import FLOOR, count_parameters, derive_plans

SIZE = ("--shape", "20,24,16", "--spacing", "1,1,1.5", "--threads", "1")


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    return write_model_folder(tmp_path / "model", network="ResidualEncoderUNet", features=(16, 32, 64))


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(app, ["family", *map(str, arguments)], env={"COLUMNS": "100", "TERM": "dumb"})


def report(*arguments: Any) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_table_shows_teacher_and_students(model_folder: Path) -> None:
    result = run(model_folder, *SIZE)
    assert result.exit_code == 0, result.output
    for text in ("16 32 64", "8 16 32", "4 8 16", "4 4 8", "100.0%", "nnUNetPlans_x2, nnUNetPlans_x4, nnUNetPlans_x8"):
        assert text in result.stdout
    assert "20×24×16 voxels (z, y, x) at 1×1×1.5 mm, 1 thread" in " ".join(result.stdout.split())
    assert "seconds" not in result.stdout


def test_programs_get_numbers(model_folder: Path) -> None:
    plans = json.loads((model_folder / "plans.json").read_text())
    found = report(model_folder, "--factor", 4, *SIZE)
    assert [m["factor"] for m in found["members"]] == [1, 4]
    student = found["members"][1]
    assert student["parameters"] == count_parameters(derive_plans(plans, factor=4), "3d_fullres", 1, 3)
    assert student["features"] == [4, 8, 16]
    assert student["memory_bytes"] > 0
    assert student["latency"] is None
    assert found["workload"] == {"shape_zyx": [20, 24, 16], "spacing_mm_zyx": [1, 1, 1.5], "threads": 1, "mirroring": True}
    assert found["chosen_factor"] is None
    assert found["written"] == []


def test_plans_are_written_where_they_are_wanted(model_folder: Path, tmp_path: Path) -> None:
    found = report(model_folder, "--factor", 2, "--factor", 4, "--floor", 2, "-o", tmp_path)
    assert found["written"] == [str(tmp_path / "nnUNetPlans_x2.json"), str(tmp_path / "nnUNetPlans_x4.json")]
    teacher = json.loads((model_folder / "plans.json").read_text())
    assert json.loads((tmp_path / "nnUNetPlans_x4.json").read_text()) == derive_plans(teacher, factor=4, floor=2)


def test_a_budget_chooses_and_writes_one_student(model_folder: Path, tmp_path: Path) -> None:
    sizes = {m["factor"]: m["parameters"] for m in report(model_folder)["members"]}
    found = report(model_folder, "--max-parameters", sizes[4], "--factor", 2, "--factor", 4, "--factor", 8, "-o", tmp_path)
    assert found["chosen_factor"] == 4
    assert [Path(path).name for path in found["written"]] == ["nnUNetPlans_x4.json"]
    free = report(model_folder, "--max-parameters", sizes[2] - 1, "--max-memory", 8)
    assert 2 < free["chosen_factor"] < 2.3


def test_a_model_folder_is_of_one_configuration(tmp_path: Path) -> None:
    folder = write_model_folder(tmp_path / "nnUNetTrainer__nnUNetPlans__3d_fullres", features=(16, 32, 64))
    plans = json.loads((folder / "plans.json").read_text())
    plans["configurations"]["3d_other"] = plans["configurations"]["3d_fullres"]
    (folder / "plans.json").write_text(json.dumps(plans))
    assert {member["configuration"] for member in report(folder)["members"]} == {"3d_fullres"}
    assert report(folder, "--max-parameters", 1e5, "--factor", 4)["chosen_factor"] == 4
    assert {member["configuration"] for member in report(folder / "plans.json", "-c", "3d_other")["members"]} == {"3d_other"}
    assert report(folder, "--factor", 2, "-o", tmp_path / "new")["written"] == [str(tmp_path / "new" / "nnUNetPlans_x2.json")]
    written = json.loads((tmp_path / "new" / "nnUNetPlans_x2.json").read_text())
    assert written == derive_plans(plans, factor=2)


@pytest.mark.parametrize("option", ["--max-parameters", "--max-memory", "--max-seconds"])
@pytest.mark.parametrize("value", ["nan", "inf", "0", "-1"])
def test_budgets_are_positive_numbers(model_folder: Path, option: str, value: str) -> None:
    result = run(model_folder, option, value)
    assert (result.exit_code, result.exception.__class__) == (9, SystemExit)
    assert f"{option} is not usable" in result.stderr


def test_a_budget_of_seconds_is_measured(model_folder: Path) -> None:
    found = report(model_folder, "--max-seconds", 300, "--factor", 8, "--no-mirroring", *SIZE)
    assert found["chosen_factor"] == 8
    for member in found["members"]:
        assert member["latency"]["passes"] == 1
        assert member["latency"]["seconds"] > 0


def test_a_teacher_within_the_budget_needs_no_student(model_folder: Path, tmp_path: Path) -> None:
    result = run(model_folder, "--max-parameters", 1e9, "-o", tmp_path, *SIZE)
    assert result.exit_code == 0
    assert "The teacher itself is within the budget." in result.stdout
    assert list(tmp_path.glob("*.json")) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--factor", "0.5"), 9, "factor"),
        (("--max-parameters", "10"), 9, "No student fits"),
        (("--shape", "10,10"), 9, "belong together"),
        (("--shape", "10,10", "--spacing", "1,1,1"), 9, "--shape"),
        (("-c", "2d"), 9, "no such network"),
        (("-p", "other"), 9, "no plans other"),
    ],
)
def test_what_cannot_be_done_ends_with_its_words_and_code(
    model_folder: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = run(model_folder, *arguments)
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.output
    error = json.loads(run(model_folder, *arguments, "--json").stderr)["error"]
    assert error["exit_code"] == code


def test_plans_alone_do_not_tell_channels_and_labels(model_folder: Path, tmp_path: Path) -> None:
    alone = tmp_path / "plans.json"
    alone.write_bytes((model_folder / "plans.json").read_bytes())
    result = run(alone)
    assert result.exit_code == 9
    assert "dataset.json" in result.stderr


def test_a_budget_for_several_networks_is_ambiguous(model_folder: Path) -> None:
    path = model_folder / "plans.json"
    plans = json.loads(path.read_text())
    plans["configurations"]["3d_lowres"] = {"inherits_from": "3d_fullres"}
    path.write_text(json.dumps(plans))
    assert "3d_fullres, 3d_lowres" in run(model_folder, "--max-parameters", 1e6).stderr
    assert report(model_folder, "--max-parameters", 1e9, "-c", "3d_lowres")["chosen_factor"] == 1


def test_the_default_floor_is_the_familys() -> None:
    assert f"[default: {FLOOR}]" in run("--help").stdout
