"""How long runs took on this computer, in a small JSON file: the only source of an expected duration."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Dict, List, Mapping, Optional

from kdseg.atomic import write_bytes
from kdseg.hardware import this_machine
from kdseg.limits import EngineName
from kdseg.user_data import user_data_folder

SCHEMA = "kdseg-rates/1"
KEPT_RUNS = 5
"""Runs that are remembered for each student, engine and number of threads; their medians count."""

KEPT_KEYS = 200
_MEGA = 1e6


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
        pass_s = median(run["seconds_per_pass"] for run in runs)
        voxel_s = median(run["seconds_per_megavoxel"] for run in runs)
        return float(median(run["seconds_to_start"] for run in runs) + size.passes * pass_s + size.voxels / _MEGA * voxel_s)

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
        run = {
            "seconds_per_pass": network / passes,
            "seconds_per_megavoxel": (everything - network) / (voxels / _MEGA),
            "seconds_to_start": max(0.0, (wall_seconds or everything) - everything),
        }
        key = self._key(report["request"]["student_sha256"], EngineName(engine["name"]), engine["threads"])
        book = self._read()
        book[key] = [*book.pop(key, []), run][-KEPT_RUNS:]
        kept = dict(list(book.items())[-KEPT_KEYS:])
        with suppress(OSError):  # writing tells what is wrong with the folder
            self.path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(self.path, (json.dumps({"schema": SCHEMA, "runs": kept}, indent=1) + "\n").encode("ascii"))

    def _key(self, student_sha256: str, engine: EngineName, threads: int) -> str:
        return f"{student_sha256} {engine.value} {threads} {self._machine}"

    def _read(self) -> Dict[str, List[Dict[str, float]]]:
        try:
            data = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return {}
        if not isinstance(data, dict) or data.get("schema") != SCHEMA or not isinstance(data.get("runs"), dict):
            return {}
        return {str(key): runs for key, runs in data["runs"].items() if isinstance(runs, list) and all(map(_is_run, runs))}


def _is_run(run: Any) -> bool:
    keys = ("seconds_per_pass", "seconds_per_megavoxel", "seconds_to_start")
    return isinstance(run, dict) and all(isinstance(run.get(k), (int, float)) and 0 <= run[k] < 1e6 for k in keys)
