"""Leave what was measured beside each student's checkpoint, where the export finds it."""

from __future__ import annotations

import json
from typing import Any, Dict

from kdseg.atomic import write_bytes
from kdseg_training.distillation.study.measurement import METRICS
from kdseg_training.distillation.study.outcome import ArmOutcome, Outcome
from kdseg_training.export.training_record import QUALITY
from kdseg_training.metrics import Interval, bootstrap_means

DECIMALS = 4
"""Of means and intervals in the file."""


def write_quality(outcome: Outcome) -> None:
    """Write ``quality.json`` into the fold's folder of every student that the study trained."""
    for arm in outcome.arms:
        if not arm.trained.report:
            continue  # a given teacher's folder is not ours
        content = {"checkpoint_sha256": arm.checkpoint_sha256, "quality": quality_of(outcome, arm)}
        path = arm.trained.checkpoint_path.parent / QUALITY
        write_bytes(path, (json.dumps(content, indent=2) + "\n").encode("utf-8"))


def quality_of(outcome: Outcome, arm: ArmOutcome) -> Dict[str, Any]:
    """Return the ``quality`` of a bundle: this very network on the test cases."""
    config = outcome.config
    mirrored = config.inference.mirroring[0]
    measured = arm.test[mirrored]
    draws = {"resamples": config.statistics.resamples, "seed": config.statistics.seed}
    columns = [i for i, label in enumerate(measured.classes) if label in outcome.main.classes]
    intervals = {metric: bootstrap_means(measured.matrix(metric)[:, columns], **draws).classes for metric in METRICS}
    classes = []
    for place, label in enumerate(outcome.main.classes):
        values = {metric: _as_data(entries[place]) for metric, entries in intervals.items()}
        classes.append({"value": label, **values, "nsd_tolerance_mm": config.statistics.tolerance_mm})
    data_set = arm.trained.report["settings"]["dataset"]
    return {
        "test_set": f"{len(outcome.split.test)} test cases of {data_set}, never used for training or choosing",
        "method": (
            f"predicted {'with' if mirrored else 'without'} mirroring; mean over cases with 95 % percentile bootstrap "
            f"interval over cases ({config.statistics.resamples:,} resamples). NSD and HD95 on area-weighted surface "
            "elements; an empty prediction counts as Dice 0, NSD 0 and the diagonal of the image."
        ),
        "classes": classes,
    }


def _as_data(interval: Interval) -> Dict[str, Any]:
    return {
        "mean": round(interval.estimate, DECIMALS),
        "n": interval.cases,
        "interval": [round(interval.low, DECIMALS), round(interval.high, DECIMALS)],
        "confidence": interval.level,
    }
