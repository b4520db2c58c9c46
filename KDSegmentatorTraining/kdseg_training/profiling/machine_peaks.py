"""The machine's peak, tried between the runs of the subjects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable, Dict, List, Sequence, Tuple

from kdseg_training.profiling.results import MachinePeak
from kdseg_training.profiling.subject_process import SubjectProcess
from kdseg_training.profiling.worker_loop import RUN

MODULE = "kdseg_training.profiling.peak_worker"


class PeakLanes:
    """One process for each number of threads.

    Parameters
    ----------
    threads
        Numbers of threads; none: nothing is measured.
    folder
        For settings.
    cancel
        Asked while waiting.
    """

    def __init__(self, threads: Sequence[int], folder: Path, cancel: Callable[[], bool]) -> None:
        self._threads, self._folder, self._cancel = tuple(threads), folder, cancel
        self._processes: Dict[int, SubjectProcess] = {}
        self._tries: Dict[int, List[Tuple[float, float]]] = {n: [] for n in self._threads}

    def open(self) -> None:
        """Start the processes; errors as for :meth:`SubjectProcess.start`."""
        for threads in self._threads:
            settings = self._folder / f"peak-{threads}.json"
            settings.write_text(json.dumps({"threads": threads}), encoding="ascii")
            self._processes[threads] = SubjectProcess(MODULE, settings, threads, cancel=self._cancel)
            self._processes[threads].start()

    def run_once(self) -> None:
        """Try every number of threads once."""
        for threads, process in self._processes.items():
            facts = process.ask(RUN)["facts"]
            self._tries[threads].append((float(facts["gemm_flops_per_s"]), float(facts["copy_bytes_per_s"])))

    def peaks(self) -> Tuple[MachinePeak, ...]:
        """Return the best of each."""
        return tuple(
            MachinePeak(threads, max(t[0] for t in tries), max(t[1] for t in tries), len(tries))
            for threads, tries in self._tries.items()
            if tries
        )

    def close(self) -> None:
        """End the processes."""
        for process in self._processes.values():
            process.close()
