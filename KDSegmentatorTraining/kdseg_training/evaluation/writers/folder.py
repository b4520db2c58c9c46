"""The folder that an evaluation leaves."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from kdseg.atomic import write_bytes
from kdseg.errors import OutputError, PathLike
from kdseg_training.evaluation.results import Evaluation
from kdseg_training.evaluation.writers.nnunet_summary import write_nnunet_summary
from kdseg_training.evaluation.writers.tables import averages_csv, cases_csv


@dataclass(frozen=True)
class EvaluationFiles:
    """What was written.

    Attributes
    ----------
    evaluation
        ``evaluation.json``: everything, for programs.
    cases, averages
        ``cases.csv`` and ``averages.csv``.
    summaries
        nnU-Net's ``summary.json`` by model, for models with a measured case.
    report
        ``report.html``, if one was made.
    comparison, worst_places
        ``comparison.json`` and ``worst_places.json``, if they were made.
    """

    evaluation: Path
    cases: Path
    averages: Path
    summaries: Dict[str, Path]
    report: Optional[Path] = None
    comparison: Optional[Path] = None
    worst_places: Optional[Path] = None

    @property
    def paths(self) -> Tuple[Path, ...]:
        """All of them."""
        written = (self.evaluation, self.cases, self.averages, *self.summaries.values())
        return (*written, *(path for path in (self.report, self.comparison, self.worst_places) if path is not None))


def write_evaluation(evaluation: Evaluation, folder: PathLike) -> EvaluationFiles:
    """Write the tables, nnU-Net's summaries and, last, ``evaluation.json`` into a folder, which is made if it is not there.

    One model has ``summary.json``; of several, each has ``summary_<name>.json``. Earlier files of these names are replaced.

    Raises
    ------
    OutputError
        If the folder cannot be made or a file cannot be written.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("The folder cannot be made.", found=error.strerror or str(error), path=target) from error
    summaries: Dict[str, Path] = {}
    for model, name in zip(evaluation.models, _summary_names(evaluation)):
        if model.cases:
            summaries[model.name] = target / name
            write_nnunet_summary(model, evaluation.settings, target / name)
    files = EvaluationFiles(target / "evaluation.json", target / "cases.csv", target / "averages.csv", summaries)
    write_bytes(files.cases, cases_csv(evaluation))
    write_bytes(files.averages, averages_csv(evaluation))
    write_bytes(files.evaluation, evaluation.to_json().encode("ascii"))
    return files


def require_writable(folder: PathLike) -> None:
    """Find out before the work whether a folder can be made and written; nothing is made.

    Raises
    ------
    OutputError
        If not.
    """
    target = Path(folder).absolute()
    there = next(path for path in (target, *target.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(
            "The results cannot be written there.",
            expected="a folder that can be written",
            found="a file" if not there.is_dir() else "a folder without permission to write",
            path=there,
            remedy="Name another folder.",
        )


def _summary_names(evaluation: Evaluation) -> List[str]:
    """Return a file name for each model, of characters that every file system takes, no two alike in any case of letters."""
    if len(evaluation.models) == 1:
        return ["summary.json"]
    names: List[str] = []
    for number, model in enumerate(evaluation.models, start=1):
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", model.name).strip("-.") or str(number)
        taken = {taken.casefold() for taken in names}
        full = f"summary_{name}.json"
        names.append(full if full.casefold() not in taken else f"summary_{name}_{number}.json")
    return names
