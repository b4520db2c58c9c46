"""nnU-Net's ResEnc-L against its students ×1/2, ×1/4 and ×1/8: latency, memory and parameters as ratios from one run.

    python Testing/Benchmarks/bench_family.py --work FOLDER [--quick] [--part equal|default|both] [--markdown FILE]

Teacher: stock nnU-Net with torch; students: KDSegmentator. Random weights, one synthetic volume of a brain's size. Two parts:

equal
    Mirroring off on both sides, the same patches. All four in one run, in rounds whose order rotates.
default
    nnU-Net as it is by default, mirrored over three axes, against ×1/4 without mirroring, which needs none.

Every finished run is kept in FOLDER: called again with the same words, the script goes on where it was. ``--prepare`` only
makes the networks, which needs torch. The rest also runs in an environment without torch, such as one with
onnxruntime-openvino, if ``--teacher-python`` names an interpreter that has torch and nnunetv2.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median
from typing import Dict, List, Optional, Tuple

from family_models import PUBLISHED_CLASSES, Made, Size, make_family

from kdseg.atomic import write_bytes
from kdseg.limits import EngineName, available_cpus
from kdseg_training.profiling import (
    Measurement,
    Profile,
    ProfileProgress,
    ProfileRequest,
    StudentSubject,
    SubjectProfile,
    SyntheticVolume,
    TeacherSubject,
    profile,
)

BRAIN = Size((160, 224, 192), 128, PUBLISHED_CLASSES)
QUICK = Size((32, 40, 32), 32, 8)
TEACHER, GIB = "ResEnc-L, stock nnU-Net", 1024**3
AIMS = {"equal": ((4, "latency", 0.90), (4, "memory", 0.75)), "default": ((4, "latency", 0.99),)}
"""Factor, quantity and the share by which it is to be lower than the teacher's, with onnxruntime alone."""

OPENVINO_AIMS = {"equal": ((4, "latency", 0.94), (4, "memory", 0.75)), "default": ((4, "latency", 0.99),)}


def measure(part: str, family: List[Made], options: argparse.Namespace, size: Size) -> Profile:
    """Run one part, or what is left of it, and return its profile."""
    teacher, students = family[0], family[1:] if part == "equal" else [m for m in family if m.factor == 4]
    request = ProfileRequest(
        students=tuple(StudentSubject(made.path, key_of(made)) for made in students),
        teachers=(TeacherSubject(teacher.path, mirroring=part == "default", name=TEACHER),),
        synthetic=SyntheticVolume(size.shape, (1.0, 1.0, 1.0)),
        repetitions=options.repetitions if part == "equal" else options.default_repetitions,
        warm_ups=options.warm_ups if part == "equal" else 0,
        threads=(options.threads,),
        mirroring=False,
        engine=EngineName(options.engine),
        teacher_python=options.teacher_python,
    )
    name = f"{part}-{options.engine}-{options.threads}"
    measured = profile(request, progress=tell, journal=options.work / f"{name}-runs.json", command=sys.argv)
    write_bytes(options.work / f"{name}.json", measured.to_json().encode("utf-8"))
    return measured


def key_of(made: Made) -> str:
    """Return what a network is called in profile and tables."""
    return TEACHER if made.factor == 1 else f"×1/{made.factor}, KDSegmentator"


def tell(progress: ProfileProgress) -> None:
    """Write one line of progress."""
    left = "" if progress.seconds_left is None else f", about {progress.seconds_left / 60:.0f} min left"
    print(f"\r{progress.fraction:6.1%} {progress.text}{left}    ", end="", file=sys.stderr, flush=True)


def table(part: str, measured: Profile, family: List[Made]) -> Tuple[str, List[str]]:
    """Return the part as Markdown, and the aims that it misses."""
    teacher = _measurement(measured.subject(TEACHER))
    rows = []
    lower: Dict[int, Dict[str, float]] = {}
    for made in family:
        subject = next((s for s in measured.subjects if s.key == key_of(made)), None)
        if subject is None:
            continue
        own = _measurement(subject)
        seconds, peak = _seconds(own), _peak(own)
        rounds = [1 - a / b for a, b in _paired(own, teacher)]
        lower[made.factor] = {"latency": 1 - seconds / _seconds(teacher), "memory": 1 - peak / _peak(teacher)}
        span = f"{min(rounds):.1%} to {max(rounds):.1%}" if made.factor != 1 and len(rounds) > 1 else ""
        low = lower[made.factor]
        rows.append(
            f"| {subject.key} | {made.parameters / 1e6:.2f} | {subject.patches} × {subject.passes} | {_flops(subject)} | "
            f"{seconds:.1f} | {_percent(low['latency'], made)} | {span} | {peak / GIB:.2f} | {_percent(low['memory'], made)} | "
            f"{_percent(1 - made.parameters / family[0].parameters, made)} |"
        )
    head = (
        "| | parameters, million | patches × passes | TFLOP | latency, s (median) | lower by | by round | peak memory, GiB | "
        "lower by | fewer parameters by |\n|---|---:|---:|---:|---:|---:|---|---:|---:|---:|"
    )
    text = "\n".join([f"## {_title(part)}", "", _facts(measured, teacher), "", head, *rows, "", *_stages(measured), ""])
    return text, _missed(part, measured, lower)


