"""Predict the cases of a set with an arm and measure them, once; what is measured is kept in the study's folder."""

from __future__ import annotations

import hashlib
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.atomic import write_bytes
from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import Cancelled
from kdseg.wording import counted
from kdseg_training.distillation.study.inference import (
    case_files,
    label_entries,
    open_predictor,
    read_segmentation,
    require_files,
)
from kdseg_training.distillation.study.trained import TrainedArm
from kdseg_training.metrics import CaseMetrics, evaluate_pair
from kdseg_training.metrics.policies import PENALISED, value_under

Matrix = npt.NDArray[np.float64]

METRICS = ("dice", "nsd", "hd95_mm")
"""Names of the three metrics everywhere in a study; larger is better for the first two."""


@dataclass(frozen=True)
class CaseSet:
    """Cases that are predicted together.

    Attributes
    ----------
    name
        ``test`` or ``validation``.
    cases
        Their names.
    images, labels
        Folders.
    channels, ending
        Of the files.
    """

    name: str
    cases: Tuple[str, ...]
    images: Path
    labels: Path
    channels: int
    ending: str

    def require(self) -> None:
        """Raise :class:`kdseg.errors.TrainingDataError` if a file is missing."""
        for case in self.cases:
            case_files(self.images, case, self.channels, self.ending)
        require_files([self.labels / f"{case}{self.ending}" for case in self.cases])


@dataclass(frozen=True)
class Measured:
    """Metrics of one arm on one set.

    Attributes
    ----------
    rows
        One for each case and class: ``case``, ``label``, ``status``, and every metric. A missed class costs overlap 0 and the
        diagonal of the image; None where neither mask has the class.
    seconds
        Of each case's prediction, reading included.
    classes
        Label → name, in the order of the matrices' columns.
    """

    rows: Tuple[Mapping[str, Any], ...]
    seconds: Tuple[float, ...]
    classes: Mapping[int, str]

    def matrix(self, metric: str) -> Matrix:
        """Return one metric, shape (case, class), NaN where there is nothing to measure."""
        values = [math.nan if row[metric] is None else float(row[metric]) for row in self.rows]
        return np.array(values, dtype=np.float64).reshape(-1, len(self.classes))


class Measurements:
    """Measures arms and remembers.

    Parameters
    ----------
    folder
        Where the results are kept, one file for each arm, set and mirroring.
    predictor, device, threads
        As for :func:`kdseg_training.distillation.study.inference.open_predictor`.
    tolerance_mm
        Of the NSD.
    stop
        Asked after every case.
    say
        Told what is predicted.
    """

    def __init__(
        self,
        folder: Path,
        *,
        predictor: str,
        device: str,
        threads: int,
        tolerance_mm: float,
        stop: Callable[[], bool],
        say: Callable[[str], None],
    ) -> None:
        self._folder, self._predictor, self._device, self._threads = folder, predictor, device, threads
        self._tolerance_mm, self._stop, self._say = tolerance_mm, stop, say

    def measure(self, trained: TrainedArm, cases: CaseSet, mirroring: Sequence[bool]) -> Dict[bool, Measured]:
        """Return an arm's metrics with and without mirroring, as wanted; only what is not known yet is computed.

        Raises
        ------
        TrainingDataError
            If a case's file is missing.
        Cancelled
            If ``stop`` said so; sets that are complete are kept.
        """
        digest = hashlib.sha256(trained.checkpoint_path.read_bytes()).hexdigest()
        keys = {mirrored: self._key(digest, cases, mirrored) for mirrored in mirroring}
        paths = {mirrored: self._path(trained, cases, mirrored) for mirrored in mirroring}
        known = {mirrored: _read(paths[mirrored], keys[mirrored]) for mirrored in mirroring}
        if any(measured is None for measured in known.values()):
            self._say(f"{trained.arm.name}: predicting {counted(len(cases.cases), f'{cases.name} case')}.")
            predict = open_predictor(self._predictor, trained, device=self._device, threads=self._threads)
            for mirrored in mirroring:
                if known[mirrored] is None:
                    known[mirrored] = self._compute(trained, cases, lambda files, m=mirrored: predict(files, m))  # type: ignore[misc]
                    _write(paths[mirrored], keys[mirrored], known[mirrored])
        return {mirrored: measured for mirrored, measured in known.items() if measured is not None}

    def _compute(self, trained: TrainedArm, cases: CaseSet, predict: Callable[[Sequence[Path]], Any]) -> Measured:
        entries = label_entries(trained)
        labels = [entry.value for entry in entries]
        rows: List[Dict[str, Any]] = []
        seconds: List[float] = []
        for case in cases.cases:
            if self._stop():
                raise Cancelled("The study was stopped.", remedy="Start it again: what is finished is kept.")
            reference = read_segmentation(cases.labels / f"{case}{cases.ending}", entries)
            began = time.perf_counter()
            prediction = predict(case_files(cases.images, case, cases.channels, cases.ending))
            seconds.append(time.perf_counter() - began)
            metrics = evaluate_pair(prediction, reference, labels, case=case, tolerances_mm=(self._tolerance_mm,))
            rows += [self._row(metrics, label) for label in labels]
        return Measured(tuple(rows), tuple(seconds), {entry.value: entry.name for entry in entries})

    def _row(self, case: CaseMetrics, label: int) -> Dict[str, Any]:
        columns = {"dice": "dice", "nsd": f"nsd_{self._tolerance_mm:g}mm", "hd95_mm": "hd95_mm"}
        values = {name: value_under(PENALISED, case, label, column) for name, column in columns.items()}
        plain = {name: None if math.isnan(value) else value for name, value in values.items()}
        return {"case": case.case, "label": label, "status": case.classes[label].status.value, **plain}

    def _key(self, checkpoint_sha256: str, cases: CaseSet, mirrored: bool) -> Dict[str, Any]:
        return {
            "checkpoint_sha256": checkpoint_sha256,
            "cases": list(cases.cases),
            "mirroring": mirrored,
            "predictor": self._predictor,
            "tolerance_mm": self._tolerance_mm,
        }

    def _path(self, trained: TrainedArm, cases: CaseSet, mirrored: bool) -> Path:
        name = f"{trained.arm.name}__{cases.name}__{'mirrored' if mirrored else 'single'}.json"
        return self._folder / "measured" / name


def _read(path: Path, key: Mapping[str, Any]) -> Optional[Measured]:
    if not path.is_file():
        return None
    content = parse_json_object(path.read_bytes(), str(path))
    if content["key"] != key:
        return None
    classes = {int(label): name for label, name in content["classes"].items()}
    return Measured(tuple(content["rows"]), tuple(content["seconds"]), classes)


def _write(path: Path, key: Mapping[str, Any], measured: Optional[Measured]) -> None:
    if measured is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "key": dict(key),
        "classes": {str(label): name for label, name in measured.classes.items()},
        "seconds": list(measured.seconds),
        "rows": list(measured.rows),
    }
    write_bytes(path, json.dumps(content).encode("utf-8"))
