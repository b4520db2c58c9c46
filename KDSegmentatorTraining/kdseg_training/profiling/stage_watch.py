"""Time and peak memory of the stages of one run, taken inside the process that runs it."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Mapping, Optional

from kdseg.process_memory import peak_resident_bytes, reset_peak, resident_bytes


class StageWatch:
    """Told when a stage begins; the stage before it ends then.

    Attributes
    ----------
    facts
        What the run found out, for the report: anything that JSON can write.
    """

    def __init__(self) -> None:
        self.facts: Dict[str, Any] = {}
        self._resettable = reset_peak()
        self._rss_before = resident_bytes()
        self._stage: Optional[str] = None
        self._began = time.perf_counter()
        self._seconds: Dict[str, float] = {}
        self._peaks: Dict[str, int] = {}
        self._highest = 0

    def enter(self, stage: str) -> None:
        """Begin a stage; nothing happens if it is the current one."""
        if stage != self._stage:
            self.leave()
            self._stage, self._began = stage, time.perf_counter()

    def leave(self) -> None:
        """End the stage; time until the next one belongs to none."""
        self._highest = max(self._highest, peak_resident_bytes())
        if self._stage is not None:
            self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + time.perf_counter() - self._began
            if self._resettable:
                self._peaks[self._stage] = max(self._peaks.get(self._stage, 0), peak_resident_bytes())
                reset_peak()
        self._stage = None

    def finish(self, seconds: Optional[Mapping[str, float]] = None) -> None:
        """End the last stage.

        Parameters
        ----------
        seconds
            Times of stages that were taken elsewhere, because they interleave; they replace those taken here.
        """
        self.leave()
        self._seconds.update(seconds or {})

    def report(self) -> Dict[str, Any]:
        """Return memory, stages and facts as plain data."""
        stages: List[Dict[str, Any]] = [
            {"stage": stage, "wall_s": round(wall, 6), "peak_rss_bytes": self._peaks.get(stage)}
            for stage, wall in self._seconds.items()
        ]
        return {
            "rss_before_bytes": self._rss_before,
            "peak_rss_bytes": self._highest,
            "peak_is_of_the_run": self._resettable,
            "stages": stages,
            "facts": self.facts,
        }
