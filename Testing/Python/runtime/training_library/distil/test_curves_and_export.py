"""Curves from the tables of a run, and what the exporter is told and tells."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from kdseg.errors import ConfigurationError, KDSegError
from KDSegmentatorTrainingLib.distil.curves import Quantity, Tables, axis_title, last, read_table, select
from KDSegmentatorTrainingLib.distil.export import ExportOrder, read_export, suggested_name, told_error
from KDSegmentatorTrainingLib.distil.folder import StudentFolder

TABLE = """epoch,step,learning_rate,loss_total,loss_logits,loss_validation,pseudo_dice_mean,pseudo_dice_Anterior,seconds_epoch
0,3,0.01,1.5,0.5,1.25,0.25,nan,2.5
1,6,0.005,1.25,,1.0,0.5,0.75,2.25
"""


@pytest.fixture
def student(tmp_path: Path) -> StudentFolder:
    (tmp_path / "fold_0").mkdir()
    (tmp_path / "fold_0" / "training.csv").write_text(TABLE)
    return StudentFolder("half_A", str(tmp_path), str(tmp_path / "fold_0"))


def test_a_table_is_numbers_and_gaps_are_nan(student: StudentFolder) -> None:
    table = read_table(student.table)
    assert table["loss_total"] == [1.5, 1.25]
    assert table["loss_logits"][0] == 0.5
    assert math.isnan(table["loss_logits"][1])
    assert math.isnan(table["pseudo_dice_Anterior"][0])
    assert last(table, "pseudo_dice_mean") == 0.5
    assert math.isnan(last(table, "nothing"))


@pytest.mark.parametrize("content", [None, "", "epoch,step\n", b"\xff\xfe"])
def test_no_table_yet(tmp_path: Path, content) -> None:
    path = tmp_path / "training.csv"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert read_table(path) == {}


def test_lines_of_every_quantity(student: StudentFolder) -> None:
    tables = {**Tables().read([student]), "late": {"epoch": [0.0], "pseudo_dice_mean": [0.125]}}
    chart = select(tables, Quantity.PSEUDO_DICE)
    assert chart.epochs == (1, 2)
    assert [line.title for line in chart.lines] == ["half_A", "late"]
    assert chart.lines[0].values == (0.25, 0.5)
    assert chart.lines[1].values[0] == 0.125
    assert math.isnan(chart.lines[1].values[1])
    titles = {quantity: [line.title for line in select(tables, quantity).lines] for quantity in Quantity}
    assert titles[Quantity.LOSSES] == ["half_A: total", "half_A: logits", "half_A: validation"]
    assert titles[Quantity.PSEUDO_DICE_BY_STRUCTURE] == ["half_A: Anterior"]
    assert titles[Quantity.LEARNING_RATE] == titles[Quantity.SECONDS] == ["half_A"]
    assert len({axis_title(quantity) for quantity in Quantity}) == len(Quantity)
    assert select({}, Quantity.LOSSES).epochs == ()


def test_tables_are_read_again_only_when_they_changed(student: StudentFolder) -> None:
    tables = Tables()
    first = tables.read([student])
    assert tables.version == 1
    assert tables.read([student]) == first
    assert tables.version == 1
    student.table.write_text(TABLE + "2,9,0.001,1.0,0.25,0.75,0.625,0.75,2.0\n")
    assert tables.read([student])["half_A"]["epoch"] == [0.0, 1.0, 2.0]
    assert tables.version == 2
    student.table.unlink()
    assert tables.read([student]) == {"half_A": {}}


def test_a_student_is_finished_with_its_final_checkpoint(student: StudentFolder) -> None:
    assert not student.finished
    Path(student.fold_folder, "checkpoint_final.pth").touch()
    assert student.finished


def test_what_the_exporter_is_told(tmp_path: Path) -> None:
    order = ExportOrder("/m", "all", "hippocampus-half", "1.0.0", licence=" CC-BY-4.0 ", body_part="Hippocampus")
    assert order.arguments(tmp_path) == [
        *("-m", "kdseg_training.cli", "export", "/m", "-o", str(tmp_path), "--fold", "all", "--name", "hippocampus-half"),
        *("--version", "1.0.0", "--json", "--licence", "CC-BY-4.0", "--body-part", "Hippocampus"),
    ]


@pytest.mark.parametrize(
    ("name", "version"), [("Brain", "1.0.0"), ("", "1.0.0"), ("a b", "1.0.0"), ("brain", "1"), ("brain", "")]
)
def test_names_and_versions_that_are_refused(name: str, version: str) -> None:
    with pytest.raises(ConfigurationError):
        ExportOrder("/m", "0", name, version)


def test_a_name_is_suggested() -> None:
    assert suggested_name("Dataset004_Hippocampus", "quarter_A") == "hippocampus-quarter-a"
    ExportOrder("/m", "0", suggested_name("Dataset1_" + "Ä b" * 40, "half_alone"), "1.0.0")


def test_what_the_exporter_tells(tmp_path: Path) -> None:
    bundle = tmp_path / "a.kdseg.zip"
    bundle.touch()
    assert read_export(0, f"torch says something\n{json.dumps({'path': str(bundle)})}\n", "") == bundle
    error = json.dumps(
        {"error": {"problem": "No licence.", "found": "none", "expected": "", "path": None, "remedy": "State it."}}
    )
    with pytest.raises(KDSegError, match=r"No licence\. Found: none\. What to do: State it\."):
        read_export(8, "", f"warning\n{error}\n")
    for output in ("", "{broken", "[]", json.dumps({"path": str(tmp_path / "gone")})):
        with pytest.raises(KDSegError, match="was not exported"):
            read_export(0, output, "the last words")
    assert told_error("{}") is None
