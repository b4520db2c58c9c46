"""Quality against latency as data: for the chart, and for plots elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from kdseg_training.profiling.results import Profile
from kdseg_training.profiling.subjects import SubjectKind


@dataclass(frozen=True)
class ChartPoint:
    """One subject with the first number of threads.

    Attributes
    ----------
    key, kind, threads
        What it is.
    seconds, seconds_low, seconds_high
        Median of a run and its interval; None where there are too few runs.
    peak_rss_bytes, parameters
        Memory and size.
    quality, quality_source
        Mean Dice, 0 to 1, and where it was measured; None and empty where it is unknown.
    on_front
        Whether no other subject is both at least as good and at least as fast, and better in one of the two (the Pareto front).
        None where the quality is unknown.
    """

    key: str
    kind: SubjectKind
    threads: int
    seconds: float
    seconds_low: Optional[float]
    seconds_high: Optional[float]
    peak_rss_bytes: Optional[int]
    parameters: int
    quality: Optional[float]
    quality_source: str
    on_front: Optional[bool]


def chart_points(profile: Profile) -> Tuple[ChartPoint, ...]:
    """Return a point for each subject that has counted runs, in order."""
    measured = [(s, s.main, s.main.wall_s) for s in profile.subjects if s.main is not None]
    costs = [(wall.p50.value, s.quality.dice) for s, _, wall in measured if wall is not None and s.quality is not None]
    points: List[ChartPoint] = []
    for subject, measurement, wall in measured:
        if wall is None:
            continue
        dice = None if subject.quality is None else subject.quality.dice
        points.append(
            ChartPoint(
                key=subject.key,
                kind=subject.kind,
                threads=measurement.threads,
                seconds=wall.p50.value,
                seconds_low=wall.p50.low,
                seconds_high=wall.p50.high,
                peak_rss_bytes=measurement.peak_rss_bytes,
                parameters=subject.parameters,
                quality=dice,
                quality_source="" if subject.quality is None else subject.quality.source,
                on_front=None if dice is None else not is_dominated((wall.p50.value, dice), costs),
            )
        )
    return tuple(points)


def is_dominated(point: Tuple[float, float], others: Sequence[Tuple[float, float]]) -> bool:
    """Tell whether one of (seconds, quality) is at least as fast and as good as a point, and better in one of the two."""
    seconds, quality = point
    return any(s <= seconds and q >= quality and (s, q) != point for s, q in others)


def same_basis(points: Sequence[ChartPoint]) -> bool:
    """Tell whether all known qualities were measured on the same cases, as far as their sources say."""
    return len({point.quality_source for point in points if point.quality is not None}) <= 1
