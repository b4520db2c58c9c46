"""A profile in a child process, and its points."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple, Union

from kdseg.limits import available_cpus
from KDSegmentatorLib.jobs.messages import ProgressMessage
from KDSegmentatorLib.jobs.outcome import Failed, Stopped
from KDSegmentatorLib.mrml.volumes import export_volume
from KDSegmentatorTrainingLib.companion_job import CompanionJob
from KDSegmentatorTrainingLib.profile.request import PACKAGE, ProfileRequest
from KDSegmentatorTrainingLib.profile.results import ProfileResult, read_report

Told = Union[ProfileResult, Failed, Stopped]


def profile_job(
    students: Tuple[Any, ...],
    volume: Optional[Any],
    *,
    repetitions: int,
    threads: int,
    mirroring: bool,
    on_progress: Callable[[ProgressMessage], None],
    on_log: Callable[[str], None],
    on_finished: Callable[[Told], None],
) -> CompanionJob[ProfileResult]:
    """Return the job.

    Parameters
    ----------
    students
        Installed students.
    volume
        A volume node; None for a synthetic volume.
    repetitions, threads, mirroring
        As in the request; 0 threads means as many as there are.
    on_progress, on_log, on_finished
        See :class:`~KDSegmentatorTrainingLib.companion_job.CompanionJob`.
    """
    count = threads or available_cpus()
    names: Dict[str, str] = {}

    def prepare(folder: Path) -> ProfileRequest:
        paths: Tuple[Path, ...] = ()
        if volume is not None:
            paths = (export_volume(volume, folder),)
            names[str(paths[0])] = str(volume.GetName())
        bundles = tuple(student.path for student in students)
        return ProfileRequest(bundles, folder / "profile.json", paths, repetitions, count, mirroring)

    return CompanionJob(
        PACKAGE,
        prepare,
        lambda outcome: read_report(outcome.report, names),
        threads=count,
        on_progress=on_progress,
        on_log=on_log,
        on_finished=on_finished,
    )
