"""How subjects compare with one of them, round by round.

In a round every subject runs once, one right after the other. A machine that is busy for a while slows down all of them, so the
ratio within a round is steadier than the seconds are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from kdseg_training.profiling.results import Profile
from kdseg_training.profiling.runs import Measurement, ProfileRun
from kdseg_training.profiling.statistics import Quantile, quantile
from kdseg_training.profiling.subjects import SubjectKind


@dataclass(frozen=True)
class Ratio:
    """One subject beside the reference, with the same number of threads.

    Attributes
    ----------
    key, reference, threads
        What is compared with what.
    rounds
        Counted rounds in which both ran.
    speed
        Median over the rounds of the reference's wall-clock time over the subject's, with its interval: 3 is three times as
        fast.
    cpu
        The same for CPU time.
    memory
        The subject's peak of memory over the reference's.
    """

    key: str
    reference: str
    threads: int
    rounds: int
    speed: Quantile
    cpu: Quantile
    memory: Optional[float]

    @property
    def latency_saved(self) -> float:
        """Share of the reference's time that is saved, median over the rounds; negative where it takes longer."""
        return 1 - 1 / self.speed.value

    @property
    def memory_saved(self) -> Optional[float]:
        """Share of the reference's memory that is saved."""
        return None if self.memory is None else 1 - self.memory


def reference_key(profile: Profile) -> Optional[str]:
    """Return the key of the subject that others are compared with if none is named: the first teacher, else the slowest."""
    measured = [s for s in profile.subjects if s.main is not None]
    teachers = [s for s in measured if s.kind is SubjectKind.NNUNET]
    if teachers:
        return teachers[0].key
    return max(measured, key=lambda s: s.main.seconds or 0.0 if s.main else 0.0).key if len(measured) > 1 else None


def ratios(profile: Profile, reference: Optional[str] = None) -> Tuple[Ratio, ...]:
    """Compare every other subject with a reference, for each number of threads that both ran with.

    Parameters
    ----------
    profile
        With at least two subjects, else there is nothing to compare.
    reference
        Key of the reference; None: :func:`reference_key`.

    Raises
    ------
    KeyError
        If there is no subject of that key.
    """
    key = reference_key(profile) if reference is None else reference
    if key is None:
        return ()
    found = []
    for measurement in profile.subject(key).measurements:
        for subject in profile.subjects:
            other = subject.with_threads(measurement.threads)
            ratio = None if subject.key == key or other is None else _compare(subject.key, other, key, measurement)
            if ratio is not None:
                found.append(ratio)
    return tuple(found)


def _compare(key: str, subject: Measurement, reference_name: str, reference: Measurement) -> Optional[Ratio]:
    mine, theirs = _by_round(subject), _by_round(reference)
    pairs = [(theirs[number], mine[number]) for number in sorted(set(mine) & set(theirs))]
    if not pairs:
        return None
    peaks = subject.peak_rss_bytes, reference.peak_rss_bytes
    return Ratio(
        key=key,
        reference=reference_name,
        threads=subject.threads,
        rounds=len(pairs),
        speed=quantile(sorted(a.wall_s / b.wall_s for a, b in pairs), 0.5),
        cpu=quantile(sorted(a.cpu_s / max(b.cpu_s, 1e-6) for a, b in pairs), 0.5),
        memory=peaks[0] / peaks[1] if peaks[0] and peaks[1] else None,
    )


def _by_round(measurement: Measurement) -> Dict[int, ProfileRun]:
    return {run.round: run for run in measurement.counted}
