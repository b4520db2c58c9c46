"""Agreement of measured volumes: bias, limits of agreement and their exact intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence, Tuple

import numpy as np
import numpy.typing as npt
from scipy import special

LIMITS_Z = 1.959963984540054
"""Standard deviations from the bias to a limit of agreement: 95 % of the differences lie between the limits."""

SMALLEST_CASES = 3
"""Below this number of cases there is a bias and nothing else."""


@dataclass(frozen=True)
class Bounded:
    """A number with its 95 % confidence interval; the ends are NaN where there are too few cases."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """Predicted against reference volumes of one structure.

    Attributes
    ----------
    means_ml
        Mean of the two volumes of each case, shape (case,), in ml: against the reference alone, errors of the reference would
        look like a trend. Bland and Altman 1995, doi:10.1016/S0140-6736(95)91748-9.
    differences_ml
        Prediction − reference of each case, shape (case,), in ml.
    bias_ml
        Their mean.
    lower_ml, upper_ml
        Bias ∓ 1.96 standard deviations: 95 % of the differences lie between, if they are normal and do not depend on the size.
        Bland and Altman 1999, doi:10.1177/096228029900800204; exact intervals: Carkeet 2015, doi:10.1097/OPX.0000000000000513.
    trend
        Slope of the differences on the means, ml per ml. Where its interval leaves out 0, the bias depends on the size, and no
        single bias with one pair of limits describes it.
    """

    means_ml: npt.NDArray[np.float64]
    differences_ml: npt.NDArray[np.float64]
    bias_ml: Bounded
    lower_ml: Bounded
    upper_ml: Bounded
    trend: Bounded

    @property
    def cases(self) -> int:
        """Number of cases."""
        return len(self.differences_ml)

    @property
    def depends_on_size(self) -> bool:
        """Whether the interval of the trend leaves out 0."""
        return self.trend.low > 0.0 or self.trend.high < 0.0


def bland_altman(prediction_ml: Sequence[float], reference_ml: Sequence[float]) -> Agreement:
    """Return bias and limits of agreement of the volumes of one structure.

    Parameters
    ----------
    prediction_ml, reference_ml
        Volumes of the same cases in ml, finite; 0 where a mask is empty.

    Raises
    ------
    ValueError
        If the lists differ in length, are empty or hold values that are not finite.
    """
    predicted, referred = np.asarray(prediction_ml, dtype=np.float64), np.asarray(reference_ml, dtype=np.float64)
    if predicted.shape != referred.shape or predicted.ndim != 1 or not len(predicted):
        raise ValueError(f"expected two lists of one length, found shapes {predicted.shape} and {referred.shape}")
    if not (np.isfinite(predicted).all() and np.isfinite(referred).all()):
        raise ValueError("volumes must be finite")
    means, differences = (predicted + referred) / 2.0, predicted - referred
    bias = float(differences.mean())
    if len(differences) < SMALLEST_CASES:
        unknown = Bounded(math.nan, math.nan, math.nan)
        return Agreement(means, differences, Bounded(bias, math.nan, math.nan), unknown, unknown, unknown)
    mean, lower, upper = _limits(differences)
    return Agreement(means, differences, mean, lower, upper, _trend(means, differences))


def _limits(differences: npt.NDArray[np.float64]) -> Tuple[Bounded, Bounded, Bounded]:
    """Return bias, lower and upper limit; under normality a limit's pivot has a non-central t distribution."""
    n = len(differences)
    bias, spread = float(differences.mean()), float(differences.std(ddof=1))
    step = float(special.stdtrit(n - 1, 0.975)) * spread / math.sqrt(n)
    near, far = (float(special.nctdtrit(n - 1, LIMITS_Z * math.sqrt(n), p)) * spread / math.sqrt(n) for p in (0.025, 0.975))
    limit = LIMITS_Z * spread
    return (
        Bounded(bias, bias - step, bias + step),
        Bounded(bias - limit, bias - far, bias - near),
        Bounded(bias + limit, bias + near, bias + far),
    )


def _trend(means: npt.NDArray[np.float64], differences: npt.NDArray[np.float64]) -> Bounded:
    """Return the slope of a straight line through the points; NaN where all have one size."""
    n, away = len(means), means - means.mean()
    variation = float((away**2).sum())
    if variation <= 1e-24 * n * float(means.mean()) ** 2:
        return Bounded(math.nan, math.nan, math.nan)
    slope = float((away * differences).sum()) / variation
    residual = differences - differences.mean() - slope * away
    error = math.sqrt(float((residual**2).sum()) / (n - 2) / variation)
    step = float(special.stdtrit(n - 2, 0.975)) * error
    return Bounded(slope, slope - step, slope + step)