def _measurement(subject: SubjectProfile) -> Measurement:
    if subject.main is None:
        raise SystemExit(f"{subject.key}: no finished run: {subject.measurements[0].error}")
    return subject.main


def _seconds(measurement: Measurement) -> float:
    return median(run.wall_s for run in measurement.counted)


def _peak(measurement: Measurement) -> int:
    return max(run.peak_rss_bytes for run in measurement.counted)


def _paired(own: Measurement, teacher: Measurement) -> List[Tuple[float, float]]:
    """Return the seconds of both in every round that both finished."""
    theirs = {run.round: run.wall_s for run in teacher.counted}
    return [(run.wall_s, theirs[run.round]) for run in own.counted if run.round in theirs]


def _percent(share: float, made: Made) -> str:
    return "" if made.factor == 1 else f"{share:.1%}"


def _flops(subject: SubjectProfile) -> str:
    return "" if subject.flops_per_volume is None else f"{subject.flops_per_volume / 1e12:.3g}"


def _title(part: str) -> str:
    return "Equal settings" if part == "equal" else "nnU-Net's default against a student that needs no mirroring"


def _facts(measured: Profile, teacher: Measurement) -> str:
    """Return what was measured where, in sentences."""
    hardware, versions = measured.hardware, measured.versions
    shape = "×".join(str(n) for n in measured.volume.shape_zyx)
    engines = sorted({m.engine_details for s in measured.subjects for m in s.measurements})
    loads = [run.load.load_average for s in measured.subjects for m in s.measurements for run in m.counted]
    known = [load for load in loads if load is not None]
    busy = f" Load average at the starts: {min(known):.1f} to {max(known):.1f}." if known else ""
    peaks = "".join(f" Peak of a matrix product: {p.gemm_flops_per_s / 1e9:.0f} GFLOP/s." for p in measured.machine_peaks)
    doubts = "".join(f"\n- {warning}" for warning in measured.warnings)
    return (
        f"{measured.created_utc}; {hardware.get('cpu_model')}, {hardware.get('cpus_available')} CPUs, "
        f"{hardware.get('system')}; {teacher.threads} threads. Volume {shape} at 1 mm. Counted rounds: {len(teacher.counted)}, "
        f"warm-up rounds: {measured.settings.warm_ups}, all subjects in each. Engines: {'; '.join(engines)}; "
        f"numpy {versions.get('numpy')}.{peaks}{busy}" + (f"\n\nDoubts:{doubts}" if doubts else "")
    )


def _stages(measured: Profile) -> List[str]:
    """Return a table of the stages, medians in seconds."""
    subjects = [(s.key, _measurement(s)) for s in measured.subjects]
    names = list(dict.fromkeys(stage.stage for _key, m in subjects for run in m.counted for stage in run.stages))
    head = "| seconds (median) | " + " | ".join(key for key, _m in subjects) + " |"
    lines = [head, "|---|" + "---:|" * len(subjects)]
    for name in names:
        cells = [f"{median(run.stage_seconds(name) for run in m.counted):.2f}" for _key, m in subjects]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _missed(part: str, measured: Profile, lower: Dict[int, Dict[str, float]]) -> List[str]:
    engines = {m.engine for s in measured.subjects for m in s.measurements}
    aims = OPENVINO_AIMS if EngineName.OPENVINO.value in engines else AIMS
    return [
        f"{part}: ×1/{factor} {quantity}: aim −{aim:.0%}, found −{lower[factor][quantity]:.1%}"
        for factor, quantity, aim in aims[part]
        if lower[factor][quantity] < aim
    ]


def main(arguments: Optional[List[str]] = None) -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="keeps networks and finished runs")
    parser.add_argument("--quick", action="store_true", help="a small volume and patch: shows that it works; no aims")
    parser.add_argument("--part", choices=["equal", "default", "both"], default="both")
    parser.add_argument("--repetitions", type=int, default=5, help="of the equal part")
    parser.add_argument("--default-repetitions", type=int, default=1, help="of nnU-Net's default, eight times as long")
    parser.add_argument("--warm-ups", type=int, default=1)
    parser.add_argument("--threads", type=int, default=available_cpus())
    parser.add_argument("--engine", choices=["auto", "cpu", "openvino"], default="auto")
    parser.add_argument("--teacher-python", help="interpreter with torch and nnunetv2; default: this one")
    parser.add_argument("--prepare", action="store_true", help="only make the networks")
    parser.add_argument("--markdown", type=Path, help="also write the tables there")
    options = parser.parse_args(arguments)
    size = QUICK if options.quick else BRAIN
    options.work = options.work.absolute()
    family = make_family(options.work, size)
    if options.prepare:
        return
    texts, missed = [], []
    for part in ("equal", "default") if options.part == "both" else (options.part,):
        text, short = table(part, measure(part, family, options, size), family)
        print(f"\n{text}", flush=True)
        texts.append(text)
        missed += short
    if options.markdown is not None:
        write_bytes(options.markdown.absolute(), "\n".join(texts).encode("utf-8"))
    if missed and not options.quick:
        sys.exit("\nMissed:\n" + "\n".join(missed))


if __name__ == "__main__":
    main()
