"""From the child's files to rows and summaries: nothing is lost, nothing is averaged that should not be."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from kdseg.errors import GeometryError, InputError, WorkerError
from kdseg.worker.error_data import error_as_data
from KDSegmentatorLib.presentation.readiness import Phase, Tone
from KDSegmentatorTrainingLib.evaluate.numbers import percentiles, tolerances
from KDSegmentatorTrainingLib.evaluate.request import EvaluationRequest, Measures
from KDSegmentatorTrainingLib.evaluate.results import read_result
from KDSegmentatorTrainingLib.evaluate.summary import agreements, summaries
from KDSegmentatorTrainingLib.presentation.evaluate import (
    EvaluateSituation,
    evaluate_readiness,
    outcome_text,
    place_text,
    results_view,
)

STATUS = {(True, True): "ok", (False, True): "missed", (True, False): "hallucinated", (False, False): "both_empty"}


def entry(label: int, prediction: int, reference: int, both: int, hd: object = 1.0) -> dict:
    """Return one structure as the child writes it; a voxel has 0.5 ml."""
    dice = None if not prediction + reference else 2 * both / (prediction + reference)
    empty = None if not prediction + reference else "inf"
    distance = hd if prediction and reference else empty
    return {
        "label": label,
        "status": STATUS[bool(prediction), bool(reference)],
        "prediction_voxels": prediction,
        "reference_voxels": reference,
        "common_voxels": both,
        "voxel_volume_ml": 0.5,
        "dice": dice,
        "iou": dice,
        "nsd": [dice, dice],
        "hd_mm": distance,
        "hd_percentiles_mm": [distance],
        "assd_mm": distance,
        "masd_mm": distance,
    }


CASES = {
    "a": [entry(1, 10, 10, 10, 2.0), entry(2, 4, 4, 2, 3.0)],
    "b": [entry(1, 20, 10, 10, 6.0), entry(2, 0, 4, 0)],
    "c": [entry(1, 10, 30, 10, 4.0), entry(2, 0, 0, 0)],
    "d": [entry(1, 12, 10, 10, 8.0), entry(2, 6, 0, 0)],
}


def text(**changes: object) -> str:
    model = {
        "failed": [{"case": "e", "error": error_as_data(GeometryError("Grids differ.", remedy="Resample."))}],
        "missing": ["f"],
        "unexpected": ["g"],
        "notes": [["a", "a harmless fault"]],
        "files": [{"case": case, "prediction": f"p/{case}.nii.gz", "reference": f"r/{case}.nii.gz"} for case in CASES],
        "cases": [{"case": case, "classes": classes} for case, classes in CASES.items()],
        **changes,
    }
    labels = [{"value": 1, "name": "Liver"}, {"value": 2, "name": "Spleen"}]
    settings = {"labels": labels, "tolerances_mm": [1.0, 2.0], "percentiles": [95.0], "definition": "surface_elements"}
    return json.dumps({"schema": "kdseg-evaluation/1", "settings": settings, "models": [model]})


@pytest.fixture
def result():
    places = [{"case": "a", "label": 2, "point_lps_mm": [1.0, 2.0, 3.0], "distance_mm": 3.0, "status": "ok", "model": "m"}]
    return read_result(text(), json.dumps(places))


def test_every_row_has_its_values_and_its_place(result) -> None:
    assert [(row.case, row.name, row.status) for row in result.rows[:4]] == [
        *(("a", "Liver", "ok"), ("a", "Spleen", "ok")),
        *(("b", "Liver", "ok"), ("b", "Spleen", "missed")),
    ]
    missed = result.rows[3].values
    assert (missed["dice"], missed["hd95_mm"], missed["volume_difference_ml"]) == (0.0, math.inf, -2.0)
    assert math.isnan(result.rows[5].values["dice"])
    assert result.rows[1].place.point_lps_mm == (1.0, 2.0, 3.0)
    assert result.rows[0].place is None
    assert [column.title for column in result.columns[:4]] == ["Dice", "NSD 1 mm", "NSD 2 mm", "HD95 [mm]"]


def test_ratios_are_averaged_with_zeros_and_distances_where_both_have_the_structure(result) -> None:
    liver, spleen = summaries(result)
    assert (liver.cases, liver.detected, liver.missed, liver.hallucinated) == (4, 4, 0, 0)
    assert liver.mean["dice"] == pytest.approx(np.mean([1.0, 2 / 3, 0.5, 20 / 22]))
    assert liver.sd["hd_mm"] == pytest.approx(np.std([2, 6, 4, 8], ddof=1))
    assert liver.median["hd_mm"] == pytest.approx(5.0)
    assert (spleen.cases, spleen.detected, spleen.missed, spleen.hallucinated) == (3, 1, 1, 1)
    assert spleen.mean["dice"] == pytest.approx(0.5 / 3)
    assert spleen.mean["hd_mm"] == 3.0
    assert math.isnan(spleen.sd["hd_mm"])


def test_limits_of_agreement_are_those_of_bland_and_altman(result) -> None:
    liver, spleen = agreements(result)
    differences = np.array([0.0, 5.0, -10.0, 1.0])
    assert liver.difference_ml == pytest.approx(differences)
    assert liver.mean_ml == pytest.approx([5.0, 7.5, 10.0, 5.5])
    sd = differences.std(ddof=1)
    limits = (liver.limits.bias_ml, liver.limits.lower_ml, liver.limits.upper_ml)
    assert limits == pytest.approx((-1.0, -1.0 - 1.96 * sd, -1.0 + 1.96 * sd))
    assert len(spleen.mean_ml) == 3  # not the case in which neither has it


def test_two_cases_have_no_limits() -> None:
    cases = [{"case": case, "classes": CASES[case]} for case in ("a", "b")]
    assert agreements(read_result(text(cases=cases)))[0].limits is None


def test_everything_that_was_not_measured_is_said(result) -> None:
    sentence, tone = outcome_text(result, "It was resampled.")
    assert tone is Tone.WARNING
    lines = sentence.splitlines()
    assert lines[0] == "Compared: 2 structures in 4 cases."
    assert "Missed (Dice 0, distances infinite): Spleen (b)." in lines
    assert "Not in the reference, but segmented: Spleen (d)." in lines
    assert "No segmentation, in no average: f." in lines
    assert "No reference, not measured: g." in lines
    assert any(line.startswith("e was refused.") and "Resample." in line for line in lines)
    assert "It was resampled." in lines
    assert "a: a harmless fault" in lines


def test_nothing_measured_is_a_problem() -> None:
    assert outcome_text(read_result(text(cases=[])))[1] is Tone.PROBLEM


def test_the_list_shows_what_a_reader_wants_first(result) -> None:
    view = results_view(result)
    assert view.titles == ("Case", "Structure", "Dice", "NSD 1 mm", "NSD 2 mm", "HD95 [mm]", "Status")
    assert view.rows[3] == ("b", "Spleen", "0.000", "0.000", "0.000", "∞", "missed")
    assert view.rows[5] == ("c", "Spleen", "–", "–", "–", "–", "in neither")
    assert view.numeric == {2, 3, 4, 5}
    bars = ("Dice by structure", "NSD 1 mm by structure", "NSD 2 mm by structure")
    assert view.charts == (*bars, "Volumes (Bland–Altman)")  # no distances: they may be infinite
    assert view.structures == ("all structures", "Liver", "Spleen")


def test_a_place_is_described_in_the_frame_of_the_slices(result) -> None:
    assert place_text(result.rows[1], (-1.0, -2.0, 3.0)) == "Spleen: 3.00 mm apart at R -1.0, A -2.0, S 3.0 mm."


@pytest.mark.parametrize("broken", ["", "[]", '{"schema": "kdseg-evaluation/2"}', text().replace('"label": 1,', "")])
def test_other_texts_are_refused(broken: str) -> None:
    with pytest.raises(WorkerError):
        read_result(broken)


@pytest.mark.parametrize(("typed", "values"), [("1", (1.0,)), ("0.5, 2;3", (0.5, 2.0, 3.0)), (" 0 ", (0.0,))])
def test_tolerances_as_typed(typed: str, values: tuple) -> None:
    assert tolerances(typed) == values


@pytest.mark.parametrize("typed", ["", "one", "1 1.0", "-1", "nan", "inf", "1,5,mm"])
def test_tolerances_that_are_none(typed: str) -> None:
    with pytest.raises(InputError):
        tolerances(typed)


@pytest.mark.parametrize("typed", ["0", "101", "95, 95"])
def test_percentiles_that_are_none(typed: str) -> None:
    with pytest.raises(InputError):
        percentiles(typed)


def test_the_request_is_one_that_the_companion_reads(tmp_path) -> None:
    from kdseg_training.evaluation.job import EvaluationJob

    request = EvaluationRequest(
        tmp_path / "p", tmp_path / "r", tmp_path / "o", {1: "Liver"}, Measures((1.0, 2.0), (95.0,)), places=True
    )
    job = EvaluationJob.from_json(request.to_json())
    assert job.labels == {1: "Liver"}
    assert (job.tolerances_mm, job.worst_places, job.resample, job.report) == ((1.0, 2.0), True, False, False)
    assert job.output / "evaluation.json" == request.result


@pytest.mark.parametrize(
    ("situation", "enabled", "words"),
    [
        (EvaluateSituation(), False, "Choose the segmentation to be judged."),
        (EvaluateSituation(True), False, "Choose the folder with the segmentations."),
        (EvaluateSituation(prediction="a"), False, "Choose the reference"),
        (EvaluateSituation(prediction="a", reference="a", same=True), False, "are the same"),
        (EvaluateSituation(prediction="a", reference="b", problem="Grids differ."), False, "Grids differ."),
        (EvaluateSituation(prediction="a", reference="b"), True, ""),
        (EvaluateSituation(phase=Phase.STOPPING), False, "stopped"),
        (EvaluateSituation(phase=Phase.RUNNING), True, ""),
    ],
)
def test_when_a_comparison_can_start(situation: EvaluateSituation, enabled: bool, words: str) -> None:
    state = evaluate_readiness(situation)
    assert state.enabled is enabled
    assert words in state.sentence
