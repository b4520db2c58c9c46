"""``kdseg-training evaluate`` as its user meets it."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from kdseg_testing.label_maps import random_case, write_cases, write_labels
from kdseg_training.cli import app
from kdseg_training.evaluation import Evaluation, workflow

RUNNER = CliRunner()
QUICK = ("--engine", "numpy", "--workers", "1", "--no-html")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Seven references, a student that is a voxel off, a teacher that is right."""
    write_cases(tmp_path / "ref", range(7))
    write_cases(tmp_path / "student", range(7), shift=1)
    write_cases(tmp_path / "teacher", range(7), ending=".nrrd")
    return tmp_path


def run(folder: Path, *options: str):
    arguments = [str(folder / "student"), str(folder / "ref"), *QUICK, "-o", str(folder / "out"), *options]
    return RUNNER.invoke(app, ["evaluate", *arguments])


def evaluation_in(folder: Path) -> Evaluation:
    return Evaluation.from_json((folder / "out" / "evaluation.json").read_bytes())


def test_one_model_leaves_its_tables(folders: Path) -> None:
    result = run(folders, "--tolerance", "0.5", "--tolerance", "2", "--percentile", "99", "--definition", "boundary_voxels")
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in (folders / "out").iterdir())
    assert names == ["averages.csv", "cases.csv", "comparison.json", "evaluation.json", "summary.json"]
    evaluation = evaluation_in(folders)
    assert [model.name for model in evaluation.models] == ["student"]
    assert (evaluation.settings.tolerances_mm, evaluation.settings.percentiles) == ((0.5, 2.0), (99.0,))
    assert "boundary_voxels" in result.output
    assert "label 3" in result.output
    with open(folders / "out" / "cases.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 7 * 3


def test_the_table_says_what_the_files_say(folders: Path) -> None:
    result = run(folders)
    dice = [case.classes[2].dice for case in evaluation_in(folders).models[0].cases]
    (row,) = [line for line in result.output.splitlines() if "label 2" in line and "│" in line]
    assert f"{np.mean(dice):.4f}" in row


def test_models_are_compared_with_a_teacher(folders: Path) -> None:
    result = run(
        folders, "--name", "x1/4", "--compare", f"big={folders / 'teacher'}", "--teacher", "big", "--margin", "dice=0.9"
    )
    assert result.exit_code == 0, result.output
    comparison = json.loads((folders / "out" / "comparison.json").read_text())
    assert (comparison["teacher"], comparison["margins"]) == ("big", {"dice": 0.9})
    assert "x1/4 is not inferior to big in dice by a margin of 0.9" in result.output
    assert "x1/4 less big, dice: -" in result.output
    assert (folders / "out" / "summary_x1-4.json").exists()
    assert (folders / "out" / "summary_big.json").exists()
    assert all(metrics.dice == 1.0 for case in evaluation_in(folders).model("big").cases for metrics in case.classes.values())


def test_the_table_keeps_its_lines_whole_where_the_output_is_no_terminal(folders: Path) -> None:
    names = folders / "names.csv"
    names.write_text("LabelValue,Name\n1,posterior part of the left hippocampus\n2,b\n3,c\n", encoding="utf-8")
    output = run(folders, "--labels", str(names), "--tolerance", "1", "--tolerance", "2").output
    assert "│ posterior part of the left hippocampus │" in output
    assert "┃ hallucinated ┃ both empty ┃" in output


def test_a_report_is_written(folders: Path) -> None:
    arguments = ["evaluate", str(folders / "student"), str(folders / "ref"), "--engine", "numpy", "-o", str(folders / "out")]
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "student" in (folders / "out" / "report.html").read_text(encoding="utf-8")


def test_missing_predictions_are_named_and_refused_unless_allowed(folders: Path) -> None:
    (folders / "student" / "case_002.nii.gz").unlink()
    (folders / "student" / "case_006.nii.gz").unlink()
    refused = run(folders)
    assert refused.exit_code == 3
    assert "student lacks case_002, case_006" in refused.stderr
    assert not (folders / "out").exists()
    allowed = run(folders, "--allow-missing")
    assert allowed.exit_code == 0
    assert evaluation_in(folders).models[0].missing == ("case_002", "case_006")
    assert "5 case(s) measured, 0 refused, 2 missing" in allowed.output


def test_predictions_named_like_nnunets_images_are_told_how_to_be_renamed(folders: Path) -> None:
    for path in list((folders / "student").iterdir()):
        path.rename(path.with_name(path.name.replace(".nii.gz", "_0000.nii.gz")))
    refused = run(folders)
    assert refused.exit_code == 3
    assert "Take _0000 out of the names of the predictions" in refused.stderr
    (folders / "student" / "case_000_0000.nii.gz").rename(folders / "student" / "other.nii.gz")
    assert "Name the predictions like their references" in run(folders).stderr


def test_notes_that_differ_only_in_the_file_are_told_once(folders: Path) -> None:
    for seed in range(7):
        labels = random_case(seed)
        labels[0, 0, 0] = 40 if seed < 3 else 50
        write_labels(folders / "student" / f"case_{seed:03d}.nii.gz", labels)
    names = folders / "names.csv"
    names.write_text("LabelValue,Name\n1,a\n2,b\n3,c\n", encoding="utf-8")
    output = run(folders, "--labels", str(names)).output
    assert [line for line in output.splitlines() if line.startswith("Note on")] == [
        f"Note on case_000: {folders / 'student' / 'case_000.nii.gz'}: not measured are the values 40 (so in 2 more case(s))",
        f"Note on case_003: {folders / 'student' / 'case_003.nii.gz'}: not measured are the values 50 (so in 3 more case(s))",
    ]
    assert len(evaluation_in(folders).models[0].notes) == 7


def test_an_interrupt_after_the_last_case_still_writes_nothing(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> tuple[None, str]:
        signal.raise_signal(signal.SIGINT)
        return None, ""

    monkeypatch.setattr(workflow, "_compare", interrupted)
    result = run(folders)
    assert (result.exit_code, "was cancelled" in result.stderr) == (130, True)
    assert not list(folders.glob("out/*"))


def test_another_grid_is_refused_the_others_are_measured_and_the_exit_code_tells(folders: Path) -> None:
    write_labels(folders / "student" / "case_001.nii.gz", random_case(1), origin=(5.0, -7.0, 12.0))
    result = run(folders)
    assert result.exit_code == 3
    assert "Not measured: student, case_001" in result.output
    assert "origin_mm (5, -7, 12)" in result.output
    model = evaluation_in(folders).models[0]
    assert ([name for name, _ in model.failed], len(model.cases)) == (["case_001"], 6)
    resampled = run(folders, "--resample")
    assert resampled.exit_code == 0
    assert "resampled to the grid of the reference" in resampled.output


def test_cases_that_all_fail_still_leave_their_reasons(folders: Path) -> None:
    for seed in range(7):
        (folders / "student" / f"case_{seed:03d}.nii.gz").write_bytes(b"damaged")
    result = run(folders)
    assert result.exit_code == 3
    assert "Not compared" in result.output
    assert len(evaluation_in(folders).models[0].failed) == 7


def test_programs_get_one_object(folders: Path) -> None:
    result = run(folders, "--json")
    report = json.loads(result.stdout)
    assert report["models"][0]["measured"] == 7
    assert report["labels"] == {"1": "label 1", "2": "label 2", "3": "label 3"}
    assert result.stderr == ""
    (folders / "student" / "case_002.nii.gz").unlink()
    assert json.loads(run(folders, "--json").stderr)["error"]["type"] == "InputError"


def test_workers_leave_the_same_files(folders: Path) -> None:
    assert run(folders).exit_code == 0
    alone = {path.name: path.read_bytes() for path in (folders / "out").iterdir() if path.name != "evaluation.json"}
    assert run(folders, "--workers", "2").exit_code == 0
    assert evaluation_in(folders).environment["workers"] == 2
    together = {path.name: path.read_bytes() for path in (folders / "out").iterdir() if path.name != "evaluation.json"}
    assert together == alone


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--compare", "teacher"), "--compare NAME=PRED"),
        (("--compare", "student=elsewhere"), "Two models have one name"),
        (("--teacher", "nobody"), "one of the models student"),
        (("--margin", "dice=much", "--teacher", "student"), "A margin is no number"),
        (("--margin", "dise=0.01", "--teacher", "student"), "values above 0 for some of dice"),
        (("--margin", "iou=0.01", "--teacher", "student"), "values above 0 for some of dice"),
        (("--margin", "dice=inf", "--teacher", "student"), "values above 0 for some of dice"),
        (("--margin", "dice=0.01"), "a teacher that the margins are against"),
        (("--engine", "cuda"), "engine must be one of"),
        (("--tolerance", "-1"), "at least 0 mm"),
        (("--percentile", "0"), "above 0"),
    ],
)
def test_what_is_wrong_in_the_options_is_told_before_any_work(folders: Path, options: tuple[str, ...], words: str) -> None:
    arguments = [str(folders / "student"), str(folders / "ref"), "--no-html", "-o", str(folders / "out"), *options]
    result = RUNNER.invoke(app, ["evaluate", *arguments])
    assert result.exit_code == 9
    assert words in result.stderr
    assert not (folders / "out").exists()


def test_where_nothing_can_be_written_or_pictured_is_told_before_any_work(folders: Path) -> None:
    models = [str(folders / "student"), str(folders / "ref")]
    taken = folders / "taken"
    taken.write_text("a file")
    for options, words in (
        (("-o", str(taken / "out"), "--no-html"), "The results cannot be written there"),
        (("-o", str(folders / "out"), "--images", str(folders / "nowhere")), "no such file or folder of images"),
    ):
        result = RUNNER.invoke(app, ["evaluate", *models, *options])
        assert result.exit_code not in (0, 1)
        assert words in result.stderr
        assert "Structures (" not in result.output
    assert not (folders / "out").exists()


def test_help_names_every_option(folders: Path) -> None:
    text = RUNNER.invoke(app, ["evaluate", "--help"], terminal_width=200).output
    for option in (
        "--compare",
        "--teacher",
        "--baseline",
        "--margin",
        "--scheduler",
        "--workers",
        "--allow-missing",
        "--labels",
    ):
        assert option in text
