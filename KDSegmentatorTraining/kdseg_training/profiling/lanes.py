"""A lane is one process that runs one subject with one number of threads, and what came out of it so far."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any, List, Mapping, Optional, Tuple

from kdseg.errors import KDSegError, WorkerError
from kdseg.worker.error_data import error_as_data
from kdseg_training.profiling.json_data import from_data
from kdseg_training.profiling.load import LoadWatch
from kdseg_training.profiling.memory_tree import TreeWatch
from kdseg_training.profiling.runs import STAGES, Measurement, MemorySource, ProfileRun, StageCost
from kdseg_training.profiling.subject_process import OnProgress, SubjectProcess
from kdseg_training.profiling.worker_loop import RUN


@dataclass(frozen=True)
class Outcome:
    """One answer of a process: the run, and what it found out about subject and engine."""

    run: ProfileRun
    patches: int
    passes: int
    engine: str
    engine_details: str


@dataclass
class Lane:
    """One subject with one number of threads.

    Attributes
    ----------
    subject
        Position of the subject in the request; students come first.
    workers
        Whether it starts processes of its own, whose memory counts.
    process
        Runs it; None where nothing is left to run.
    start_s
        How long it took until it was ready.
    outcomes
        In order, those of a journal included.
    error
        Why there are no more.
    """

    subject: int
    threads: int
    workers: bool
    process: Optional[SubjectProcess] = None
    start_s: float = 0.0
    outcomes: List[Outcome] = field(default_factory=list)
    error: Optional[KDSegError] = None

    @property
    def seconds(self) -> Optional[float]:
        """Wall-clock time of the last run; None before the first."""
        return self.outcomes[-1].run.wall_s if self.outcomes else None

    def run(self, number: int, warm_up: bool, on_progress: OnProgress) -> Outcome:
        """Run once more and keep the outcome.

        Raises
        ------
        KDSegError
            If the run fails.
        """
        if self.process is None:
            raise WorkerError("The process of this subject was not started.")
        tree = TreeWatch(self.process.pid).start() if self.workers and TreeWatch.works_here() else None
        load = LoadWatch.begin()
        try:
            report = self.process.ask(RUN, on_progress)
        finally:
            highest = tree.stop() if tree is not None else 0
        outcome = read_outcome(report, number, warm_up, load, highest)
        self.outcomes.append(outcome)
        return outcome

    def measurement(self) -> Measurement:
        """Return everything as data."""
        last = self.outcomes[-1] if self.outcomes else None
        return Measurement(
            threads=self.threads,
            start_s=round(self.start_s, 4),
            engine="" if last is None else last.engine,
            engine_details="" if last is None else last.engine_details,
            runs=tuple(outcome.run for outcome in self.outcomes),
            error=None if self.error is None else error_as_data(self.error),
        )


def read_outcome(report: Mapping[str, Any], number: int, warm_up: bool, load: LoadWatch, tree_bytes: int = 0) -> Outcome:
    """Return the outcome that a process reported.

    Parameters
    ----------
    report
        Of its ``done``.
    number, warm_up
        The round.
    load
        Begun before the run.
    tree_bytes
        Largest memory of process and workers that was seen; 0: not looked at.

    Raises
    ------
    WorkerError
        If the report lacks something.
    """
    try:
        facts: Mapping[str, Any] = report["facts"]
        costs = [from_data(StageCost, stage) for stage in report["stages"]]
        stages = tuple(sorted(costs, key=lambda cost: STAGES.index(cost.stage)))
        source, peak = _peak(report, tree_bytes)
        run = ProfileRun(
            round=number,
            warm_up=warm_up,
            wall_s=float(report["wall_s"]),
            cpu_s=float(report["cpu_s"]),
            peak_rss_bytes=peak,
            memory_source=source,
            rss_before_bytes=int(report["rss_before_bytes"]),
            stages=stages,
            load=load.end(float(report["wall_s"]), float(report["cpu_s"])),
        )
        return Outcome(run, int(facts["patches"]), int(facts["passes"]), str(facts["engine"]), str(facts["engine_details"]))
    except (KeyError, TypeError, ValueError) as error:
        raise WorkerError("The report of a run is not complete.", found=f"{type(error).__name__}: {error}") from error


def next_lanes(lanes: List[Lane], number: int) -> Tuple[Lane, ...]:
    """Return the order of a round: rotated by one from round to round, so that no subject always follows the same one."""
    first = number % len(lanes) if lanes else 0
    return tuple(lanes[first:] + lanes[:first])


def _peak(report: Mapping[str, Any], tree_bytes: int) -> Tuple[MemorySource, int]:
    own = int(report["peak_rss_bytes"])
    if tree_bytes > own:
        return MemorySource.TREE, tree_bytes
    if report["peak_is_of_the_run"]:
        return MemorySource.VMHWM, own
    return _since_the_start(), own


def _since_the_start() -> MemorySource:
    if sys.platform == "win32":
        return MemorySource.WORKING_SET
    return MemorySource.VMHWM_SINCE_START if sys.platform.startswith("linux") else MemorySource.MAXRSS
