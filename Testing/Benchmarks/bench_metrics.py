"""DeepMind's surface-distance against kdseg_training.metrics: the same label maps, the same metrics, in turn, in one run.

    python Testing/Benchmarks/bench_metrics.py [--quick] [--repeats N] [--rounds N] [--case NAME]
        [--predictions FOLDER --references FOLDER]    # cases of one's own, such as the 200 hippocampi

What is compared is CPU time, of one process per program and repetition; each measures Dice, NSD at 1 mm, HD, HD95 and the mean
surface distance of every class, with one thread. Fails where a value differs by more than 1e-6, where a ratio is below its bar,
or where measuring takes more memory.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "KDSegmentator")]

from metrics_pairs import FAULTS, drawn_organs, read_pairs, with_fault  # noqa: E402

from kdseg.hardware import describe_hardware  # noqa: E402

THEIRS = "surface-distance"
OURS = ("numba", "numpy")
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Case:
    """A set of pairs, and how many times as fast each engine must be."""

    title: str
    bars: Dict[str, float]


FAR_OFF = {"numba": 1.0, "numpy": 1.0}
CASES = {
    "large": Case("20 classes, 512×512×300 at 0.8×0.8×1.5 mm", {"numba": 30.0, "numpy": 12.0}),
    "medium": Case("30 classes, 200×200×160 at 0.8×0.8×1.5 mm", {"numba": 30.0, "numpy": 12.0}),
    **{fault: Case(f"the 30 classes, prediction {fault}", FAR_OFF) for fault in FAULTS},
    "own": Case("cases from the given folders", FAR_OFF),
    **{f"own {fault}": Case(f"the given cases, predictions {fault}", FAR_OFF) for fault in FAULTS},
}


@dataclass(frozen=True)
class Measured:
    """What the workers of one program said about one case: medians over all rounds, and the largest memory."""

    cpu_s: float
    spread_s: Tuple[float, float]
    peak_bytes: int
    growth_bytes: Optional[int]
    warm_up_cpu_s: float
    values: Dict[Tuple[str, int, str], float]

    @staticmethod
    def of(results: Sequence[Dict[str, Any]]) -> Measured:
        """Put the results of several processes together."""
        cpu_s = [seconds for result in results for seconds in result["cpu_s"]]
        growths = [result["growth_bytes"] for result in results]
        return Measured(
            median(cpu_s),
            (min(cpu_s), max(cpu_s)),
            max(result["peak_bytes"] for result in results),
            None if None in growths else max(growths),
            median(result["warm_up_cpu_s"] for result in results),
            {(case, label, metric): float(value) for case, label, metric, value in results[0]["values"]},
        )


def largest_difference(ours: Measured, theirs: Measured) -> float:
    """Return the largest difference of a value; inf where one is missing or only one of two is finite.

    Where a class is in neither mask surface-distance has no numbers for its surfaces; its mean distance is also NaN where one
    mask is empty. These are not compared.
    """
    worst = 0.0
    for place, expected in theirs.values.items():
        found = ours.values.get(place, math.nan)
        if math.isnan(expected) or found == expected or math.isnan(ours.values.get((*place[:2], "dice"), math.nan)):
            continue
        difference = abs(found - expected)
        worst = max(worst, math.inf if math.isnan(difference) else difference)
    return worst


def run(side: str, folder: Path, rounds: int) -> Dict[str, Any]:
    """Measure the pairs of a folder in a process of its own."""
    command = [sys.executable, str(HERE / "worker_metrics.py"), side, str(folder), str(rounds)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    measured: Dict[str, Any] = json.loads(finished.stdout.strip().splitlines()[-1])
    return measured


def compare(name: str, folder: Path, options: argparse.Namespace) -> List[str]:
    """Run all programs in turn, print a line for each, and return the bars that were missed."""
    results: Dict[str, List[Dict[str, Any]]] = {side: [] for side in (THEIRS, *OURS)}
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else math.nan
    for _ in range(options.repeats):
        for side, measured in results.items():
            measured.append(run(side, folder, options.rounds))
    sides = {side: Measured.of(measured) for side, measured in results.items()}
    theirs, missed = sides[THEIRS], []
    for side, own in sides.items():
        line = f"| {CASES[name].title if side == THEIRS else ''} | {side} | {_ms(own.cpu_s)} | {_ms(own.spread_s[0])}–"
        line += f"{_ms(own.spread_s[1])} |"
        if side == THEIRS:
            print(f"{line} – | – | {_mb(own.growth_bytes)} | {_mb(own.peak_bytes)} |  | {load:.1f} |", flush=True)
            continue
        ratio, bar, difference = theirs.cpu_s / own.cpu_s, CASES[name].bars[side], largest_difference(own, theirs)
        print(f"{line} **{ratio:.1f}×** | {bar:g}× | {_mb(own.growth_bytes)} | {_mb(own.peak_bytes)} | {difference:.0e} |  |")
        if ratio < bar:
            missed.append(f"{name}: {side} is {ratio:.1f} times as fast instead of {bar:g}")
        if not difference <= TOLERANCE:
            missed.append(f"{name}: {side} differs by {difference:g}")
        if own.growth_bytes is not None and theirs.growth_bytes is not None and own.growth_bytes >= theirs.growth_bytes:
            missed.append(f"{name}: {side} takes {_mb(own.growth_bytes)} instead of less than {_mb(theirs.growth_bytes)}")
    print(end="", flush=True)
    return missed


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.0f} ms"


def _mb(number: Optional[int]) -> str:
    return "–" if number is None else f"{number / 1e6:,.1f} MB"


def write_cases(work: Path, options: argparse.Namespace) -> Iterator[str]:
    """Write the pairs of each case into its folder, and yield the name when it is there."""
    scale = 4 if options.quick else 1
    if wanted(options, "large"):
        drawn_organs((300 // scale, 512 // scale, 512 // scale), (1.5, 0.8, 0.8), 20, seed=2).save(work / "large")
        yield "large"
    medium = drawn_organs((160 // scale, 200 // scale, 200 // scale), (1.5, 0.8, 0.8), 30, seed=1)
    if wanted(options, "medium"):
        medium.save(work / "medium")
        yield "medium"
    for fault in FAULTS:
        if wanted(options, fault):
            with_fault(medium, fault).save(work / fault)
            yield fault
    if options.predictions is None:
        return
    own = list(read_pairs(options.predictions, options.references))[:: 20 if options.quick else 1]
    print(f"| *{len(own)} given cases* | | | | | | | | | |")
    for fault in (None, *FAULTS):
        name = f"own {fault}" if fault else "own"
        if wanted(options, name):
            for pair in own:
                (with_fault(pair, fault) if fault else pair).save(work / name)
            yield name


def wanted(options: argparse.Namespace, name: str) -> bool:
    """Tell whether a case is to be run."""
    return options.case is None or name in options.case


def print_machine() -> None:
    """Print what the numbers were measured with."""
    hardware = describe_hardware().as_dict()
    print("; ".join(f"{key} {value}" for key, value in hardware.items() if value is not None))
    packages = ("numpy", "scipy", "numba", "surface-distance")
    print(f"Python {platform.python_version()}, " + ", ".join(f"{p} {importlib.metadata.version(p)}" for p in packages))
    print("1 thread on every side\n")


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="processes per program and case")
    parser.add_argument("--rounds", type=int, default=3, help="times that each process measures all pairs")
    parser.add_argument("--case", action="append", choices=list(CASES), help="only this case; may be repeated")
    parser.add_argument("--predictions", type=Path, help="label maps as .nii.gz; --references names theirs")
    parser.add_argument("--references", type=Path)
    parser.add_argument("--quick", action="store_true", help="small volumes, to see that it runs; bars are not judged")
    options = parser.parse_args()
    if (options.predictions is None) != (options.references is None):
        parser.error("--predictions and --references go together")
    print_machine()
    print("| case | program | CPU time | range | ratio | bar | memory to measure | whole process | difference | load before |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    missed: List[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        for name in write_cases(Path(temporary), options):
            missed += compare(name, Path(temporary) / name, options)
    if missed and not options.quick:
        sys.exit("\nMissed:\n- " + "\n- ".join(missed))


if __name__ == "__main__":
    main()
