"""A comparison in a few sentences; the whole of it is in the report and in ``comparison.json``."""

from __future__ import annotations

import math
from typing import List

from kdseg_training.evaluation.compared_metrics import is_larger_better
from kdseg_training.evaluation.comparison_results import SMALLEST_COMPARED_CASES, Comparison
from kdseg_training.metrics import Interval, Recovery

TOLD = ("dice", "nsd_")
"""Beginnings of the names of the metrics that are told here, beside those with a margin."""


def comparison_sentences(comparison: Comparison) -> List[str]:
    """Return a sentence for each pair of models in Dice and NSD, and for each verdict against the teacher."""
    if len(comparison.models) < 2:
        return []
    if not comparison.has_enough_cases:
        found = len(comparison.cells.cases)
        return [f"{found} common case(s): too few to tell models apart (at least {SMALLEST_COMPARED_CASES})."]
    lines = []
    for pair in comparison.pairs:
        if pair.metric.startswith(TOLD):
            lines.append(
                f"{pair.candidate} less {pair.baseline}, {pair.metric}: {_interval(pair.difference, signed=True)}, "
                f"p = {pair.holm_p:.2g} (Wilcoxon, Holm), {len(comparison.cells.cases)} cases"
            )
    for (name, metric), retained in comparison.retained.items():
        if metric.startswith(TOLD):
            lines.append(f"{name} retains {_interval(retained)} of {comparison.teacher}'s {metric}")
    for (name, metric), verdict in comparison.inferiority.items():
        word = "not inferior" if verdict.non_inferior else "not shown to be non-inferior"
        lines.append(f"{name} is {word} to {comparison.teacher} in {metric} by a margin of {verdict.margin:g}")
    for (name, metric), recovery in comparison.recovered.items():
        if metric.startswith(TOLD):
            share = _recovered(recovery, metric)
            gap = f"the gap from {comparison.baseline} to {comparison.teacher} in {metric}"
            lines.append(f"share of {gap} that {name} recovers: {share}")
    return lines


def _recovered(recovery: Recovery, metric: str) -> str:
    if recovery.recovered is None:
        return "undefined, as the gap may be nothing"
    if not recovery.has_gap(larger_is_better=is_larger_better(metric)):
        return "undefined, as the teacher is not ahead"
    return _interval(recovery.recovered)


def _interval(interval: Interval, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    if math.isnan(interval.low) or math.isnan(interval.high):
        return f"{interval.estimate:{sign}.4f}"
    return f"{interval.estimate:{sign}.4f} [{interval.low:{sign}.4f}, {interval.high:{sign}.4f}]"
