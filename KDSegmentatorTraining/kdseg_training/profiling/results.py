"""A profile: subjects measured in one run, side by side, on one machine."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from kdseg.errors import ConfigurationError, PathLike
from kdseg_training.profiling.json_data import from_data, to_data
from kdseg_training.profiling.runs import NETWORK, STAGES, Measurement
from kdseg_training.profiling.subjects import SubjectProfile

SCHEMA = "kdseg-profile/1"
"""Name and version of the layout, in the key ``schema``."""


@dataclass(frozen=True)
class MachinePeak:
    """The most that this machine gave during the profile, of several tries between the runs.

    Attributes
    ----------
    threads
        CPU threads.
    gemm_flops_per_s
        Single-precision matrix product through ONNX Runtime, operations per second.
    copy_bytes_per_s
        Copying memory: bytes read and written per second.
    tries
        How often it was tried.
    """

    threads: int
    gemm_flops_per_s: float
    copy_bytes_per_s: float
    tries: int


@dataclass(frozen=True)
class VolumeFacts:
    """The volume: its file (empty: synthetic), voxels along (z, y, x), spacing along (x, y, z) in mm, and channels."""

    source: str
    shape_zyx: Tuple[int, int, int]
    spacing_mm: Tuple[float, float, float]
    channels: int

    @property
    def voxels(self) -> int:
        """Voxels of one channel."""
        return math.prod(self.shape_zyx)


@dataclass(frozen=True)
class ProfileSettings:
    """How it was measured; the words of :class:`~kdseg_training.profiling.request.ProfileRequest`."""

    repetitions: int
    warm_ups: int
    threads: Tuple[int, ...]
    mirroring: bool
    tile_step_size: Optional[float]
    engine: str


@dataclass(frozen=True)
class Profile:
    """The result of profiling.

    Attributes
    ----------
    created_utc
        When it ended, ISO 8601.
    command
        Words that repeat it; empty where there was no command line.
    volume, settings
        What was measured, and how.
    machine
        :func:`kdseg.hardware.this_machine`: tells computers apart as far as speed goes.
    hardware
        :meth:`kdseg.hardware.Hardware.as_dict`, with what is known of the CPU's instructions and frequency governor.
    versions
        Of the packages that computed, by name.
    machine_peaks
        One for each number of threads; empty if they were not measured.
    subjects
        In the order they were asked for.
    warnings
        What makes the numbers doubtful, sentences for people.
    """

    created_utc: str
    command: Tuple[str, ...]
    volume: VolumeFacts
    settings: ProfileSettings
    machine: str
    hardware: Mapping[str, Any]
    versions: Mapping[str, str]
    machine_peaks: Tuple[MachinePeak, ...]
    subjects: Tuple[SubjectProfile, ...]
    warnings: Tuple[str, ...]

    def subject(self, key: str) -> SubjectProfile:
        """Return a subject; :class:`KeyError` if there is none of that key."""
        for subject in self.subjects:
            if subject.key == key:
                return subject
        raise KeyError(key)

    def machine_peak(self, threads: int) -> Optional[MachinePeak]:
        """Return the machine's peak with this number of threads, or None."""
        return next((p for p in self.machine_peaks if p.threads == threads), None)

    def network_flops_per_s(self, subject: SubjectProfile, measurement: Measurement) -> Optional[float]:
        """Return the operations per second of the network's stage (median); None where they are unknown."""
        seconds = measurement.stage_s(NETWORK)
        if subject.flops_per_volume is None or seconds is None or seconds.p50.value <= 0:
            return None
        return subject.flops_per_volume / seconds.p50.value

    def peak_share(self, subject: SubjectProfile, measurement: Measurement) -> Optional[float]:
        """Return the network's operations per second as a share of the machine's peak with the same number of threads."""
        peak, achieved = self.machine_peak(measurement.threads), self.network_flops_per_s(subject, measurement)
        return None if peak is None or achieved is None else achieved / peak.gemm_flops_per_s

    def voxels_per_s(self, measurement: Measurement) -> Optional[float]:
        """Return the voxels of the volume that are segmented per second (median)."""
        return None if measurement.seconds is None else self.volume.voxels / measurement.seconds

    def to_data(self) -> Dict[str, Any]:
        """Return plain data: the profile, its schema, and a ``summary`` that follows from it."""
        return {"schema": SCHEMA, **to_data(self), "summary": self._summary()}

    def to_json(self) -> str:
        """Return :meth:`to_data` as indented JSON with a newline at the end."""
        return json.dumps(self.to_data(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: Union[str, bytes], *, path: PathLike = "") -> Profile:
        """Parse what :meth:`to_json` wrote; ``path`` is named in errors.

        Raises
        ------
        ConfigurationError
            If it is not JSON, of another schema, or a value is missing, unknown or of another type.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ConfigurationError("The profile is not JSON.", found=str(error)[:200], path=path or None) from error
        if not isinstance(data, dict) or data.pop("schema", None) != SCHEMA:
            raise ConfigurationError(
                "The file is not a profile of this version.", expected=f"the schema {SCHEMA}", path=path or None
            )
        data.pop("summary", None)
        return from_data(cls, data, path=path)

    def _summary(self) -> List[Dict[str, Any]]:
        rows = [(subject, measurement) for subject in self.subjects for measurement in subject.measurements]
        return [to_data(self.summary_row(subject, measurement)) for subject, measurement in rows]

    def summary_row(self, subject: SubjectProfile, measurement: Measurement) -> Dict[str, Any]:
        """Return what follows from the runs of one measurement, by name with its unit."""
        stages = {stage: measurement.stage_s(stage) for stage in STAGES}
        return {
            "key": subject.key,
            "threads": measurement.threads,
            "runs": len(measurement.counted),
            "wall_s": measurement.wall_s,
            "cpu_s": measurement.cpu_s,
            "stages_s": {stage: None if s is None else s.p50.value for stage, s in stages.items()},
            "stages_peak_rss_bytes": {stage: measurement.stage_peak_rss_bytes(stage) for stage in STAGES},
            "peak_rss_bytes": measurement.peak_rss_bytes,
            "voxels_per_s": self.voxels_per_s(measurement),
            "volumes_per_hour": measurement.volumes_per_hour(),
            "flops_per_patch": subject.flops_per_patch,
            "flops_per_volume": subject.flops_per_volume,
            "network_flops_per_s": self.network_flops_per_s(subject, measurement),
            "peak_share": self.peak_share(subject, measurement),
        }
