"""The tables for spreadsheets."""

from __future__ import annotations

import csv
import io
import math

from kdseg.errors import GeometryError
from kdseg_training.evaluation.writers import averages_csv, cases_csv, write_evaluation
from kdseg_training.evaluation.writers.folder import _summary_names
from kdseg_training.metrics import Status

CELLS = {"a": [(0.75, 0.5, 2.0), Status.MISSED], "b": [(0.25, 1 / 3, 4.0), Status.BOTH_EMPTY]}


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))


def test_there_is_a_row_for_each_case_and_structure(make_evaluation) -> None:
    failed = (("c", GeometryError('Elsewhere, "far".', path="c.nrrd")),)
    found = rows(cases_csv(make_evaluation({"m": CELLS}, m={"failed": failed, "missing": ("d",)})))
    assert [(r["case"], r["structure"], r["status"]) for r in found] == [
        ("a", "anterior", "ok"), ("a", "posterior", "missed"), ("b", "anterior", "ok"), ("b", "posterior", "both_empty"),
        ("c", "", "refused"), ("d", "", "missing"),
    ]  # fmt: skip
    assert float(found[2]["nsd_1mm"]) == 1 / 3
    assert (found[1]["dice"], found[1]["hd95_mm"]) == ("0.0", "inf")
    assert (found[3]["dice"], found[3]["hd95_mm"], found[3]["prediction_voxels"]) == ("", "", "0")
    assert found[4]["reason"] == 'c.nrrd: Elsewhere, "far".'
    assert {r["definition"] for r in found[:4]} == {"surface_elements"}


def test_averages_count_every_case_under_two_policies(make_evaluation) -> None:
    found = rows(averages_csv(make_evaluation({"m": CELLS})))
    dice = {(r["structure"], r["policy"]): r for r in found if r["metric"] == "dice"}
    assert (dice["anterior", "penalised"]["mean"], dice["anterior", "penalised"]["n"]) == ("0.5", "2")
    assert float(dice["anterior", "penalised"]["std"]) == math.sqrt(2 * 0.25**2)
    assert (dice["posterior", "penalised"]["mean"], dice["posterior", "penalised"]["n"]) == ("0.0", "1")
    assert (dice["posterior", "detected_only"]["mean"], dice["posterior", "detected_only"]["n"]) == ("", "0")
    assert (dice["posterior", "penalised"]["missed"], dice["posterior", "penalised"]["both_empty"]) == ("1", "1")


def test_summaries_have_names_that_every_file_system_takes(make_evaluation, tmp_path) -> None:
    evaluation = make_evaluation({"×1/4": CELLS, "x1/4": CELLS, "X1:4": CELLS, "..": CELLS, "a b": CELLS})
    names = _summary_names(evaluation)
    assert names == ["summary_1-4.json", "summary_x1-4.json", "summary_X1-4_3.json", "summary_4.json", "summary_a-b.json"]
    files = write_evaluation(evaluation, tmp_path / "new" / "folder")
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(path.name for path in files.paths)
    assert set(files.summaries) == {"×1/4", "x1/4", "X1:4", "..", "a b"}


def test_a_file_name_that_is_no_text_costs_no_result(make_evaluation) -> None:
    evaluation = make_evaluation({"model": {"M\udcfcller": [(0.5, 0.5, 1.0)]}})
    assert rows(cases_csv(evaluation))[0]["case"] == "M\\udcfcller"
