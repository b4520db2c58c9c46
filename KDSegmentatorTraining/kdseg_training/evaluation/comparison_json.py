"""A comparison as plain data for strict JSON."""

from __future__ import annotations

from typing import Any, Dict, Optional

from kdseg_training.evaluation.comparison_results import ClassTest, Comparison, ModelMetric, PairComparison
from kdseg_training.evaluation.results_json import finite_or_text
from kdseg_training.metrics import Interval, NonInferiority, PairedTest, Rank, Recovery

COMPARISON_SCHEMA = "kdseg-comparison/1"
"""Name and version of the layout, in the key ``schema``."""


def comparison_as_data(comparison: Comparison) -> Dict[str, Any]:
    """Return all numbers of a comparison; structures by label value, models by name."""
    cells = comparison.cells
    return {
        "schema": COMPARISON_SCHEMA,
        "teacher": comparison.teacher,
        "baseline": comparison.baseline,
        "margins": dict(comparison.margins),
        "resamples": comparison.resamples,
        "seed": comparison.seed,
        "cases": list(cells.cases),
        "cases_left_out": list(cells.left_out),
        "labels": list(cells.labels),
        "labels_absent": list(cells.absent),
        "rightly_empty_cells": cells.rightly_empty,
        "models": {model: _model_as_data(comparison, model) for model in comparison.models},
        "pairs": [_pair_as_data(pair) for pair in comparison.pairs],
    }


def _model_as_data(comparison: Comparison, model: str) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for metric in comparison.metrics:
        key: ModelMetric = (model, metric)
        quality = comparison.quality[key]
        labels = comparison.cells.labels
        found[metric] = {
            "mean": _interval(quality.macro),
            "classes": {str(label): _interval(interval) for label, interval in zip(labels, quality.classes)},
            "rank": _rank(comparison.ranks.get(key)),
            "retained": _interval(comparison.retained.get(key)),
            "non_inferiority": _inferiority(comparison.inferiority.get(key)),
            "recovery": _recovery(comparison.recovered.get(key)),
        }
    return found


def _pair_as_data(pair: PairComparison) -> Dict[str, Any]:
    return {
        "baseline": pair.baseline,
        "candidate": pair.candidate,
        "metric": pair.metric,
        "difference": _interval(pair.difference),
        **_test(pair.test, pair.holm_p),
        "classes": {str(entry.label): _class_test(entry) for entry in pair.classes},
    }


def _class_test(entry: ClassTest) -> Dict[str, Any]:
    return {"difference": _interval(entry.difference), **_test(entry.test, entry.holm_p)}


def _test(test: PairedTest, holm_p: float) -> Dict[str, Any]:
    return {
        "pairs": test.pairs,
        "differing": test.differing,
        "p": test.p_value,
        "p_holm": holm_p,
        "hodges_lehmann": finite_or_text(test.hodges_lehmann),
        "rank_biserial": test.rank_biserial,
    }


def _interval(interval: Optional[Interval]) -> Optional[Dict[str, Any]]:
    if interval is None:
        return None
    return {
        "estimate": finite_or_text(interval.estimate),
        "low": finite_or_text(interval.low),
        "high": finite_or_text(interval.high),
        "level": interval.level,
        "n": interval.cases,
    }


def _rank(rank: Optional[Rank]) -> Optional[Dict[str, Any]]:
    return None if rank is None else {"mean": rank.mean, "median": rank.median, "cells": rank.cells}


def _inferiority(result: Optional[NonInferiority]) -> Optional[Dict[str, Any]]:
    if result is None:
        return None
    return {"difference": _interval(result.difference), "margin": result.margin, "non_inferior": result.non_inferior}


def _recovery(result: Optional[Recovery]) -> Optional[Dict[str, Any]]:
    return None if result is None else {"gap": _interval(result.gap), "recovered": _interval(result.recovered)}
