"""Where a report lies, and the rule that the test is reported once."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from kdseg.atomic import write_bytes
from kdseg.bundle.strict_json import parse_json_object
from kdseg.errors import OutputError
from kdseg_training.distillation.study.config import StudyConfig
from kdseg_training.distillation.study.measurement import METRICS
from kdseg_training.distillation.study.outcome import Outcome
from kdseg_training.distillation.study.report.data import results_of
from kdseg_training.distillation.study.report.figures import draw_figures
from kdseg_training.distillation.study.report.markdown import markdown_of
from kdseg_training.distillation.study.split import Split

RESULTS, CASES = "results.json", "cases.csv"
"""Names in the report's folder."""

REMEDY = "Give the report another name; or use --force, and the new report says that the test was looked at before."


class ReportFiles:
    """The files of one report.

    Parameters
    ----------
    path
        The Markdown file; data and pictures go into a folder of its name beside it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.with_suffix("")

    def require_free(self, config: StudyConfig, split: Split, *, force: bool) -> None:
        """Make sure that no report of another study, or of this one with other settings, is replaced by mistake.

        Raises
        ------
        OutputError
            If one would be; not under ``force``.
        """
        earlier = self._earlier()
        if force or (earlier is None and not self.path.exists()):
            return
        if earlier is None:
            raise OutputError("There is a document that no study wrote.", expected="a new file", path=self.path, remedy=REMEDY)
        differing = [key for key, value in identity(config, split).items() if earlier.get(key) != value]
        if differing:
            raise OutputError(
                "The test set has been reported already, with other settings.",
                expected="the same " + ", ".join(differing),
                found="others",
                path=self.path,
                remedy=REMEDY,
            )

    def write(self, outcome: Outcome, *, force: bool) -> None:
        """Write everything; the Markdown comes last.

        Raises
        ------
        OutputError
            As for :meth:`require_free`, and if the networks are not those that were reported.
        """
        self.require_free(outcome.config, outcome.split, force=force)
        results = {**identity(outcome.config, outcome.split), **results_of(outcome)}
        earlier = self._earlier()
        history = self._history(earlier, results, force=force)
        self.folder.mkdir(parents=True, exist_ok=True)
        pictures = draw_figures(outcome, self.folder)
        write_bytes(self.folder / CASES, _cases_csv(outcome))
        results.update({"written": time.strftime("%Y-%m-%d"), "earlier_reports": history})
        write_bytes(self.folder / RESULTS, (json.dumps(results, indent=1, allow_nan=False) + "\n").encode("utf-8"))
        text = markdown_of(outcome, [path.relative_to(self.path.parent).as_posix() for path in pictures], history)
        write_bytes(self.path, text.encode("utf-8"))

    def _history(
        self, earlier: Optional[Mapping[str, Any]], results: Mapping[str, Any], *, force: bool
    ) -> List[Dict[str, Any]]:
        """Return what was reported before with other settings or networks."""
        if earlier is None:
            return []
        known: List[Dict[str, Any]] = list(earlier.get("earlier_reports", []))
        networks = {name: arm["checkpoint_sha256"] for name, arm in results["arms"].items()}
        before = {name: arm["checkpoint_sha256"] for name, arm in earlier.get("arms", {}).items()}
        same = all(earlier.get(key) == results[key] for key in ("settings_sha256", "split_sha256")) and networks == before
        if same:
            return known
        if not force:
            raise OutputError(
                "The test set has been reported already, with other networks.",
                expected="the networks of the report",
                found=", ".join(sorted(name for name in {**networks, **before} if networks.get(name) != before.get(name))),
                path=self.path,
                remedy=REMEDY,
            )
        return [*known, {"settings_sha256": earlier.get("settings_sha256"), "written": earlier.get("written")}]

    def _earlier(self) -> Optional[Dict[str, Any]]:
        path = self.folder / RESULTS
        return parse_json_object(path.read_bytes(), str(path)) if path.is_file() else None


def identity(config: StudyConfig, split: Split) -> Dict[str, str]:
    """Return what a report belongs to."""
    return {
        "study": config.name,
        "settings_sha256": config.digest(),
        "split_sha256": split.sha256,
    }


def _cases_csv(outcome: Outcome) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["arm", "factor", "method", "seed", "mirroring", "case", "label", "class", "status", *METRICS])
    for arm in outcome.arms:
        what = arm.trained.arm
        for mirrored, measured in arm.test.items():
            for row in measured.rows:
                values = ["" if row[metric] is None else f"{row[metric]:.6g}" for metric in METRICS]
                method = what.method or "teacher"
                head = [
                    what.name,
                    f"{what.factor:g}",
                    method,
                    what.seed,
                    "yes" if mirrored else "no",
                    row["case"],
                    row["label"],
                ]
                writer.writerow([*head, measured.classes[row["label"]], row["status"], *values])
    return text.getvalue().encode("utf-8")
