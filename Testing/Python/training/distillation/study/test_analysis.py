"""Numbers of the comparison, derived by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Optional

import numpy as np
import pytest

from kdseg_training.distillation.study.analysis import Analysis, Group, analyse, case_means, mean_of_means
from kdseg_training.distillation.study.config import StudyConfig

CLASSES = {1: "front", 2: "back"}
CASES = 8


def group(method: Optional[str], dice: float, *, factor: float = 4.0, seeds=(0,), spread: float = 0.0, hd95_mm: float = 2.0):
    """Every case and class has the same Dice, but for an even spread over the cases that adds up to nothing."""
    wave = np.linspace(-1, 1, CASES)[:, None] * np.ones(2)
    made = {}
    for number, seed in enumerate(seeds):
        matrix = np.full((CASES, 2), dice + 0.01 * number) + spread * wave
        made[seed] = {"dice": matrix, "nsd": matrix + 0.05, "hd95_mm": np.full((CASES, 2), hd95_mm)}
    return Group(1.0 if method is None else factor, method, made)


def study(**changes: Any) -> StudyConfig:
    values: Dict[str, Any] = {
        "name": "hand",
        "dataset": 1,
        "split": Path("split.json"),
        "report": Path("report.md"),
        "methods": {"A": {"methods": ["A"]}},
        "students": [{"factor": 4, "seeds": [0, 1]}],
        "statistics": {"margins": {"dice": 0.05, "hd95_mm": 0.5}, "resamples": 500},
        **changes,
    }
    return StudyConfig.model_validate(values)


def run(*groups: Group) -> Analysis:
    return analyse(study(), groups, CLASSES)


def test_retention_recovery_and_non_inferiority() -> None:
    analysis = run(group(None, 0.9), group("plain", 0.8, hd95_mm=4.0), group("A", 0.86, hd95_mm=2.4))
    claims = analysis.of(analysis.group(4.0, "A"))
    assert claims.quality["dice"].macro.estimate == pytest.approx(0.86)
    assert claims.retained["dice"].estimate == pytest.approx(0.86 / 0.9)
    assert set(claims.retained) == {"dice", "nsd"}
    assert claims.recovered["dice"].recovered.estimate == pytest.approx(0.6)
    assert claims.recovered["hd95_mm"].gap.estimate == pytest.approx(-2.0)
    assert claims.recovered["hd95_mm"].recovered.estimate == pytest.approx(0.8)
    assert claims.inferiority["dice"].non_inferior
    assert claims.inferiority["dice"].difference.estimate == pytest.approx(-0.04)
    assert not analysis.of(analysis.group(4.0, "plain")).inferiority["dice"].non_inferior
    assert analysis.of(analysis.group(4.0, "plain")).recovered == {}


def test_there_is_nothing_to_recover_where_the_gap_may_be_nothing() -> None:
    analysis = run(group(None, 0.9, spread=0.1), group("plain", 0.9), group("A", 0.95))
    recovered = analysis.of(analysis.group(4.0, "A")).recovered["dice"]
    assert recovered.gap.contains(0.0)
    assert recovered.recovered is None


def test_seeds_are_averaged_and_only_common_ones_compared() -> None:
    plain = group("plain", 0.8, seeds=(0, 1))  # 0.80 and 0.81
    equal = group("plain_equal_time", 0.82, seeds=(1,))
    distilled = group("A", 0.84, seeds=(0, 1))  # 0.84 and 0.85
    analysis = run(group(None, 0.9), plain, distilled, equal)
    assert analysis.of(distilled).quality["dice"].macro.estimate == pytest.approx(0.845)
    assert distilled.of_seed("dice") == pytest.approx({0: 0.84, 1: 0.85})
    found = {c.baseline: c for c in analysis.comparisons if c.metric == "dice"}
    assert found["plain"].seeds == (0, 1)
    assert found["plain"].difference.estimate == pytest.approx(0.04)
    assert found["plain_equal_time"].seeds == (1,)
    assert found["plain_equal_time"].difference.estimate == pytest.approx(0.85 - 0.82)


def test_holm_counts_the_comparisons_of_one_metric() -> None:
    wider = [group("plain", 0.80, factor=2.0), group("A", 0.83, factor=2.0)]
    analysis = run(group(None, 0.9), group("plain", 0.8), group("A", 0.82), *wider)
    dice = [c for c in analysis.comparisons if c.metric == "dice"]
    assert len(dice) == 2
    for comparison in dice:
        assert comparison.test.p_value == pytest.approx(2 / 2**CASES)  # all eight differences have one sign
        assert comparison.holm_p == pytest.approx(2 * 2 / 2**CASES)


def test_a_class_that_no_case_has_is_left_out() -> None:
    groups = [group(None, 0.9), group("plain", 0.8), group("A", 0.85)]
    for one in groups:
        for matrix in one.seeds[0].values():
            matrix[:, 1] = np.nan
    analysis = run(*groups)
    assert analysis.classes == {1: "front"}
    assert len(analysis.of(analysis.teacher).quality["dice"].classes) == 1


def test_means_over_what_there_is() -> None:
    matrix = np.array([[0.5, np.nan], [0.7, 0.9], [np.nan, np.nan]])
    assert case_means(matrix).tolist() == pytest.approx([0.5, 0.8])
    assert mean_of_means(matrix) == pytest.approx(0.65)
    seeds = {0: {"dice": np.array([[0.4, np.nan]])}, 1: {"dice": np.array([[0.6, np.nan]])}}
    assert Group(4.0, "A", seeds).mean("dice")[0].tolist() == pytest.approx([0.5, np.nan], nan_ok=True)
