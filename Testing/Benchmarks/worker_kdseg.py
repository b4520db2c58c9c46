"""Segment one volume with KDSegmentator and print the time of each stage and the peak memory as one line of JSON.

Arguments: BUNDLE VOLUME OUTPUT THREADS MIRRORING(0 or 1) ENGINE CEILING_BYTES(0 for none). Imports are not timed; loading is.
"""

import json
import sys
import time

import onnxruntime  # noqa: F401 - imported before the clock starts, as torch is for nnU-Net
import scipy.ndimage  # noqa: F401
import SimpleITK  # noqa: F401
from measure import peak_bytes

from kdseg.bundle import load_student
from kdseg.io import read_volume, write_label_map
from kdseg.limits import EngineName, Limits, Options
from kdseg.pipeline import segment


def main(bundle: str, volume: str, output: str, threads: str, mirroring: str, engine: str, ceiling: str) -> None:
    """Load, read, segment and write."""
    began = time.perf_counter()
    student = load_student(bundle)
    loaded = time.perf_counter()
    image = read_volume(volume)
    read = time.perf_counter()
    segmentation = segment(
        image,
        student,
        limits=Limits(int(threads), int(ceiling) or None),
        options=Options(mirroring=mirroring == "1", engine=EngineName(engine)),
    )
    segmented = time.perf_counter()
    write_label_map(segmentation, output)
    total = time.perf_counter() - began
    stages = {"read": read - loaded, **segmentation.report["stages_seconds"], "write": time.perf_counter() - segmented}
    result = {
        "total_s": round(total, 3),
        "stages_s": {k: round(v, 3) for k, v in stages.items()},
        "peak_bytes": peak_bytes(),
        "estimate_bytes": segmentation.report["memory"]["estimate_bytes"],
        "engine": segmentation.report["engine"],
        "patches": segmentation.report["settings"]["patches"],
        "strips": segmentation.report["settings"]["strips"],
    }
    print(json.dumps(result))


main(*sys.argv[1:])
