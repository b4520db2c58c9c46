"""Every run as it was measured, and what follows from the runs of one subject with one number of threads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, Mapping, Optional, Tuple

from kdseg_training.profiling.statistics import Distribution, distribution

LOAD = "load"
NETWORK = "network"
LABELS = "resample and arg-max"
STAGES = (LOAD, "read", "preprocess", NETWORK, LABELS, "write")
"""Stages of a run in order. ``load`` is the model's file; opening the session belongs to the network."""


class MemorySource(str, Enum):
    """Where a peak of resident memory comes from.

    ``vmhwm`` is the kernel's high-water mark, reset before every stage (Linux). ``tree`` is the largest sum over the process
    and its workers that was seen by looking every few milliseconds (Linux). ``working_set`` and ``maxrss`` are the peaks since
    the process was started (Windows; macOS), so they never fall from one run to the next; so is ``vmhwm_since_start``, where a
    container forbids to reset the mark.
    """

    VMHWM = "vmhwm"
    VMHWM_SINCE_START = "vmhwm_since_start"
    TREE = "tree"
    WORKING_SET = "working_set"
    MAXRSS = "maxrss"


@dataclass(frozen=True)
class StageCost:
    """One stage of one run.

    Attributes
    ----------
    stage
        One of :data:`STAGES`.
    wall_s
        Wall-clock time in seconds.
    peak_rss_bytes
        Peak of resident memory during the stage; None where it is not told apart (labels are decided while the network runs).
    """

    stage: str
    wall_s: float
    peak_rss_bytes: Optional[int] = None


@dataclass(frozen=True)
class RunLoad:
    """How busy the machine was with other things during one run; None where the operating system does not say.

    Attributes
    ----------
    load_average
        Processes that wanted to run, over the last minute, when the run began.
    other_cpus
        CPUs that other processes kept busy during the run, on average.
    stolen_cpus
        CPUs that the hypervisor gave to other guests, on average.
    """

    load_average: Optional[float]
    other_cpus: Optional[float]
    stolen_cpus: Optional[float]


@dataclass(frozen=True)
class ProfileRun:
    """One volume, segmented once from file to file.

    Attributes
    ----------
    round
        Which round of all subjects it belongs to, from 0.
    warm_up
        Whether it is left out of every summary.
    wall_s, cpu_s
        Wall-clock time from loading the model to the written label map, and CPU time of the process and its workers.
    peak_rss_bytes, memory_source
        Peak of resident memory, and where it was read.
    rss_before_bytes
        Resident memory before the run: interpreter, libraries, and what earlier runs left.
    stages
        In order.
    load
        What else the machine did.
    """

    round: int
    warm_up: bool
    wall_s: float
    cpu_s: float
    peak_rss_bytes: int
    memory_source: MemorySource
    rss_before_bytes: int
    stages: Tuple[StageCost, ...]
    load: RunLoad

    def stage_seconds(self, stage: str) -> float:
        """Return the time of a stage, 0 if there was none."""
        return math.fsum(s.wall_s for s in self.stages if s.stage == stage)


@dataclass(frozen=True)
class Measurement:
    """All runs of one subject with one number of threads, in one process.

    Attributes
    ----------
    threads
        CPU threads.
    start_s
        From starting the process to being ready for a run: interpreter and libraries. Not part of a run.
    engine
        What runs the network: a value of :class:`kdseg.limits.EngineName` that is not ``auto``, or ``torch``.
    engine_details
        The same with provider and version, for people.
    runs
        In order, warm-ups included.
    error
        Why there are no more runs, as :meth:`kdseg.errors.KDSegError.as_dict` gives it; None if all is well.
    """

    threads: int
    start_s: float
    engine: str
    engine_details: str
    runs: Tuple[ProfileRun, ...]
    error: Optional[Mapping[str, Any]] = None

    @property
    def counted(self) -> Tuple[ProfileRun, ...]:
        """The runs without warm-ups."""
        return tuple(run for run in self.runs if not run.warm_up)

    @property
    def wall_s(self) -> Optional[Distribution]:
        """Wall-clock seconds of a run; None without counted runs."""
        return distribution([run.wall_s for run in self.counted]) if self.counted else None

    @property
    def cpu_s(self) -> Optional[Distribution]:
        """CPU seconds of a run; None without counted runs."""
        return distribution([run.cpu_s for run in self.counted]) if self.counted else None

    @property
    def seconds(self) -> Optional[float]:
        """Median wall-clock seconds of a run; None without counted runs."""
        return None if self.wall_s is None else self.wall_s.p50.value

    @property
    def peak_rss_bytes(self) -> Optional[int]:
        """Largest peak of all runs, warm-ups included; None without runs."""
        return max((run.peak_rss_bytes for run in self.runs), default=None)

    def stage_s(self, stage: str) -> Optional[Distribution]:
        """Return the seconds of a stage; None without counted runs."""
        return distribution([run.stage_seconds(stage) for run in self.counted]) if self.counted else None

    def stage_peak_rss_bytes(self, stage: str) -> Optional[int]:
        """Return the largest peak during a stage; None where it is not told apart."""
        peaks = [s.peak_rss_bytes for run in self.runs for s in run.stages if s.stage == stage]
        return max((p for p in peaks if p is not None), default=None)

    def volumes_per_hour(self) -> Optional[float]:
        """Return how many such volumes one process segments in an hour; None without counted runs."""
        return None if self.seconds is None else 3600 / self.seconds
