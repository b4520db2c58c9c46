"""From a profile to the candidates of :mod:`kdseg.choosing`."""

from __future__ import annotations

from typing import Optional, Tuple

from kdseg.choosing import Candidate, Figure
from kdseg.wording import counted
from kdseg_training.profiling.results import Profile
from kdseg_training.profiling.subjects import SubjectKind, SubjectProfile


def candidates(profile: Profile, threads: Optional[int] = None) -> Tuple[Candidate, ...]:
    """Return the profiled students with what was measured of them; what was not measured is unknown, never guessed.

    Parameters
    ----------
    profile
        With the volume that a budget is meant for.
    threads
        None: the first number of threads of each.
    """
    students = [s for s in profile.subjects if s.kind is SubjectKind.STUDENT]
    return tuple(_candidate(profile, student, threads) for student in students)


def _candidate(profile: Profile, student: SubjectProfile, threads: Optional[int]) -> Candidate:
    measurement = student.main if threads is None else student.with_threads(threads)
    seconds: Optional[Figure] = None
    memory: Optional[Figure] = None
    if measurement is not None and measurement.seconds is not None:
        runs = counted(len(measurement.counted), "run")
        cpus = counted(measurement.threads, "thread")
        source = f"median of {runs} on this computer, {cpus}"
        basis = f"{profile.volume.shape_zyx} {cpus}"
        seconds = Figure(measurement.seconds, source, basis)
        if measurement.peak_rss_bytes is not None:
            memory = Figure(float(measurement.peak_rss_bytes), f"peak on this computer, {cpus}", basis)
    quality = student.quality
    measured = None if quality is None else Figure(quality.dice, quality.source, quality.source)
    return Candidate(student.key, seconds, memory, measured, student.parameters)
