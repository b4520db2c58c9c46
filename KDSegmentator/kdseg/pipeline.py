"""Segment a volume with a student: the one function behind the panel, the console, the command line and the benchmarks."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, Optional

import numpy as np
import numpy.typing as npt

from kdseg._version import __version__
from kdseg.inference.engine import Engine, EngineInfo, open_engine
from kdseg.inference.sliding_window import SlidingWindow
from kdseg.inference.windows import Windows
from kdseg.job import Job
from kdseg.labelling.axes import axis_maps
from kdseg.labelling.largest_part import keep_largest_part
from kdseg.labelling.painter import LabelPainter
from kdseg.labelling.rules import label_rule
from kdseg.limits import Limits, Options
from kdseg.memory import Baseline, Estimate, plan_run
from kdseg.preprocessing.preprocessor import Placement, place, preprocess
from kdseg.progress import CancelCallback, Monitor, ProgressCallback, Stage
from kdseg.segmentation import Segmentation
from kdseg.student import Student
from kdseg.volume import Volume

_BASELINE = Baseline()


def segment(
    volume: Volume,
    student: Student,
    *,
    limits: Optional[Limits] = None,
    options: Optional[Options] = None,
    progress: Optional[ProgressCallback] = None,
    cancel: Optional[CancelCallback] = None,
) -> Segmentation:
    """Segment a volume exactly as stock nnU-Net v2 would with the same network.

    But for students whose bundle has left and right exchanged or islands removed (``docs/bundle.md``), which nnU-Net does not.

    Parameters
    ----------
    volume
        Voxels of shape (channel, z, y, x) with their geometry; not changed.
    student
        From :func:`kdseg.bundle.load_student`.
    limits
        Threads and memory ceiling; by default all available CPUs and no ceiling.
    options
        Mirroring, tile step and engine; by default what ``nnUNetv2_predict`` does.
    progress
        Told of every patch and stage.
    cancel
        Asked before every pass of the network and before every slab of sums; True ends the run.

    Returns
    -------
    Segmentation
        Labels of shape (z, y, x) on the grid of the volume, and the report.

    Raises
    ------
    InputError
        If the volume does not fit the student.
    BundleModelError
        If the ONNX file is damaged.
    MemoryLimitError
        If the estimate is above the ceiling.
    EngineError
        If the engine is missing or fails.
    Cancelled
        If ``cancel`` returned True.
    """
    job = Job(student, limits or Limits(), options or Options())
    monitor = Monitor(progress, cancel)
    began = time.perf_counter()
    monitor.report(Stage.PREPROCESS, 0.0)
    placement = place(volume, student.plan)
    planned = _plan(volume, job, placement)
    image = preprocess(volume, student.plan, placement, lambda share: monitor.report(Stage.PREPROCESS, share))
    monitor.add_seconds(Stage.PREPROCESS, time.perf_counter() - began)
    monitor.report(Stage.NETWORK, 0.0)
    engine = _open(job, planned, monitor)
    labels = _predict(image, placement, job, engine, planned, monitor)
    removed = _removed(labels, student, monitor)
    result = np.ascontiguousarray(placement.to_volume_axes(labels))
    segmentation = Segmentation(result, volume.geometry, student.entries)
    segmentation.report.update(_report(volume, job, placement, planned, engine.info))
    segmentation.report["removed_ml"] = round(removed * volume.geometry.voxel_volume_ml, 4)
    segmentation.report["stages_seconds"] = {stage.value: round(s, 4) for stage, s in monitor.seconds.items()}
    segmentation.report["volumes_ml"] = segmentation.volumes_ml()
    return segmentation


def estimate(
    volume: Volume, student: Student, *, limits: Optional[Limits] = None, options: Optional[Options] = None
) -> Estimate:
    """Estimate memory and work of :func:`segment`, with the volume loaded.

    Raises
    ------
    ChannelError
        If the number of channels does not fit.
    BundleModelError
        If the ONNX file is damaged.
    MemoryLimitError
        If even the leanest plan is above the ceiling.
    """
    return _plan(volume, Job(student, limits or Limits(), options or Options()), place(volume, student.plan))


def _plan(volume: Volume, job: Job, placement: Placement) -> Estimate:
    before = _BASELINE.before_run(volume.voxels.nbytes + len(job.student.model))
    return plan_run(job, placement, loaded_bytes=before, path=volume.source)


def _open(job: Job, planned: Estimate, monitor: Monitor) -> Engine:
    began = time.perf_counter()
    tile = planned.grid.tile
    spatial = tile[1:] if job.student.plan.is_2d else tile
    engine = open_engine(job.network.model, spatial, threads=job.limits.threads, name=job.options.engine)
    monitor.add_seconds(Stage.NETWORK, time.perf_counter() - began)
    return engine


def _predict(  # noqa: PLR0917 - the parts of one run, used once
    image: npt.NDArray[np.float32],
    placement: Placement,
    job: Job,
    engine: Engine,
    planned: Estimate,
    monitor: Monitor,
) -> npt.NDArray[Any]:
    """Return labels in the network's axes on the whole grid."""
    plan = job.student.plan
    labels = np.zeros(placement.shape_before_cropping, dtype=plan.labels.dtype)
    maps = axis_maps(
        placement.network_shape,
        placement.cropped_shape,
        placement.network_spacing_mm,
        placement.spacing_mm,
        plan.logits_resampling,
    )
    with ThreadPoolExecutor(job.limits.threads) as pool:
        painter = LabelPainter(labels[placement.box], maps, label_rule(plan.labels), pool, monitor)
        window = SlidingWindow(
            engine,
            planned.grid,
            planned.strips,
            windows=Windows(plan.labels.heads, job.network.last_layer, planned.keep_features, pool),
            passes=job.passes,
            two_dimensional=plan.is_2d,
            monitor=monitor,
        )
        for slab in window.slabs(image):
            painter.add(slab)
            del slab  # its arrays belong to a strip, which must be free before the next one begins
    return labels


def _removed(labels: npt.NDArray[Any], student: Student, monitor: Monitor) -> int:
    """Remove the islands, if the student asks for it; return their voxels."""
    if not student.keep_largest_part:
        return 0
    monitor.report(Stage.NETWORK, 1.0)  # the last chance to cancel
    began = time.perf_counter()
    removed = keep_largest_part(labels)
    monitor.add_seconds(Stage.LABELS, time.perf_counter() - began)
    return removed


def _report(volume: Volume, job: Job, placement: Placement, planned: Estimate, engine: EngineInfo) -> Dict[str, Any]:
    """Return what was run and how, as plain data."""
    student, geometry = job.student, volume.geometry
    return {
        "kdseg": __version__,
        "input": {"source": volume.source, "shape_zyx": list(geometry.shape), "spacing_mm": list(geometry.spacing_mm)},
        "student": {
            "name": student.name,
            "version": student.version,
            "source": student.source,
            "model_sha256": student.model_sha256,
        },
        "engine": {
            "name": engine.name.value,
            "provider": engine.provider,
            "onnxruntime": engine.version,
            "threads": engine.threads,
            "reason": engine.reason,
        },
        "settings": {
            "mirroring_axes": list(job.mirroring_axes or ()),
            "sides_exchanged": job.side_exchange is not None,
            "tile_step_size": job.tile_step_size,
            "network_shape": list(placement.network_shape),
            "network_spacing_mm": list(placement.network_spacing_mm),
            "patches": planned.tiles,
            "passes_per_patch": planned.passes,
            "strips": len(planned.strips),
        },
        "memory": {"estimate_bytes": planned.peak_bytes, "ceiling_bytes": job.limits.memory_bytes},
    }
