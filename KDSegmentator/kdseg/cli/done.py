"""Whether a case is done: its report says so, and every file it names still has the hash it had."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping

from kdseg._version import __version__
from kdseg.cli.cases import Plan
from kdseg.errors import KDSegError
from kdseg.job import Job
from kdseg.limits import Options
from kdseg.report import fingerprint, read_report
from kdseg.student import Student


def make_request(student: Student, options: Options) -> Dict[str, Any]:
    """Return what decides the labels besides the inputs; threads do not.

    Mirroring is told as it is done: a student that was trained without it is never mirrored, whatever was asked.
    """
    return {
        "student": f"{student.name} {student.version}",
        "bundle_sha256": student.digest,
        "model_sha256": student.model_sha256,
        "mirroring": Job(student, options=options).mirrors,
        "tile_step_size": options.tile_step_size,
        "engine": options.engine.value,
        "kdseg": __version__,
    }


def is_done(plan: Plan, request: Mapping[str, Any]) -> bool:
    """Tell whether a finished run with the same request and the same inputs left exactly the files that ``plan`` names.

    A file that merely exists does not count.
    """
    report = None if plan.report is None else read_report(plan.report)
    if report is None or report.get("request") != dict(request):
        return False
    wanted = plan.outputs if plan.picture is None else (*plan.outputs, plan.picture)
    return _hashes_fit(report.get("outputs"), wanted) and _inputs_fit(report.get("inputs"), plan)


def _hashes_fit(records: Any, paths: Any) -> bool:
    """Compare outputs by file name, so that a folder of results may be moved."""
    try:
        expected = {Path(r["path"]).name: r["sha256"] for r in records}
        return all(p.is_file() and fingerprint(p).sha256 == expected.get(p.name) for p in paths)
    except (TypeError, KeyError, KDSegError):
        return False


def _inputs_fit(records: Any, plan: Plan) -> bool:
    from kdseg.io import hash_input

    try:
        return [r["sha256"] for r in records] == [hash_input(p) for p in plan.case.paths]
    except (TypeError, KeyError, KDSegError):
        return False


def remove_earlier(plan: Plan) -> List[Path]:
    """Remove the report and the picture of a result that was just replaced, unless they are replaced too.

    Only a report of this program under its usual name counts, and only a picture that still is the one it names.
    """
    report = None if plan.usual_report is None else read_report(plan.usual_report)
    if report is None or plan.usual_report is None:
        return []
    pictures = plan.usual_report.parent.glob("*.png")
    earlier = [plan.usual_report, *(p for p in pictures if _hashes_fit(report.get("outputs"), [p]))]
    stale = [path for path in earlier if path not in plan.targets]
    for path in stale:
        path.unlink()
    return stale
