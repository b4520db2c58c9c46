"""The widest student within a budget."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kdseg.errors import ConfigurationError, UnsupportedModelError
from kdseg_testing.model_folder import write_model_folder
from kdseg_training.distillation.family import (
    Latency,
    Workload,
    count_parameters,
    derive_plans,
    estimate_memory,
    largest_within,
    search,
)

WORKLOAD = Workload((48, 48, 48), (1.0, 1.0, 1.0), threads=1)
NAME = "3d_fullres"
Model = tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = write_model_folder(tmp_path_factory.mktemp("model"), features=(16, 32, 48), patch_size=(16, 16, 16))
    plans, dataset = (json.loads((folder / name).read_text()) for name in ("plans.json", "dataset.json"))
    return plans, dataset


def parameters(model: Model, factor: float) -> int:
    return count_parameters(derive_plans(model[0], factor=factor), NAME, 1, 3)


def memory(model: Model, factor: float) -> int:
    return estimate_memory(derive_plans(model[0], factor=factor), NAME, model[1], WORKLOAD).peak_bytes


def test_of_given_factors_the_smallest_that_fits_is_taken(model: Model) -> None:
    limit = parameters(model, 4)
    arguments = {"dataset": model[1], "candidates": [8, 2, 4]}
    assert largest_within(model[0], NAME, parameters=limit, **arguments) == 4
    assert largest_within(model[0], NAME, parameters=limit - 1, **arguments) == 8
    assert largest_within(model[0], NAME, parameters=10**9, **arguments) == 2


@pytest.fixture(scope="module")
def every_size(model: Model) -> list[int]:
    """Parameters of every student there is: widths change nowhere but at these factors."""
    changes = {n / (k - 0.5) for n in (16, 32, 48) for k in range(4, n + 1)}
    return sorted({parameters(model, max(1.0, change * nudge)) for change in changes for nudge in (1 - 1e-9, 1 + 1e-9)})


@pytest.mark.parametrize("limit", [4500, 5000, 20000, 60000])
def test_a_free_search_gives_the_widest_student_of_all(model: Model, every_size: list[int], limit: int) -> None:
    found = largest_within(model[0], NAME, dataset=model[1], parameters=limit)
    assert parameters(model, found) == max(size for size in every_size if size <= limit)


def test_a_free_search_ends_at_the_floor(model: Model, every_size: list[int]) -> None:
    assert parameters(model, largest_within(model[0], NAME, dataset=model[1], parameters=every_size[0])) == every_size[0]
    with pytest.raises(ConfigurationError, match="No student fits"):
        largest_within(model[0], NAME, dataset=model[1], parameters=every_size[0] - 1)


def test_a_budget_that_the_teacher_meets_gives_factor_1(model: Model) -> None:
    assert largest_within(model[0], NAME, dataset=model[1], parameters=parameters(model, 1)) == 1


def test_the_factor_has_no_more_digits_than_it_needs(model: Model) -> None:
    found = largest_within(model[0], NAME, dataset=model[1], parameters=parameters(model, 2))
    assert found == 2


def test_no_student_fits_says_what_the_narrowest_needs(model: Model) -> None:
    with pytest.raises(ConfigurationError, match="No student fits") as caught:
        largest_within(model[0], NAME, dataset=model[1], parameters=10, candidates=[4, 2])
    assert caught.value.found == f"{parameters(model, 4):,} parameters for the narrowest, at factor 4"


def test_the_memory_budget_follows_the_estimate_of_a_run(model: Model) -> None:
    need = {factor: memory(model, factor) for factor in (1, 2, 4)}
    assert need[1] > need[2] > need[4]
    arguments = {"dataset": model[1], "candidates": [1, 2, 4], "workload": WORKLOAD}
    assert largest_within(model[0], NAME, memory_bytes=need[2], **arguments) == 2
    with pytest.raises(ConfigurationError, match="GiB for the narrowest"):
        largest_within(model[0], NAME, memory_bytes=need[4] // 2, **arguments)


def test_the_time_budget_follows_the_measurement_and_the_cheap_budget_comes_first(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[int] = []

    def pretend(plans: Any, configuration: str, dataset: Any, workload: Workload) -> Latency:
        count = count_parameters(plans, configuration, 1, 3)
        measured.append(count)
        return Latency(count / 1000, 1, 1, 1)

    monkeypatch.setattr(search, "measure_latency", pretend)
    seconds = parameters(model, 3) / 1000
    arguments = {"dataset": model[1], "workload": WORKLOAD}
    assert largest_within(model[0], NAME, seconds=seconds, candidates=[2, 3, 4], **arguments) == 3
    assert len(measured) == 3
    found = largest_within(model[0], NAME, seconds=seconds, **arguments)
    assert 3 <= found < 3 * search.MEASURED_STEP**1.5
    assert len(measured) < 3 + 10, "a search must not measure every width"
    measured.clear()
    largest_within(model[0], NAME, seconds=1e9, parameters=parameters(model, 4), candidates=[2, 4], **arguments)
    assert measured == [parameters(model, 4)], "a student above another budget needs no measurement"


@pytest.mark.parametrize(
    "budget", [{}, {"parameters": 0}, {"seconds": -1}, {"memory_bytes": float("nan")}, {"seconds": float("inf")}]
)
def test_budgets_that_say_nothing_are_refused(model: Model, budget: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="budget"):
        largest_within(model[0], NAME, dataset=model[1], **budget)


@pytest.mark.parametrize("candidates", [[], [0.5], [2, float("nan")]])
def test_candidates_that_make_no_student_are_refused(model: Model, candidates: list[float]) -> None:
    with pytest.raises(ConfigurationError, match="factor"):
        largest_within(model[0], NAME, dataset=model[1], parameters=1000, candidates=candidates)


def test_memory_of_what_the_runtime_cannot_run_is_refused(model: Model) -> None:
    plans = json.loads(json.dumps(model[0]))
    plans["configurations"][NAME]["previous_stage"] = "3d_lowres"
    with pytest.raises(UnsupportedModelError, match="cascade"):
        largest_within(plans, NAME, dataset=model[1], memory_bytes=2**30, workload=WORKLOAD)
