"""Profiles that were made on this computer: how long the students took, before the panel has run them itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from kdseg.hardware import this_machine
from kdseg.limits import EngineName
from kdseg.user_data import profiles_folder
from KDSegmentatorLib.rates import Rate, RunSize, is_rate, rate_of

SCHEMA = "kdseg-profile/1"
"""What ``kdseg-training profile`` writes."""

MOST_BYTES = 64 * 1024**2
"""A larger file is no profile."""


@dataclass(frozen=True)
class ProfiledStudent:
    """One student with one engine and number of threads, as a profile measured it.

    Attributes
    ----------
    created_utc
        When the profile was made, ISO 8601.
    student_sha256, engine, threads
        What was measured.
    passes
        Mirrored passes for each patch; 1 without mirroring.
    shape_zyx
        Voxels of its volume.
    rates
        One for each counted run, as the :class:`~KDSegmentatorLib.rates.RateBook` keeps them.
    case_seconds
        Median duration of a run in seconds, start of the process included.
    peak_bytes
        Largest peak of resident memory.
    """

    created_utc: str
    student_sha256: str
    engine: str
    threads: int
    passes: int
    shape_zyx: Tuple[int, int, int]
    rates: Tuple[Rate, ...]
    case_seconds: float
    peak_bytes: int

    @property
    def date(self) -> str:
        """The day it was made."""
        return self.created_utc[:10]


class ProfileBook:
    """The profiles of a folder that were made on this computer.

    Files that cannot be read, and those of other computers, are left out: a profile only ever adds what is known.

    Parameters
    ----------
    folder
        Where they lie; by default :func:`kdseg.user_data.profiles_folder`.
    """

    def __init__(self, folder: Optional[Path] = None) -> None:
        self.folder = folder or profiles_folder()
        self._machine = this_machine()
        self._known: Dict[Tuple[str, int, int], List[ProfiledStudent]] = {}

    def find(
        self, student_sha256: str, engine: EngineName, threads: int, passes: Optional[int] = None
    ) -> Optional[ProfiledStudent]:
        """Return what the newest profile says of a student, None if there is none; without ``passes`` with any mirroring."""
        wanted = (student_sha256, engine.value, threads)
        found = [
            p for p in self._profiled() if (p.student_sha256, p.engine, p.threads) == wanted and passes in (None, p.passes)
        ]
        return max(found, key=lambda p: p.created_utc, default=None)

    def _profiled(self) -> Iterator[ProfiledStudent]:
        for path in sorted(self.folder.glob("*.json")):
            try:
                status = path.stat()
                key = (str(path), status.st_size, status.st_mtime_ns)
                if key not in self._known:
                    self._known[key] = list(self._read(path)) if status.st_size <= MOST_BYTES else []
            except OSError:
                continue
            yield from self._known[key]

    def _read(self, path: Path) -> Iterator[ProfiledStudent]:
        try:
            data = json.loads(path.read_bytes())
            if data["schema"] != SCHEMA or data["machine"] != self._machine:
                return
            yield from [p for subject in data["subjects"] for p in _of_subject(data, subject)]
        except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
            return  # no profile, or one of another version


def _of_subject(profile: Mapping[str, Any], subject: Mapping[str, Any]) -> Iterator[ProfiledStudent]:
    if subject["kind"] != "student":
        return
    depth, height, width = (int(n) for n in profile["volume"]["shape_zyx"])
    size = RunSize(subject["patches"] * subject["passes"], depth * height * width * profile["volume"]["channels"])
    for measurement in subject["measurements"]:
        start_s = float(measurement["start_s"])
        counted = [run for run in measurement["runs"] if not run["warm_up"]]
        rates = tuple(rate_of(size, _network_seconds(run), float(run["wall_s"]), start_s) for run in counted)
        if not rates or not all(map(is_rate, rates)):
            continue
        yield ProfiledStudent(
            created_utc=str(profile["created_utc"]),
            student_sha256=str(subject["sha256"]),
            engine=str(measurement["engine"]),
            threads=int(measurement["threads"]),
            passes=int(subject["passes"]),
            shape_zyx=(depth, height, width),
            rates=rates,
            case_seconds=start_s + float(median(run["wall_s"] for run in counted)),
            peak_bytes=max(int(run["peak_rss_bytes"]) for run in counted),
        )


def _network_seconds(run: Mapping[str, Any]) -> float:
    return float(sum(stage["wall_s"] for stage in run["stages"] if stage["stage"] == "network"))
