"""What the sliding window asks of an inference engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from kdseg.limits import EngineName

Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class EngineInfo:
    """Which engine runs, for the report.

    Attributes
    ----------
    name
        One of :class:`kdseg.limits.EngineName`, never ``auto``.
    provider
        ONNX Runtime's name of the execution provider.
    version
        Version of ONNX Runtime.
    threads
        Threads of the network.
    reason
        Why this engine runs, in one sentence.
    """

    name: EngineName
    provider: str
    version: str
    threads: int
    reason: str


class Engine(Protocol):
    """Runs the network on one patch."""

    @property
    def info(self) -> EngineInfo:
        """Which engine this is."""
        ...

    def run(self, patch: Float32Array) -> Float32Array:
        """Return the network's output for a patch: logits, or features where its last layer was taken off.

        Parameters
        ----------
        patch
            C-contiguous array of shape (channel, …spatial).

        Returns
        -------
        numpy.ndarray
            Array of shape (channel, …spatial). It may be overwritten by the next call.

        Raises
        ------
        EngineError
            If the network fails.
        """
        ...


def open_engine(model: bytes, spatial_shape: Sequence[int], *, threads: int, name: EngineName = EngineName.AUTO) -> Engine:
    """Load a checked ONNX network for patches of one shape.

    Parameters
    ----------
    model
        The ONNX file, as bytes that went through :mod:`kdseg.bundle`.
    spatial_shape
        Shape of the patches without channels, 2 or 3 values.
    threads
        CPU threads of the network.
    name
        The engine; see :class:`kdseg.limits.EngineName` for what ``auto`` does.

    Raises
    ------
    EngineError
        If the engine is not installed or does not take the network. There is no silent fallback to another one.
    """
    from kdseg.inference.onnxruntime_engine import OnnxRuntimeEngine

    shape: Tuple[int, ...] = tuple(int(n) for n in spatial_shape)
    return OnnxRuntimeEngine(model, shape, threads=threads, name=name)
