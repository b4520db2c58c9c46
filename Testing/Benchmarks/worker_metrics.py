"""Measure every pair of a folder with one program and print CPU time, memory and the values as one line of JSON.

Arguments: SIDE("surface-distance", "numba" or "numpy") FOLDER ROUNDS. Imports, reading, and two small pairs that warm up (numba
compiles its kernels or reads them from its cache) are not counted.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
import types
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / folder) for folder in ("KDSegmentator", "KDSegmentatorTraining")]

import numpy as np  # noqa: E402
from measure import peak_bytes  # noqa: E402
from metrics_pairs import Pair, drawn_organs, with_fault  # noqa: E402
from scipy import ndimage  # noqa: E402

from kdseg.process_memory import resident_bytes  # noqa: E402

TOLERANCE_MM = 1.0
PERCENT = 95.0

Values = Dict[int, Dict[str, float]]
Program = Callable[[Pair], Values]


def surface_distance_program() -> Program:
    """Return DeepMind's package as its README uses it: class by class, on boolean masks."""
    from surface_distance import metrics

    metrics.np = types.SimpleNamespace(**{**vars(np), "Inf": np.inf, "NaN": np.nan})  # names that NumPy 2 and SciPy 2 removed
    metrics.ndimage = types.SimpleNamespace(filters=ndimage, morphology=ndimage)

    def measure(pair: Pair) -> Values:
        values: Values = {}
        for label in pair.labels:
            reference, prediction = pair.reference == label, pair.prediction == label
            distances = metrics.compute_surface_distances(reference, prediction, pair.spacing_mm)
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")  # means of nothing, where a mask is empty
                averages = metrics.compute_average_surface_distance(distances)
                values[label] = {
                    "dice": metrics.compute_dice_coefficient(reference, prediction),
                    "nsd": metrics.compute_surface_dice_at_tolerance(distances, TOLERANCE_MM),
                    "hd95_mm": metrics.compute_robust_hausdorff(distances, PERCENT),
                    "hd_mm": metrics.compute_robust_hausdorff(distances, 100.0),
                    "masd_mm": (averages[0] + averages[1]) / 2,
                }
        return values

    return measure


def own_program(engine: str) -> Program:
    """Return ours, on the label maps."""
    from kdseg_training.metrics import surface_metrics

    def measure(pair: Pair) -> Values:
        measured = surface_metrics(
            pair.prediction,
            pair.reference,
            pair.spacing_mm,
            pair.labels,
            (TOLERANCE_MM,),
            percentiles=(PERCENT,),
            engine=engine,
            strict_tolerance=True,
        )
        return {
            label: {
                "dice": m.dice,
                "nsd": m.nsd[TOLERANCE_MM],
                "hd95_mm": m.hd_percentiles_mm[PERCENT],
                "hd_mm": m.hd_mm,
                "masd_mm": m.masd_mm,
            }
            for label, m in measured.items()
        }

    return measure


def cpu_seconds() -> float:
    """Return the CPU time of this process and of the children that it waited for."""
    used = os.times()
    return time.process_time() + used.children_user + used.children_system


def start_new_peak() -> bool:
    """Make the kernel forget the peak so far, where it can."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def main(side: str, folder: str, rounds: str) -> None:
    """Warm up, then measure all pairs, one after the other, in each round."""
    program = surface_distance_program() if side == "surface-distance" else own_program(side)
    warm_up_began = cpu_seconds()
    warm_up(program)
    warm_up_cpu_s = cpu_seconds() - warm_up_began
    largest = peak_bytes()
    cpu_s, wall_s = [], []
    growth: Optional[int] = None
    values: List[List[Any]] = []
    for number in range(int(rounds)):
        cpu_s.append(0.0)
        wall_s.append(0.0)
        for path in sorted(Path(folder).glob("*.npz")):
            pair = Pair.load(path)
            fresh, before = start_new_peak(), resident_bytes()
            cpu_began, wall_began = cpu_seconds(), time.perf_counter()
            measured = program(pair)
            cpu_s[-1] += cpu_seconds() - cpu_began
            wall_s[-1] += time.perf_counter() - wall_began
            largest = max(largest, peak_bytes())
            if fresh:
                growth = max(growth or 0, peak_bytes() - before)
            if number == 0:
                values += rows(pair.name, measured)
    result = {"cpu_s": cpu_s, "wall_s": wall_s, "warm_up_cpu_s": warm_up_cpu_s, "peak_bytes": largest, "growth_bytes": growth}
    print(json.dumps({**result, "values": values}))


def warm_up(program: Program) -> None:
    """Measure two small pairs, one with far surfaces, so that everything is imported, compiled or read from the cache."""
    pair = drawn_organs((24, 24, 70), (1.0, 1.0, 1.0), 2, seed=0)
    program(pair)
    program(with_fault(pair, "mirrored"))


def rows(case: str, measured: Values) -> List[List[Any]]:
    """Return rows (case, label, metric, value) that JSON can hold: infinities and NaN as words."""
    return [
        [case, label, metric, value if math.isfinite(value) else str(float(value))]
        for label, metrics in measured.items()
        for metric, value in metrics.items()
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
