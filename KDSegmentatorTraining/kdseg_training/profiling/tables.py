"""A profile as comma-separated values: one table of what follows from the runs, one of the runs."""

from __future__ import annotations

import csv
import io
from typing import Any, Dict, List, Optional, Sequence

from kdseg_training.profiling.results import Profile
from kdseg_training.profiling.runs import STAGES
from kdseg_training.profiling.statistics import Distribution


def summary_csv(profile: Profile) -> str:
    """Return one row for each subject and number of threads; empty cells are unknown, units stand in the names."""
    rows = [_summary_row(profile, s.key, m.threads) for s in profile.subjects for m in s.measurements]
    return _write(rows)


def runs_csv(profile: Profile) -> str:
    """Return one row for each run, warm-ups included and marked."""
    rows: List[Dict[str, Any]] = []
    for subject in profile.subjects:
        for measurement in subject.measurements:
            for run in measurement.runs:
                row: Dict[str, Any] = {"subject": subject.key, "threads": measurement.threads, "round": run.round}
                row.update(warm_up=int(run.warm_up), wall_s=run.wall_s, cpu_s=run.cpu_s)
                row.update({f"{_column(stage)}_s": run.stage_seconds(stage) for stage in STAGES})
                row.update(peak_rss_bytes=run.peak_rss_bytes, memory_source=run.memory_source.value)
                row.update(rss_before_bytes=run.rss_before_bytes, load_average=run.load.load_average)
                row.update(other_cpus=run.load.other_cpus, stolen_cpus=run.load.stolen_cpus)
                rows.append(row)
    return _write(rows)


def _summary_row(profile: Profile, key: str, threads: int) -> Dict[str, Any]:
    subject = profile.subject(key)
    measurement = next(m for m in subject.measurements if m.threads == threads)
    derived = profile.summary_row(subject, measurement)
    peak = profile.machine_peak(threads)
    row: Dict[str, Any] = {"subject": key, "kind": subject.kind.value, "threads": threads, "runs": derived["runs"]}
    row.update(_spread_of("wall", derived["wall_s"]))
    row.update(_spread_of("cpu", derived["cpu_s"]))
    row.update({f"{_column(stage)}_s": seconds for stage, seconds in derived["stages_s"].items()})
    row["peak_rss_bytes"] = derived["peak_rss_bytes"]
    row.update({f"{_column(stage)}_peak_rss_bytes": peak for stage, peak in derived["stages_peak_rss_bytes"].items()})
    row.update({name: derived[name] for name in ("voxels_per_s", "volumes_per_hour")})
    row.update(size_bytes=subject.size_bytes, parameters=subject.parameters, capacity=subject.capacity)
    row.update(patches=subject.patches, passes_per_patch=subject.passes, flops_per_pass=subject.flops_per_pass)
    row.update({name: derived[name] for name in ("flops_per_patch", "flops_per_volume", "network_flops_per_s", "peak_share")})
    row["machine_gemm_flops_per_s"] = None if peak is None else peak.gemm_flops_per_s
    row["machine_copy_bytes_per_s"] = None if peak is None else peak.copy_bytes_per_s
    row["dice"] = None if subject.quality is None else subject.quality.dice
    row["start_s"] = measurement.start_s
    row["error"] = "" if measurement.error is None else measurement.error.get("problem", "")
    return row


def _spread_of(name: str, found: Optional[Distribution]) -> Dict[str, Optional[float]]:
    p50 = None if found is None else found.p50
    p95 = None if found is None else found.p95
    return {
        f"{name}_p50_s": None if p50 is None else p50.value,
        f"{name}_p50_low_s": None if p50 is None else p50.low,
        f"{name}_p50_high_s": None if p50 is None else p50.high,
        f"{name}_p95_s": None if p95 is None else p95.value,
        f"{name}_p95_high_s": None if p95 is None else p95.high,
    }


def _column(stage: str) -> str:
    return "labels" if stage == "resample and arg-max" else stage


def _write(rows: Sequence[Dict[str, Any]]) -> str:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()
