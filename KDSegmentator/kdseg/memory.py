"""The peak memory of a run, estimated before it, and the plan that keeps it under a ceiling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import numpy as np

from kdseg.errors import MemoryLimitError, PathLike
from kdseg.inference import accumulator, feature_window
from kdseg.inference.head_sum import BLOCK_ELEMENTS
from kdseg.inference.strips import Strip, cut_strips, tiles_computed
from kdseg.inference.tiling import TileGrid, plan_tiles
from kdseg.job import Job
from kdseg.labelling.largest_part import BYTES_PER_VOXEL
from kdseg.labelling.painter import BLOCK_BYTES, bytes_per_voxel
from kdseg.plans.model import ModelPlan, NormalizationScheme
from kdseg.preprocessing.preprocessor import Placement
from kdseg.process_memory import give_memory_back, resident_bytes
from kdseg.student import Student

FULL_RESOLUTION_TENSORS = 7
"""Tensors of the first stage's width that ONNX Runtime holds at once at full resolution, skip and concatenation included."""

HALF_SUM_TENSORS = 3.5
"""Single-precision arrays of one tile and head, or of one block of heads, that adding it to the sums takes in each thread."""

WEIGHT_COPIES = 2.5
"""Copies of the weights while a session is open: the file that was split, ONNX Runtime's, and its packed form."""

ENGINE_BYTES = 120 * 1024**2
"""Code and tables of ONNX Runtime, SciPy and SimpleITK that are not loaded before the first run, in bytes."""


@dataclass(frozen=True)
class Estimate:
    """What a run will need.

    Attributes
    ----------
    peak_bytes
        Estimated peak of the process's resident memory, in bytes.
    parts
        The largest parts with their bytes, for the log.
    tiles
        Patches the network will see, without mirroring.
    passes
        Passes of the network for each patch: 2ᵏ with mirroring over k axes, twice that with the sides exchanged.
    grid, strips
        The tiles and how the grid is cut; one strip unless memory is short.
    keep_features
        Whether the tiles' features are kept rather than the sums of all classes, because they take less memory.
    """

    peak_bytes: int
    parts: Tuple[Tuple[str, int], ...]
    tiles: int
    passes: int
    grid: TileGrid
    strips: Tuple[Strip, ...]
    keep_features: bool = False

    def sentence(self) -> str:
        """Return the estimate for people."""
        strips = f" in {len(self.strips)} strips" if len(self.strips) > 1 else ""
        passes = f" × {self.passes} mirrored passes" if self.passes > 1 else ""
        patches = "1 patch" if self.tiles == 1 else f"{self.tiles} patches"
        return f"{self.peak_bytes / 1024**3:.2f} GiB of memory, {patches}{passes}{strips}"


class Baseline:
    """What a process takes before a run besides the run's data: the same for its first case and its hundredth.

    The first run loads code and tables that stay, for which :data:`ENGINE_BYTES` are set aside in every estimate, and leaves
    freed memory that the allocator may keep. What is measured before a later run counts both, and must not be added to them.
    """

    def __init__(self) -> None:
        self._own: Optional[int] = None

    def before_run(self, data_bytes: int) -> int:
        """Return the bytes that the process holds now, but for what an earlier run left for the next one to use.

        Parameters
        ----------
        data_bytes
            Size of the voxels and of the student, which are loaded already.
        """
        give_memory_back()
        now = resident_bytes()
        own = max(0, now - data_bytes)
        self._own = own if self._own is None else min(self._own, own)
        return max(self._own + data_bytes, now - ENGINE_BYTES)


def plan_run(job: Job, placement: Placement, *, loaded_bytes: int, path: Optional[PathLike] = None) -> Estimate:
    """Find the fastest plan under the ceiling.

    Parameters
    ----------
    job, placement
        What is run on which grid.
    loaded_bytes
        Memory of the process before the run, with the volume loaded; see :class:`Baseline`.
    path
        The volume, for the message.

    Raises
    ------
    BundleModelError
        If the ONNX file is damaged.
    MemoryLimitError
        If even the leanest plan is above the ceiling.
    """
    grid = plan_tiles(placement.network_shape, job.student.plan.patch_size, job.tile_step_size)
    ceiling = job.limits.memory_bytes
    smallest = 0
    for count in range(1, len(grid.starts[1]) + 1):
        estimate = _estimate(job, placement, grid, cut_strips(grid, count), loaded_bytes)
        if ceiling is None or estimate.peak_bytes <= ceiling:
            return estimate
        smallest = min(smallest or estimate.peak_bytes, estimate.peak_bytes)
    raise MemoryLimitError(
        "The run needs more memory than it may use.",
        estimate_bytes=smallest,
        limit_bytes=ceiling or 0,
        path=path,
        remedy="Raise the ceiling, crop the volume, or choose a smaller student.",
    )


