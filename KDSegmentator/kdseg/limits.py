"""What a run may use: threads, memory, and how it is computed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Enum
from typing import Optional


def available_cpus() -> int:
    """Return the number of CPUs this process may run on (affinity and, on Linux, the cgroup's quota)."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity is not None else (os.cpu_count() or 1)
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            quota, period = file.read().split()
        if quota != "max":
            count = min(count, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return max(1, count)


class EngineName(str, Enum):
    """Where the network runs.

    ``auto`` takes OpenVINO's CPU provider where it is installed, else ONNX Runtime's own CPU kernels.

    A graphics card is used only when it is asked for by name: ``cuda``, ``directml`` or ``coreml``.
    """

    AUTO = "auto"
    CPU = "cpu"
    OPENVINO = "openvino"
    CUDA = "cuda"
    DIRECTML = "directml"
    COREML = "coreml"


@dataclass(frozen=True)
class Limits:
    """What a run may use.

    Attributes
    ----------
    threads
        CPU threads of the network, of sums and of labels, at least 1; more than :func:`available_cpus` is slower. The matrix
        products of the image's resampling run with the threads that NumPy's BLAS was started with.
    memory_bytes
        Ceiling for the peak memory of the process, in bytes; None for no ceiling.
    """

    threads: int = field(default_factory=available_cpus)
    memory_bytes: Optional[int] = None

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"threads: expected at least 1, found {self.threads}")
        if self.memory_bytes is not None and self.memory_bytes < 1:
            raise ValueError(f"memory_bytes: expected a positive number of bytes, found {self.memory_bytes}")


@dataclass(frozen=True)
class Options:
    """How a run is computed.

    The defaults give what stock ``nnUNetv2_predict`` gives with the same model folder, but for what a bundle adds: exchanged
    sides and removed islands.

    Attributes
    ----------
    mirroring
        Average over mirrored inputs where the student allows it (its checkpoint's ``inference_allowed_mirroring_axes``);
        2ᵏ times slower for k axes. A student that tells left from right may be averaged with its mirror image, the classes of
        the sides exchanged (``inference.side_exchange`` of its ``bundle.json``); twice as slow.
    tile_step_size
        Step between tiles as a share of the patch size, nnU-Net's ``tile_step_size``; 0 < step ≤ 1. None takes the
        student's own, which is nnU-Net's 0.5 unless its bundle says otherwise.
    engine
        Which engine runs the network.
    """

    mirroring: bool = True
    tile_step_size: Optional[float] = None
    engine: EngineName = EngineName.AUTO

    def __post_init__(self) -> None:
        if self.tile_step_size is not None and not 0 < self.tile_step_size <= 1:
            raise ValueError(f"tile_step_size: expected a number above 0 and at most 1, found {self.tile_step_size}")
