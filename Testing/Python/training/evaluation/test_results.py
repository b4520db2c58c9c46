"""Evaluations as text and back, and what they say about themselves."""

from __future__ import annotations

import json
import math

import pytest

from kdseg.errors import GeometryError, InputError, MemoryLimitError
from kdseg_training.evaluation import Evaluation, EvaluationSettings, ModelResult, Pair
from kdseg_training.metrics import Status, StatusCounts

CELLS = {"a": [(0.9, 0.95, 1.1), Status.MISSED], "b": [Status.HALLUCINATED, Status.BOTH_EMPTY]}


def same(first: float, second: float) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))


def test_json_keeps_every_bit_of_every_number(make_evaluation) -> None:
    evaluation = make_evaluation({"m": {"a": [(1 / 3, 0.1 + 0.2, 1e-300), Status.MISSED], **CELLS}})
    again = Evaluation.from_json(evaluation.to_json())
    assert again.settings == evaluation.settings
    for case, other in zip(evaluation.models[0].cases, again.models[0].cases):
        assert (case.case, case.shape, case.spacing_mm) == (other.case, other.shape, other.spacing_mm)
        for label, metrics in case.classes.items():
            values, others = metrics.values(), other.classes[label].values()
            assert list(values) == list(others)
            assert all(same(values[name], others[name]) for name in values)


def test_json_is_strict_and_names_what_is_missing(make_evaluation) -> None:
    def refuse(word):
        raise AssertionError(word)

    data = json.loads(make_evaluation({"m": CELLS}).to_json(), parse_constant=refuse)
    assert data["models"][0]["statuses"]["1"] == {"ok": 1, "missed": 0, "hallucinated": 1, "both_empty": 0}
    assert data["models"][0]["cases"][0]["classes"][1]["hd_mm"] == "inf"
    assert data["models"][0]["cases"][1]["classes"][1]["dice"] is None


def test_json_keeps_settings_files_and_reasons(tmp_path) -> None:
    settings = EvaluationSettings(
        {1: "whole", 2: "core"}, (0.5, 2), (95, 99.5), "boundary_voxels",
        strict_tolerance=True, engine="numpy", ignore_label=9, regions={1: (1, 2)}, resample=True,
    )  # fmt: skip
    errors = (
        ("x", GeometryError("Elsewhere.", expected="here", found="there", path="x.nrrd", remedy="Move it.")),
        ("y", MemoryLimitError("Large.", estimate_bytes=3, limit_bytes=2, remedy="Buy.")),
    )
    model = ModelResult(
        "m", "folder", (), errors, missing=("z",), unexpected=("w",), pairs=(Pair("x", tmp_path / "p", tmp_path / "r"),),
        ignored_voxels={"x": 4}, notes=(("x", "harmless"),),
    )  # fmt: skip
    again = Evaluation.from_json(Evaluation(settings, "ref", (model,), {"seconds": 1.5}).to_json())
    assert (again.settings, again.reference, again.environment) == (settings, "ref", {"seconds": 1.5})
    (found,) = again.models
    assert [(case, type(error), str(error)) for case, error in found.failed] == [(c, type(e), str(e)) for c, e in errors]
    assert (found.missing, found.unexpected, found.pairs) == (model.missing, model.unexpected, model.pairs)
    assert (found.ignored_voxels, found.notes) == ({"x": 4}, (("x", "harmless"),))
    assert not found.is_complete


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(schema="kdseg-evaluation/0"),
        lambda data: data.pop("models"),
        lambda data: data["settings"].update(tolerances_mm=[-1]),
        lambda data: data["models"][0]["cases"][0]["classes"].pop(),
        lambda data: data["models"][0]["cases"][0]["classes"][0].update(nsd=[]),
        lambda data: data["models"][0]["cases"][0]["classes"][0].update(common_voxels=10**9),
    ],
)
def test_other_texts_are_refused(make_evaluation, change) -> None:
    data = json.loads(make_evaluation({"m": CELLS}).to_json())
    change(data)
    with pytest.raises(InputError, match="not an evaluation"):
        Evaluation.from_json(json.dumps(data))


def test_statuses_are_counted(make_evaluation) -> None:
    model = make_evaluation({"m": CELLS}).models[0]
    assert model.statuses(1) == StatusCounts(ok=1, missed=0, hallucinated=1, both_empty=0)
    assert model.statuses(2) == StatusCounts(ok=0, missed=1, hallucinated=0, both_empty=1)


def test_models_are_compared_on_the_cases_that_all_have(make_evaluation) -> None:
    row = [(0.5, 0.5, 1.0), (0.5, 0.5, 1.0)]
    evaluation = make_evaluation({"one": {"c": row, "a": row, "b": row}, "two": {"b": row, "d": row, "c": row}})
    assert evaluation.common_cases == ("b", "c")
    assert [case.case for case in evaluation.paired_cases("two")["two"]] == ["b", "c"]


def test_two_models_of_one_name_are_refused(make_evaluation) -> None:
    model = make_evaluation({"m": CELLS}).models[0]
    with pytest.raises(ValueError, match="name of its own"):
        Evaluation(EvaluationSettings({1: "a"}), "", (model, model))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"labels": {}}, "at least one structure"),
        ({"labels": {0: "background"}}, "from 1 to 65535"),
        ({"labels": {1: "a", 2: "a"}}, "a name of its own"),
        ({"labels": {1: " "}}, "a name of its own"),
        ({"tolerances_mm": (-1.0,)}, "at least 0 mm"),
        ({"tolerances_mm": (1.0, 1.0000001)}, "name columns"),
        ({"percentiles": (0.0,)}, "above 0"),
        ({"percentiles": (math.nan,)}, "finite"),
        ({"definition": "mesh"}, "mesh"),
        ({"engine": "cuda"}, "cuda"),
        ({"ignore_label": 1}, "both measured and ignored"),
        ({"regions": {2: (1, 2)}}, "region"),
        ({"regions": {1: ()}}, "region"),
    ],
)
def test_settings_cannot_be_wrong(wrong, words) -> None:
    with pytest.raises(ValueError, match=words):
        EvaluationSettings(**{"labels": {1: "a"}, **wrong})


def test_settings_name_the_metrics_as_they_are_measured(make_evaluation) -> None:
    evaluation = make_evaluation({"m": CELLS})
    for metrics in evaluation.models[0].cases[0].classes.values():
        assert tuple(metrics.values()) == evaluation.settings.metrics
