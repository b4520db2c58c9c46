"""Non-inferiority, retention, recovery and ranks on samples whose answer is plain."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from kdseg_training.metrics.comparison import MLPERF_RETENTION, non_inferiority, recovery, retention
from kdseg_training.metrics.ranking import Rank, mean_ranks, rank_models

NAN = math.nan


@pytest.fixture
def teacher() -> np.ndarray:
    return np.random.default_rng(1).uniform(0.8, 0.95, (60, 4))


def _near(values: np.ndarray, loss: float, noise: float = 0.004) -> np.ndarray:
    errors = np.random.default_rng(2).normal(0, noise, values.shape)
    return values - loss + errors - errors.mean()


def test_a_small_certain_loss_is_non_inferior(teacher) -> None:
    result = non_inferiority(teacher, _near(teacher, 0.005), margin=0.01)
    assert result.non_inferior
    assert result.difference.estimate == pytest.approx(-0.005)
    assert result.difference.level == 0.90


def test_a_loss_of_about_the_margin_is_not(teacher) -> None:
    assert not non_inferiority(teacher, _near(teacher, 0.0099, noise=0.05), margin=0.01).non_inferior
    assert not non_inferiority(teacher, _near(teacher, 0.02), margin=0.01).non_inferior


def test_for_distances_a_larger_value_is_the_loss(teacher) -> None:
    longer = _near(teacher, -0.02)
    assert not non_inferiority(teacher, longer, margin=0.01, larger_is_better=False).non_inferior
    assert non_inferiority(teacher, longer, margin=0.01, larger_is_better=True).non_inferior
    assert non_inferiority(longer, teacher, margin=0.01, larger_is_better=False).non_inferior


@pytest.mark.parametrize("margin", [0.0, -0.1, NAN])
def test_a_margin_must_allow_some_loss(teacher, margin) -> None:
    with pytest.raises(ValueError, match="margin"):
        non_inferiority(teacher, teacher, margin)


def test_retention_is_the_share_of_the_teachers_mean(teacher) -> None:
    kept = retention(teacher, 0.995 * teacher)
    assert (kept.low, kept.estimate, kept.high) == pytest.approx((0.995, 0.995, 0.995))
    assert MLPERF_RETENTION[0] < kept.low < MLPERF_RETENTION[1]


def test_recovery_is_the_share_of_the_gap(teacher) -> None:
    baseline = teacher - 0.10
    result = recovery(teacher, teacher - 0.02, baseline)
    assert result.gap.estimate == pytest.approx(0.10)
    assert result.recovered is not None
    assert result.recovered.estimate == pytest.approx(0.8)


def test_without_a_gap_there_is_nothing_to_recover(teacher) -> None:
    result = recovery(teacher, teacher, _near(teacher, 0.0001, noise=0.05))
    assert result.gap.contains(0.0)
    assert result.recovered is None


def test_recovery_uses_the_cells_that_all_three_have() -> None:
    teacher, baseline = np.array([[0.9], [0.9], [0.9]]), np.array([[0.7], [0.7], [NAN]])
    student = np.array([[0.8], [NAN], [0.1]])
    result = recovery(teacher, student, baseline)
    assert result.gap.cases == 1
    assert result.recovered is not None
    assert result.recovered.estimate == pytest.approx(0.5)


@pytest.mark.parametrize("compare", [lambda t, s: recovery(t, s, t), retention])
def test_matrices_of_different_shapes_are_refused(teacher, compare) -> None:
    with pytest.raises(ValueError, match="one shape"):
        compare(teacher, teacher[:5])


def test_ranks_by_hand() -> None:
    """Cells: a < b < c; a = b < c; c missing, so left out; infinities tie for the last two places."""
    models = {
        "a": np.array([[1.0, 2.0], [1.0, 1.0]]),
        "b": np.array([[2.0, 2.0], [1.0, math.inf]]),
        "c": np.array([[3.0, 4.0], [NAN, math.inf]]),
    }
    ranks = rank_models(models, larger_is_better=False)
    assert ranks["a"] == Rank(pytest.approx((1 + 1.5 + 1) / 3), 1.0, 3)
    assert ranks["b"] == Rank(pytest.approx((2 + 1.5 + 2.5) / 3), 2.0, 3)
    assert ranks["c"] == Rank(pytest.approx((3 + 3 + 2.5) / 3), 3.0, 3)
    assert rank_models({"x": np.array([[1.0]]), "y": np.array([[0.0]])}, larger_is_better=True)["x"].mean == 1.0


def test_mean_ranks_are_scipys() -> None:
    values = np.append(np.random.default_rng(6).integers(0, 9, 40).astype(float), [math.inf, math.inf, -math.inf])
    assert mean_ranks(values).tolist() == stats.rankdata(values).tolist()


@pytest.mark.parametrize("models", [{}, {"a": np.ones((1, 2)), "b": np.ones((1, 3))}, {"a": np.array([[NAN]])}])
def test_what_cannot_be_ranked_is_refused(models) -> None:
    with pytest.raises(ValueError, match=r"one shape|no cell"):
        rank_models(models, larger_is_better=True)
