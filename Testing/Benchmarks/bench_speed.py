"""Stock nnU-Net against KDSegmentator: the same student, the same volume, the same settings, in turn, in one run.

    python Testing/Benchmarks/bench_speed.py [--case NAME] [--repeats N] [--threads N] [--engine NAME] [--work FOLDER]

Both run in processes of their own, from the file to the written label map, alternating; the first pair is a warm-up and is not
counted. Prints the median of each stage and the ratio, and fails where a whole run is not at least three times as fast.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Dict, List

from side_by_side import QUARTER_WIDTH_RESENC_L, STAGES, Case, differing_voxels, hardware_line, prepare, run_kdseg, run_stock

LEAST_RATIO = 3.0

CASES = {
    "brain": Case(
        "head MR, 160×224×192 at 1 mm, 4 classes, patch 128³",
        {**QUARTER_WIDTH_RESENC_L, "patch_size": (128, 128, 128), "spacing_mm": (1.0, 1.0, 1.0)},
        (160, 224, 192),
        (1.0, 1.0, 1.0),
        4,
    ),
    "head": Case(
        "head MR, 160×240×240 at 1.2×0.8×0.8 mm to 1 mm, 32 classes, patch 96³",
        {**QUARTER_WIDTH_RESENC_L, "patch_size": (96, 96, 96), "spacing_mm": (1.0, 1.0, 1.0)},
        (160, 240, 240),
        (0.8, 0.8, 1.2),
        32,
    ),
    "ct": Case(
        "CT, 120×400×400 at 0.9×0.9×2.5 mm to 1.5 mm, 14 classes, patch 96³",
        {**QUARTER_WIDTH_RESENC_L, "patch_size": (96, 96, 96), "spacing_mm": (1.5, 1.5, 1.5)},
        (120, 400, 400),
        (0.9, 0.9, 2.5),
        14,
    ),
    "mirrored": Case(
        "head MR, 96×128×112 at 1 mm, 4 classes, patch 96³, mirrored over three axes",
        {
            **QUARTER_WIDTH_RESENC_L,
            "patch_size": (96, 96, 96),
            "spacing_mm": (1.0, 1.0, 1.0),
            "mirroring_axes": (0, 1, 2),
        },
        (96, 128, 112),
        (1.0, 1.0, 1.0),
        4,
    ),
}


def compare(case: Case, folder: Path, repeats: int, threads: int, engine: str) -> float:
    """Run one case, print its table and return the ratio of the whole run."""
    volume, model, bundle = prepare(case, folder, steps=8)
    mirroring = bool(case.model.get("mirroring_axes"))
    stock: List[Dict[str, Any]] = []
    ours: List[Dict[str, Any]] = []
    for _ in range(repeats + 1):
        stock.append(run_stock(model, volume, folder / "stock.nii.gz", threads, mirroring))
        ours.append(run_kdseg(bundle, volume, folder / "ours.nii.gz", threads, mirroring, engine))
    if repeats:
        stock, ours = stock[1:], ours[1:]
    differing, voxels = differing_voxels(folder / "stock.nii.gz", folder / "ours.nii.gz")
    print(f"\n### {case.name}\n\nengine: {ours[-1]['engine']['provider']} {ours[-1]['engine']['onnxruntime']}; ", end="")
    print(f"{ours[-1]['patches']} patches; n = {len(ours)} after a warm-up; {differing} of {voxels:,} voxels differ\n")
    print("| stage | stock nnU-Net | KDSegmentator | ratio |\n|---|---:|---:|---:|")
    for stage in STAGES:
        _row(stage, [m["stages_s"][stage] for m in stock], [m["stages_s"][stage] for m in ours])
    _row("**whole run**", [m["total_s"] for m in stock], [m["total_s"] for m in ours])
    peaks = [median(m["peak_bytes"] for m in side) / 2**30 for side in (stock, ours)]
    print(f"| peak memory | {peaks[0]:.2f} GiB | {peaks[1]:.2f} GiB | {peaks[0] / peaks[1]:.1f}× |", flush=True)
    return median(m["total_s"] for m in stock) / median(m["total_s"] for m in ours)


def _row(name: str, stock: List[float], ours: List[float]) -> None:
    a, b = median(stock), median(ours)
    print(f"| {name} | {a:.2f} s | {b:.2f} s | {a / max(b, 1e-3):.1f}× |")


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=[*CASES, "all"], default="all")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--work", type=Path, help="keeps models and volumes for another run")
    options = parser.parse_args()
    print(hardware_line(options.threads))
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        names = CASES if options.case == "all" else [options.case]
        ratios = {n: compare(CASES[n], work / n, options.repeats, options.threads, options.engine) for n in names}
    slow = [f"{name} {ratio:.2f}×" for name, ratio in ratios.items() if ratio < LEAST_RATIO]
    if slow:
        sys.exit(f"\nBelow {LEAST_RATIO:g}×: {', '.join(slow)}")


if __name__ == "__main__":
    main()
