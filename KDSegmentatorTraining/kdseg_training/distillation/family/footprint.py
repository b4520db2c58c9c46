"""What a student will need on a workstation: memory, estimated, and time, measured on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Mapping, Optional

import numpy as np

from kdseg.job import Job
from kdseg.limits import EngineName, Limits, Options
from kdseg.memory import Estimate, plan_run
from kdseg.network import expected_network
from kdseg.pipeline import segment
from kdseg.plans.model import ModelPlan
from kdseg.plans.parser import parse_model_plan
from kdseg.preprocessing.preprocessor import place
from kdseg.student import Student
from kdseg.volume import Volume
from kdseg_training.distillation.family.architecture import with_architectures
from kdseg_training.distillation.family.parameters import channels_and_heads, count_parameters, planned_network
from kdseg_training.distillation.family.workload import Workload
from kdseg_training.export.architecture import axis_strides
from kdseg_training.export.onnx_model import export_onnx
from kdseg_training.export.sample_image import sample_image, self_test_shape
from kdseg_training.export.terminology import neutral_entries

PROCESS_BYTES = 64 * 1024**2
"""Resident memory of the process of ``kdseg segment`` before it reads a volume, measured on Linux, in bytes."""

_BYTES_PER_PARAMETER = 4
_SEED = 0


@dataclass(frozen=True)
class Latency:
    """Time for one volume.

    Attributes
    ----------
    seconds
        Wall-clock time of :func:`kdseg.pipeline.segment` once: preprocessing, opening the engine, the network and labelling,
        but no reading or writing of files. Measured on this machine, as loaded as it was, with a network whose weights are
        random: its speed is that of a trained one, while its ragged labels take longer to decide.
    patches, passes
        Patches, and mirrored passes for each.
    threads
        CPU threads.
    """

    seconds: float
    patches: int
    passes: int
    threads: int


def estimate_memory(
    plans: Mapping[str, Any],
    configuration: str,
    dataset: Mapping[str, Any],
    workload: Workload,
    *,
    ceiling_bytes: Optional[int] = None,
) -> Estimate:
    """Estimate the peak memory of ``kdseg segment`` (:mod:`kdseg.memory`); no network is built.

    Parameters
    ----------
    plans, configuration, dataset
        Of the student.
    workload
        The volume, taken as float32 without a border of zeros.
    ceiling_bytes
        The run is cut into strips until it stays under this; None: the fastest plan.

    Raises
    ------
    MemoryLimitError
        If even the leanest plan is above the ceiling.
    UnsupportedModelError
        If ``kdseg`` cannot run such a model, for example a cascade.
    """
    modern = with_architectures(plans)
    plan = parse_model_plan(modern, dataset, configuration)
    channels, heads = channels_and_heads(modern, configuration, dataset)
    parameters = count_parameters(modern, configuration, channels, heads)
    voxels = np.broadcast_to(np.float32(1), (channels, *workload.shape))
    student = _student(plan, bytes(_BYTES_PER_PARAMETER * parameters), workload)
    job = Job(student, Limits(workload.threads, ceiling_bytes), expected_network=expected_network(student))
    placement = place(Volume(voxels, workload.geometry), plan)
    return plan_run(job, placement, loaded_bytes=PROCESS_BYTES + voxels.size * _BYTES_PER_PARAMETER)


def measure_latency(
    plans: Mapping[str, Any],
    configuration: str,
    dataset: Mapping[str, Any],
    workload: Workload,
    *,
    engine: EngineName = EngineName.CPU,
) -> Latency:
    """Build the network with random weights, export it to ONNX, and segment one synthetic volume with ``kdseg``.

    Raises
    ------
    UnsupportedModelError
        If ``kdseg`` cannot run such a model, for example a cascade.
    EngineError
        If the engine is missing or fails.
    """
    import torch

    modern = with_architectures(plans)
    plan = parse_model_plan(modern, dataset, configuration)
    channels, heads = channels_and_heads(modern, configuration, dataset)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        network = planned_network(modern, configuration, channels, heads)
    model = export_onnx(network, channels, heads, self_test_shape(axis_strides(modern, plan)))
    del network
    volume = Volume(sample_image(channels, workload.shape, _SEED), workload.geometry)
    limits, options = Limits(workload.threads), Options(workload.mirroring, engine=engine)
    began = time.perf_counter()
    result = segment(volume, _student(plan, model, workload), limits=limits, options=options)
    seconds = time.perf_counter() - began
    settings = result.report["settings"]
    return Latency(seconds, int(settings["patches"]), int(settings["passes_per_patch"]), workload.threads)


def _student(plan: ModelPlan, model: bytes, workload: Workload) -> Student:
    return Student(
        name="candidate",
        version="0.0.0",
        plan=plan,
        model=model,
        model_sha256="",
        mirroring_axes=tuple(range(len(plan.patch_size))) if workload.mirroring else None,
        entries=neutral_entries(plan.labels),
    )
