"""How long runs took on this computer, in a small JSON file: the only source of an expected duration."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Dict, List, Mapping, Optional, Sequence

from kdseg.atomic import write_bytes
from kdseg.hardware import this_machine
from kdseg.limits import EngineName
from kdseg.user_data import user_data_folder

SCHEMA = "kdseg-rates/1"
KEPT_RUNS = 5
"""Runs that are remembered for each student, engine and number of threads; their medians count."""

KEPT_KEYS = 200
_MEGA = 1e6

Rate = Dict[str, float]
"""What one run tells of others; see :func:`rate_of`."""


@dataclass(frozen=True)
class RunSize:
    """How much work a run is: passes of the network, and voxels of all channels of the volume."""

    passes: int
    voxels: int


class RateBook:
    """Remembers and answers.

    Parameters
    ----------
    path
        The JSON file; by default in the user's data folder. A missing or damaged file is an empty book.
    """

    def __init__(self, path: Optional[Path] = None) -> None:
        self.path = path or user_data_folder() / "rates.json"
        self._machine = this_machine()

    def seconds(self, student_sha256: str, engine: EngineName, threads: int, size: RunSize) -> Optional[float]:
        """Return the expected duration of a run in seconds; None if no such run is remembered."""
        runs = self._read().get(self._key(student_sha256, engine, threads), [])
        if not runs:
            return None
        return expected_seconds(runs, size)

    def remember(self, report: Mapping[str, Any], wall_seconds: Optional[float] = None) -> None:
        """Take the times of a finished run from its report.

        Parameters
        ----------
        report
            Of the ``done`` message.
        wall_seconds
            From the start of the child to its end; None if it was not measured.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        stages: Mapping[str, float] = report["stages_seconds"]
        settings, engine = report["settings"], report["engine"]
        passes = settings["patches"] * settings["passes_per_patch"]
        depth, height, width = report["input"]["shape_zyx"]
        voxels = depth * height * width * max(1, len(report["inputs"]))
        network, everything = stages["network"], sum(stages.values())
        run = rate_of(RunSize(passes, voxels), network, everything, max(0.0, (wall_seconds or everything) - everything))
        key = self._key(report["request"]["student_sha256"], EngineName(engine["name"]), engine["threads"])
        book = self._read()
        book[key] = [*book.pop(key, []), run][-KEPT_RUNS:]
        kept = dict(list(book.items())[-KEPT_KEYS:])
        with suppress(OSError):  # writing tells what is wrong with the folder
            self.path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(self.path, (json.dumps({"schema": SCHEMA, "runs": kept}, indent=1) + "\n").encode("ascii"))

    def _key(self, student_sha256: str, engine: EngineName, threads: int) -> str:
        return f"{student_sha256} {engine.value} {threads} {self._machine}"

    def _read(self) -> Dict[str, List[Rate]]:
        try:
            data = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return {}
        if not isinstance(data, dict) or data.get("schema") != SCHEMA or not isinstance(data.get("runs"), dict):
            return {}
        return {str(key): runs for key, runs in data["runs"].items() if isinstance(runs, list) and all(map(is_rate, runs))}


def rate_of(size: RunSize, network_s: float, total_s: float, start_s: float) -> Rate:
    """Return what one run tells of others: seconds for each pass of the network, for each million voxels, and to start.

    Parameters
    ----------
    size
        How much work the run was.
    network_s, total_s
        Seconds of the network, and of the whole run without the start.
    start_s
        Seconds from the start of the process to the start of the run.
    """
    return {
        "seconds_per_pass": network_s / size.passes,
        "seconds_per_megavoxel": (total_s - network_s) / (size.voxels / _MEGA),
        "seconds_to_start": start_s,
    }


def expected_seconds(rates: Sequence[Rate], size: RunSize) -> float:
    """Return the expected duration of a run in seconds, from the medians of at least one rate."""
    pass_s = median(rate["seconds_per_pass"] for rate in rates)
    voxel_s = median(rate["seconds_per_megavoxel"] for rate in rates)
    return float(median(rate["seconds_to_start"] for rate in rates) + size.passes * pass_s + size.voxels / _MEGA * voxel_s)


def is_rate(run: Any) -> bool:
    """Tell whether data are a rate: three numbers that are not negative and not absurd."""
    keys = ("seconds_per_pass", "seconds_per_megavoxel", "seconds_to_start")
    return isinstance(run, dict) and all(isinstance(run.get(k), (int, float)) and 0 <= run[k] < 1e6 for k in keys)
