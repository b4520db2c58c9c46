"""What makes a profile doubtful, in sentences for people."""

from __future__ import annotations

from statistics import fmean
from typing import List, Optional, Sequence, Tuple

from kdseg.limits import available_cpus
from kdseg.wording import counted
from kdseg_training.profiling.runs import Measurement, MemorySource, ProfileRun
from kdseg_training.profiling.subjects import SubjectProfile

OTHER_CPUS = 0.25
"""Other processes may keep so many CPUs busy, on average over the counted runs."""

STOLEN_CPUS = 0.05
"""The hypervisor may give so many CPUs to other guests."""

SPREAD = 0.1
"""Distance of the quartiles over the median that a quiet machine stays below."""

FEWEST_RUNS = 5
"""Below this number of counted runs a median says little."""


def doubts(subjects: Sequence[SubjectProfile]) -> Tuple[str, ...]:
    """Return one sentence for each thing that was seen."""
    measurements = [(s, m) for s in subjects for m in s.measurements if m.counted]
    runs = [run for _, m in measurements for run in m.counted]
    return (*_load(runs), *_threads(measurements), *_spread(measurements), *_memory(runs), *_few(measurements))


def _load(runs: Sequence[ProfileRun]) -> List[str]:
    found = []
    other = _mean([run.load.other_cpus for run in runs])
    if other is not None and other > OTHER_CPUS:
        found.append(
            f"Other processes kept {other:.2f} CPUs busy during the runs: ratios between subjects hold, seconds do not."
        )
    stolen = _mean([run.load.stolen_cpus for run in runs])
    if stolen is not None and stolen > STOLEN_CPUS:
        found.append(f"The hypervisor took {stolen:.2f} CPUs away during the runs: seconds are longer than this machine needs.")
    return found


def _threads(measurements: Sequence[Tuple[SubjectProfile, Measurement]]) -> List[str]:
    most, available = max((m.threads for _, m in measurements), default=0), available_cpus()
    return [f"{most} threads were asked for, but only {available} CPUs may be used."] if most > available else []


def _spread(measurements: Sequence[Tuple[SubjectProfile, Measurement]]) -> List[str]:
    found = []
    for subject, measurement in measurements:
        wall = measurement.wall_s
        if wall is not None and wall.spread is not None and wall.spread > SPREAD:
            threads = counted(measurement.threads, "thread")
            found.append(
                f"The runs of {subject.key} with {threads} differ: the middle half lies within {wall.spread:.0%} of the median."
            )
    return found


def _memory(runs: Sequence[ProfileRun]) -> List[str]:
    own = (MemorySource.VMHWM, MemorySource.TREE)
    if all(run.memory_source in own for run in runs):
        return []
    return ["Peaks of memory are those since the start of each process: this operating system cannot tell runs apart."]


def _few(measurements: Sequence[Tuple[SubjectProfile, Measurement]]) -> List[str]:
    least = min((len(m.counted) for _, m in measurements), default=FEWEST_RUNS)
    return (
        [f"Only {least} counted {'run' if least == 1 else 'runs'}: take the numbers as a first look."]
        if least < FEWEST_RUNS
        else []
    )


def _mean(values: Sequence[Optional[float]]) -> Optional[float]:
    known = [v for v in values if v is not None]
    return fmean(known) if known else None
