"""The last layer of a network, applied a few thousand voxels at a time where its result is added to the sums.

A narrow student ends in 4 or 8 features and a pointwise convolution that makes one logit for each class of them. With a hundred
classes the logits of one patch take a gigabyte, and writing, weighting and adding them takes longer than all the rest of the
network. Here the features leave the network, and the logits of a block exist only in the processor's cache.

Every voxel's sum is the same as nnU-Net's but for the last bits of single precision: ``sum + Gaussian · (W · features + b)``,
computed as ``sum + [W b] · [Gaussian · features, Gaussian]``, then rounded to half.
"""

from __future__ import annotations

import base64
from concurrent.futures import Executor
from typing import Any, List, Tuple

import numpy as np
import numpy.typing as npt

_GRAPH = (
    "CAgSADrxAQolCgd3ZWlnaHRzCghmZWF0dXJlcxIId2VpZ2h0ZWQiBk1hdE11bAocCgRzdW1zEgNzMzIiBENhc3QqCQoCdG8YAaABAgoXCgNzMz"
    "IKCHdlaWdodGVkEgFhIgNBZGQKGQoBYRIDb3V0IgRDYXN0KgkKAnRvGAqgAQISCGhlYWRfc3VtWhgKBHN1bXMSEAoOCAoSCgoDEgFoCgMSAW5a"
    "GwoHd2VpZ2h0cxIQCg4IARIKCgMSAWgKAxIBZlocCghmZWF0dXJlcxIQCg4IARIKCgMSAWYKAxIBbmIXCgNvdXQSEAoOCAoSCgoDEgFoCgMSAW"
    "5CBAoAEA0="
)
"""The ONNX file, opset 13: out (h, n) = Cast(Cast(sums (h, n) → float) + weights (h, f) · features (f, n) → float16)."""

BLOCK_ELEMENTS = 2**19
"""Logits of one block, in elements: two megabytes in single precision. Smaller blocks fit the processor's cache better, but
threads then wait for each other between them."""


def graph() -> bytes:
    """Return the ONNX file with the inputs ``sums``, ``weights`` and ``features``."""
    return base64.b64decode(_GRAPH)


class HeadSum:
    """Adds the weighted logits of a tile to sums in half precision, from the features before the last layer.

    Parameters
    ----------
    weights, bias
        The last layer, shapes (head, feature) and (head,).
    """

    def __init__(self, weights: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(graph(), options, providers=["CPUExecutionProvider"])
        self._weights = np.ascontiguousarray(np.concatenate([weights, bias[:, None]], axis=1))

    def add_tile(
        self,
        sums: npt.NDArray[np.float16],
        tile: npt.NDArray[np.float32],
        weights: npt.NDArray[np.float32],
        pool: Executor,
    ) -> None:
        """Add a tile in place.

        Parameters
        ----------
        sums
            Shape (head, z, y, x); a view is changed in place.
        tile
            Features of the tile, shape (feature, z, y, x).
        weights
            Gaussian weights, shape (z, y, x).
        pool
            Runs blocks in parallel.
        """

        def add(block: Tuple[int, slice]) -> None:
            self.add_block(sums[:, block[0], block[1]], tile[:, block[0], block[1]], weights[block])

        list(pool.map(add, _blocks(sums.shape)))

    def add_block(
        self, sums: npt.NDArray[np.float16], features: npt.NDArray[np.float32], weights: npt.NDArray[np.float32]
    ) -> None:
        """Add one block in place, in this thread: shapes (head, …), (feature, …) and (…)."""
        weighted = np.empty((len(features) + 1, *weights.shape), dtype=np.float32)
        np.multiply(features, weights, out=weighted[:-1])
        weighted[-1] = weights
        inputs = {"sums": np.ascontiguousarray(sums).reshape(len(sums), -1), "weights": self._weights}
        (total,) = self._session.run(None, {**inputs, "features": weighted.reshape(len(weighted), -1)})
        sums[...] = total.reshape(sums.shape)


def _blocks(shape: Tuple[int, ...]) -> List[Tuple[int, slice]]:
    """Cut (head, z, y, x) into rows of one plane with about :data:`BLOCK_ELEMENTS` elements."""
    heads, planes, rows, columns = shape
    step = max(1, BLOCK_ELEMENTS // (heads * columns))
    return [(plane, slice(row, min(row + step, rows))) for plane in range(planes) for row in range(0, rows, step)]
