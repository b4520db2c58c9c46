"""A profile as text for people."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional, Sequence

from kdseg.wording import counted
from kdseg_training.profiling.ratios import Ratio, ratios
from kdseg_training.profiling.results import Profile
from kdseg_training.profiling.runs import STAGES, Measurement
from kdseg_training.profiling.statistics import Quantile
from kdseg_training.profiling.subjects import SubjectProfile

_GIB, _MIB = 1024**3, 1024**2
_UNKNOWN = "–"


def card(profile: Profile, reference: Optional[str] = None) -> str:
    """Return the card: machine, volume, one block for each subject, the comparison, and what is doubtful.

    ``reference`` is the key of the subject that others are compared with; see :func:`~kdseg_training.profiling.ratios.ratios`.
    """
    lines = [*_head(profile), ""]
    for subject in profile.subjects:
        lines += [*_subject(profile, subject), ""]
    compared = ratios(profile, reference)
    if compared:
        lines += [*_comparison(compared), ""]
    lines += [f"Note: {warning}" for warning in profile.warnings]
    return "\n".join(lines).rstrip() + "\n"


def seconds_text(value: Optional[float]) -> str:
    """Write seconds with three significant digits."""
    if value is None:
        return _UNKNOWN
    return f"{value:.0f} s" if value >= 100 else f"{value:.3g} s"


def bytes_text(value: Optional[float]) -> str:
    """Write a size in GiB or MiB."""
    if value is None:
        return _UNKNOWN
    return f"{value / _GIB:.2f} GiB" if value >= _GIB else f"{value / _MIB:.3g} MiB"


def interval_text(found: Optional[Quantile], unit: str = " s") -> str:
    """Write a quantile with its 95 % interval, as far as it has one."""
    if found is None:
        return _UNKNOWN
    if found.low is None or found.high is None:
        return f"{found.value:.3g}{unit}"
    return f"{found.value:.3g}{unit} ({found.low:.3g} to {found.high:.3g})"


def _head(profile: Profile) -> List[str]:
    hardware, volume, settings = profile.hardware, profile.volume, profile.settings
    size = " × ".join(str(n) for n in volume.shape_zyx)
    spacing = " × ".join(f"{s:g}" for s in volume.spacing_mm)
    channels = "1 channel" if volume.channels == 1 else f"{volume.channels} channels"
    warm = "1 warm-up" if settings.warm_ups == 1 else f"{settings.warm_ups} warm-ups"
    lines = [
        f"Profile of {profile.created_utc}",
        f"Machine  {hardware.get('cpu_model') or hardware.get('machine')}, {hardware.get('cpus_available')} CPUs, "
        f"{bytes_text(hardware.get('ram_total_bytes'))} of memory, {hardware.get('system')}",
        f"Volume   {volume.source or 'synthetic'}: {size} voxels (z, y, x), {spacing} mm (x, y, z), {channels}",
        f"Runs     {settings.repetitions} of each subject after {warm}, one at a time, in rounds whose order rotates",
    ]
    for peak in profile.machine_peaks:
        lines.append(
            f"Peak     {counted(peak.threads, 'thread')}: {peak.gemm_flops_per_s / 1e9:.3g} GFLOP/s in a matrix product, "
            f"{peak.copy_bytes_per_s / 1e9:.3g} GB/s copying memory"
        )
    return lines


def _subject(profile: Profile, subject: SubjectProfile) -> List[str]:
    capacity = f", capacity ×{subject.capacity}" if subject.capacity else ""
    passes = f", {subject.passes} mirrored passes each" if subject.passes > 1 else ""
    patches = "1 patch" if subject.patches == 1 else f"{subject.patches} patches"
    quality = "unknown" if subject.quality is None else f"mean Dice {subject.quality.dice:.3f} ({subject.quality.source})"
    lines = [
        subject.key,
        f"  file     {Path(subject.path).name}",
        f"  size     {subject.size_bytes / 1e6:.3g} MB, {subject.parameters:,} parameters{capacity}",
        f"  quality  {quality}",
        f"  work     {patches} of {' × '.join(map(str, subject.patch_size))}{passes}; {_flops(subject)}",
    ]
    for measurement in subject.measurements:
        lines += _measurement(profile, subject, measurement)
    return lines


def _flops(subject: SubjectProfile) -> str:
    if subject.flops_per_patch is None or subject.flops_per_volume is None:
        return "operations not counted"
    return f"{subject.flops_per_patch / 1e9:.3g} GFLOP per patch, {subject.flops_per_volume / 1e9:.3g} GFLOP per volume"


def _measurement(profile: Profile, subject: SubjectProfile, measurement: Measurement) -> List[str]:
    wall, cpu = measurement.wall_s, measurement.cpu_s
    if wall is None or cpu is None:
        problem = (measurement.error or {}).get("problem", "no counted run")
        return [f"  {counted(measurement.threads, 'thread')}: not measured. {problem}"]
    runs = "1 run" if wall.n == 1 else f"{wall.n} runs of {wall.minimum:.3g} to {wall.maximum:.3g} s"
    p95 = "" if wall.p95 is None else f", p95 {interval_text(wall.p95)}"
    share, rate = profile.peak_share(subject, measurement), profile.network_flops_per_s(subject, measurement)
    of_peak = "" if share is None else f", {share:.0%} of the machine's peak"
    speed = "" if rate is None else f"; network {rate / 1e9:.3g} GFLOP/s{of_peak}"
    stages = [(stage, measurement.stage_s(stage)) for stage in STAGES]
    parts = [f"{stage} {seconds_text(s.p50.value)}" for stage, s in stages if s is not None and s.maximum > 0]
    return [
        f"  {counted(measurement.threads, 'thread')}, {measurement.engine_details}",
        f"    time     median {interval_text(wall.p50)}{p95}, {runs}; "
        f"ready {seconds_text(measurement.start_s)} after its start",
        f"    stages   {', '.join(parts)}",
        f"    CPU      median {interval_text(cpu.p50)}{speed}",
        f"    memory   peak {bytes_text(measurement.peak_rss_bytes)}{_stage_peaks(measurement)}",
        f"    yields   {_number(measurement.volumes_per_hour())} volumes per hour, "
        f"{_number(profile.voxels_per_s(measurement))} voxels per second",
    ]


def _stage_peaks(measurement: Measurement) -> str:
    peaks = [(stage, measurement.stage_peak_rss_bytes(stage)) for stage in STAGES]
    known = [f"{stage} {bytes_text(peak)}" for stage, peak in peaks if peak is not None]
    return f" ({', '.join(known)})" if known else ""


def _comparison(compared: Sequence[Ratio]) -> List[str]:
    lines = [f"Compared with {compared[0].reference}, round by round"]
    for ratio in compared:
        memory = "" if ratio.memory_saved is None else f", {_less(ratio.memory_saved)} memory"
        lines.append(
            f"  {ratio.key}, {counted(ratio.threads, 'thread')}: {interval_text(ratio.speed, '×')} as fast "
            f"({_less(ratio.latency_saved)} time), {_less(1 - 1 / ratio.cpu.value)} CPU time{memory}"
        )
    return lines


def _less(saved: float) -> str:
    return f"{saved:.1%} less" if saved >= 0 else f"{-saved:.1%} more"


def _number(value: Optional[float]) -> str:
    return _UNKNOWN if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
