"""``python -m kdseg_training.profiling.peak_worker SETTINGS.json``: the most arithmetic and copying that this machine gives.

The matrix product runs through ONNX Runtime's CPU kernels, which are those that its convolutions end in. Two operations are
counted for each multiplication with its addition, and for copying the bytes read as well as those written.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

from kdseg.progress import Stage
from kdseg_training.profiling.json_data import from_data
from kdseg_training.profiling.matrix_product import matrix_product_model
from kdseg_training.profiling.stage_watch import StageWatch
from kdseg_training.profiling.worker_loop import Subject, Tell, serve

MATRIX_SIZE = 1024
"""Rows and columns: large enough that the arithmetic outweighs everything else."""

COPY_BYTES = 64 * 1024**2
"""Bytes that each thread copies at once: far more than any cache holds."""

TRY_S = 0.25
"""How long each of the two is tried; the best repetition counts."""


@dataclass(frozen=True)
class PeakSettings:
    """CPU threads, ``try_s`` seconds for each of the two kinds of work."""

    threads: int
    try_s: float = TRY_S


class PeakRunner:
    """A :class:`~kdseg_training.profiling.worker_loop.Subject`."""

    def __init__(self, settings: PeakSettings) -> None:
        import onnxruntime

        self._settings = settings
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings.threads
        options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            matrix_product_model(MATRIX_SIZE), options, providers=["CPUExecutionProvider"]
        )
        random = np.random.default_rng(0)
        self._inputs = {name: random.random((MATRIX_SIZE, MATRIX_SIZE), dtype=np.float32) for name in ("a", "b")}

    def describe(self) -> Dict[str, Any]:
        """Return nothing: there is nothing to know without a run."""
        return {}

    def run(self, watch: StageWatch, tell: Tell) -> None:
        """Measure both once."""
        tell(Stage.NETWORK, 0.0)
        watch.facts["gemm_flops_per_s"] = 2 * MATRIX_SIZE**3 / self._best_product_s()
        watch.facts["copy_bytes_per_s"] = 2 * COPY_BYTES * self._settings.threads / self._best_copy_s()

    def _best_product_s(self) -> float:
        best, end = float("inf"), time.perf_counter() + self._settings.try_s
        while time.perf_counter() < end or best == float("inf"):
            began = time.perf_counter()
            self._session.run(None, self._inputs)
            best = min(best, time.perf_counter() - began)
        return best

    def _best_copy_s(self) -> float:
        count = COPY_BYTES // 8
        pairs: List[Any] = [(np.ones(count), np.zeros(count)) for _ in range(self._settings.threads)]
        best, end = float("inf"), time.perf_counter() + self._settings.try_s
        with ThreadPoolExecutor(self._settings.threads) as pool:
            while time.perf_counter() < end or best == float("inf"):
                began = time.perf_counter()
                list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), pairs))
                best = min(best, time.perf_counter() - began)
        return best


def open_peak(path: str) -> Subject:
    """Read the settings and return the runner."""
    return PeakRunner(from_data(PeakSettings, json.loads(Path(path).read_bytes()), path=path))


if __name__ == "__main__":
    serve(lambda: open_peak(sys.argv[1]))