def _estimate(job: Job, placement: Placement, grid: TileGrid, strips: List[Strip], before: int) -> Estimate:
    student = job.student
    passes = job.passes.count
    labels = math.prod(placement.shape_before_cropping) * np.dtype(student.plan.labels.dtype).itemsize
    preprocessing = _preprocessing_bytes(student.plan, placement)
    activations = _single(FULL_RESOLUTION_TENSORS * student.plan.features_per_stage[0] * math.prod(grid.tile))
    sums, features = _window_bytes(job, grid, strips)
    deciding = _block_bytes(job, placement, grid, strips)
    kept = {
        "image": _image_bytes(student, grid),
        "labels": labels,
        "weights and output": _kept_network_bytes(job, grid),
        "sums": int(min(sums, features)),
    }
    running = sum(kept.values()) + max(activations, deciding)  # a patch's tensors are free before labels are decided
    parting = BYTES_PER_VOXEL * math.prod(placement.cropped_shape) if student.keep_largest_part else 0
    islands = kept["image"] + labels + kept["weights and output"] + parting
    parts = {
        "before the run": before,
        "preprocessing": preprocessing,
        **kept,
        "one patch": activations,
        "deciding labels": deciding,
        "finding islands": parting,
    }
    return Estimate(
        peak_bytes=before + ENGINE_BYTES + max(preprocessing, running, islands, 2 * labels),
        parts=tuple(parts.items()),
        tiles=tiles_computed(grid, strips),
        passes=passes,
        grid=grid,
        strips=tuple(strips),
        keep_features=features < sums,
    )


def _single(elements: float) -> int:
    return int(elements * 4)


def _image_bytes(student: Student, grid: TileGrid) -> int:
    padded = math.prod(grid.padded_shape) if grid.padded_shape != grid.image_shape else 0
    return _single(len(student.plan.channel_names) * (math.prod(grid.image_shape) + padded))


def _preprocessing_bytes(plan: ModelPlan, placement: Placement) -> int:
    channels, voxels = len(plan.channel_names), math.prod(placement.shape_before_cropping)
    network_voxels = math.prod(placement.network_shape)
    temporary = 0
    if any(n.scheme is NormalizationScheme.Z_SCORE for n in plan.normalization):
        temporary = 2 * voxels * 4
    if placement.network_shape != placement.cropped_shape:
        in_plane = placement.cropped_shape[0] * math.prod(placement.network_shape[1:])
        temporary = max(temporary, in_plane * 8)
    return _single(channels * (voxels + network_voxels)) + temporary


def _kept_network_bytes(job: Job, grid: TileGrid) -> int:
    output = _single(job.network.channels * math.prod(grid.tile) * job.passes.arrays_held)
    return output + int(WEIGHT_COPIES * len(job.network.model))


def _window_bytes(job: Job, grid: TileGrid, strips: Sequence[Strip]) -> Tuple[int, float]:
    """Return the memory of a window that keeps sums and of one that keeps features, infinite where it cannot be had."""
    heads = job.student.plan.labels.heads
    edges = 2 * (heads + 1) * grid.padded_shape[2] * (max(s.rows for s in strips) + grid.padded_shape[0] * 2)
    sums = accumulator.window_bytes(grid, strips, heads) + edges
    if job.network.last_layer is None:
        return sums, math.inf
    return sums, feature_window.window_bytes(grid, strips, job.network.channels, heads) + edges


def _block_bytes(job: Job, placement: Placement, grid: TileGrid, strips: Sequence[Strip]) -> int:
    plane = max(s.rows for s in strips) * placement.network_shape[2]
    growth = math.prod(placement.cropped_shape) / math.prod(placement.network_shape)
    two_planes = 2 * plane * bytes_per_voxel(job.student.plan.labels.heads, growth)
    weighted = _single(HALF_SUM_TENSORS * (math.prod(grid.tile) if job.network.last_layer is None else BLOCK_ELEMENTS))
    return int(job.limits.threads * max(BLOCK_BYTES, two_planes, weighted))
