"""Peak memory: a 61-class student on a large CT under a ceiling, and against stock nnU-Net on a volume that both finish.

    python Testing/Benchmarks/bench_memory.py [--threads N] [--engine NAME] [--work FOLDER] [--skip-stock]

The peak is that of the whole process as the kernel counts it, libraries and the loaded volume included. Fails where the peak is
above the ceiling or above a third of stock nnU-Net's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from side_by_side import QUARTER_WIDTH_RESENC_L, Case, differing_voxels, hardware_line, prepare, run_kdseg, run_stock

CEILING_GB = 2.5
LEAST_RATIO = 3.0

LARGE = Case(
    "CT, 300×512×512 at 0.8×0.8×1.5 mm to 1.5 mm, 61 classes, patch 128³",
    {**QUARTER_WIDTH_RESENC_L, "patch_size": (128, 128, 128), "spacing_mm": (1.5, 1.5, 1.5)},
    (300, 512, 512),
    (0.8, 0.8, 1.5),
    61,
)
SMALLER = Case(
    "CT, 150×300×300 at 1×1×1.5 mm to 1.5 mm, 61 classes, patch 96³",
    {**QUARTER_WIDTH_RESENC_L, "patch_size": (96, 96, 96), "spacing_mm": (1.5, 1.5, 1.5)},
    (150, 300, 300),
    (1.0, 1.0, 1.5),
    61,
)


def report(name: str, measured: Dict[str, Any]) -> None:
    """Print one line."""
    estimate = f", estimate {measured['estimate_bytes'] / 1e9:.2f} GB" if "estimate_bytes" in measured else ""
    plan = f", {measured['patches']} patches in {measured['strips']} strips" if "patches" in measured else ""
    print(f"  {name}: peak {measured['peak_bytes'] / 1e9:.2f} GB{estimate}{plan}, {measured['total_s']:.0f} s", flush=True)


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--work", type=Path, help="keeps models and volumes for another run")
    parser.add_argument("--skip-stock", action="store_true", help="run the large volume only")
    options = parser.parse_args()
    print(hardware_line(options.threads))
    missed: List[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        if not options.skip_stock:
            print(SMALLER.name)
            folder = work / "smaller"
            volume, model, bundle = prepare(SMALLER, folder, steps=8)
            ours = run_kdseg(bundle, volume, folder / "ours.nii.gz", options.threads, False, options.engine)
            report("KDSegmentator", ours)
            stock = run_stock(model, volume, folder / "stock.nii.gz", options.threads, False)
            report("stock nnU-Net", stock)
            differing, voxels = differing_voxels(folder / "stock.nii.gz", folder / "ours.nii.gz")
            ratio = stock["peak_bytes"] / ours["peak_bytes"]
            print(f"  ratio {ratio:.1f}×; {differing} of {voxels:,} voxels differ")
            if ratio < LEAST_RATIO:
                missed.append(f"a ratio of {ratio:.2f}× instead of {LEAST_RATIO:g}×")
        print(LARGE.name)
        folder = work / "large"
        volume, _, bundle = prepare(LARGE, folder, steps=3)
        measured = run_kdseg(bundle, volume, folder / "ours.nii.gz", options.threads, False, options.engine, CEILING_GB)
        report(f"ceiling {CEILING_GB} GB", measured)
        if measured["peak_bytes"] > CEILING_GB * 1e9:
            missed.append(f"a peak of {measured['peak_bytes'] / 1e9:.2f} GB under a ceiling of {CEILING_GB} GB")
    if missed:
        sys.exit("Missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
