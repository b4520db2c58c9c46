"""Memory and time of a run, before it: from its plan and from what earlier runs on this computer took. Nothing is invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, Sequence, Tuple

from kdseg.errors import MemoryLimitError
from kdseg.limits import EngineName, Limits, Options
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.packages.inventory import installed_distributions, onnxruntime_variants
from KDSegmentatorLib.profiles import ProfileBook
from KDSegmentatorLib.rates import RateBook, RunSize, expected_seconds
from KDSegmentatorLib.students import InstalledStudent

if TYPE_CHECKING:
    from kdseg.geometry import Geometry
    from kdseg.volume import Volume

CHILD_BYTES = 155 * 1024**2
"""Memory of the child with its libraries and a student, before a volume is read; measured with Python 3.9 and 3.11."""


@dataclass(frozen=True)
class RunEstimate:
    """What a run is expected to need.

    Attributes
    ----------
    peak_bytes
        Peak memory of the child; where it does not fit, of the leanest plan.
    fits
        Whether that is below the ceiling.
    tiles, passes, strips
        Patches, passes of the network for each, and into how many strips the volume is cut; 0 where it does not fit.
    seconds
        Expected duration; None while this computer has not run this student.
    latency
        For people: what the student's bundle says about its speed elsewhere; empty if it says nothing.
    seconds_source
        For people: where that comes from, this computer's runs or a profile made on it; empty where it is not known.
    """

    peak_bytes: int
    fits: bool
    tiles: int = 0
    passes: int = 0
    strips: int = 0
    seconds: Optional[float] = None
    latency: str = ""
    seconds_source: str = ""


def estimate_run(
    student: InstalledStudent,
    geometry: Geometry,
    *,
    limits: Optional[Limits] = None,
    options: Optional[Options] = None,
    voxels: Optional[Any] = None,
    voxel_bytes: int = 2,
    rates: Optional[RateBook] = None,
    profiles: Optional[ProfileBook] = None,
) -> RunEstimate:
    """Estimate without running the network.

    Parameters
    ----------
    student, limits, options
        As for the run.
    geometry
        The grid of the volume.
    voxels
        Array of shape (channel, z, y, x). With it the estimate is for the box that is not zero, as in the run; without it for
        the whole grid, which is never less.
    voxel_bytes
        Size of a voxel as it is read, in bytes; taken from ``voxels`` if they are given.
    rates
        What earlier runs took; None if nothing is remembered.
    profiles
        Profiles made on this computer: what is asked where no earlier run is remembered; None for none.

    Raises
    ------
    ChannelError, GeometryError
        If ``voxels`` do not fit the student or the geometry.
    """
    from kdseg.memory import plan_run
    from kdseg.preprocessing.preprocessor import place

    limits, options = limits or Limits(), options or Options()
    volume = _volume(student, geometry, voxels)
    read_bytes = volume.voxels.size * (voxel_bytes if voxels is None else volume.voxels.dtype.itemsize)
    latency = latency_sentence(student)
    placement = place(volume, student.plan)
    try:
        plan = plan_run(_job(student, limits, options), placement, loaded_bytes=CHILD_BYTES + read_bytes)
    except MemoryLimitError as error:
        return RunEstimate(error.estimate_bytes, fits=False, latency=latency)
    size = RunSize(plan.tiles * plan.passes, volume.voxels.size)
    engine = engine_that_runs(options.engine)
    seconds, source = _expected(rates, profiles, (student.sha256, engine, limits.threads), size)
    return RunEstimate(plan.peak_bytes, True, plan.tiles, plan.passes, len(plan.strips), seconds, latency, source)


def _expected(
    rates: Optional[RateBook], profiles: Optional[ProfileBook], how: Tuple[str, EngineName, int], size: RunSize
) -> Tuple[Optional[float], str]:
    """Return the expected seconds and their source: earlier runs come before a profile. ``how``: digest, engine, threads."""
    seconds = None if rates is None else rates.seconds(*how, size)
    if seconds is not None:
        return seconds, _("from earlier runs on this computer")
    profiled = None if profiles is None else profiles.find(*how)
    if profiled is None:
        return None, ""
    source = _("from a profile made on this computer on {date}").format(date=profiled.date)
    return expected_seconds(profiled.rates, size), source


def engine_that_runs(requested: EngineName, variants: Optional[Sequence[str]] = None) -> EngineName:
    """Return the engine that ``auto`` means with the installed variant of ONNX Runtime; any other is itself."""
    if requested is not EngineName.AUTO:
        return requested
    installed = onnxruntime_variants(installed_distributions()) if variants is None else variants
    return EngineName.OPENVINO if "onnxruntime-openvino" in installed else EngineName.CPU


def latency_sentence(student: InstalledStudent) -> str:
    """Return what the bundle says about speed: measured on its author's computer, for its author's task."""
    measured = student.document.get("latency") or []
    return "; ".join(
        _("{seconds:.3g} s for {task} on {hardware} ({engine}, {threads} threads)").format(
            seconds=entry["median_s"],
            task=entry["task"],
            hardware=entry["hardware"],
            engine=entry["engine"],
            threads=entry["threads"],
        )
        for entry in measured
    )


def _job(student: InstalledStudent, limits: Limits, options: Options) -> Any:
    from kdseg.job import Job
    from kdseg.network import expected_network
    from kdseg.student import Student

    stand_in = Student(
        name=student.name,
        version=student.version,
        plan=student.plan,
        model=bytes(student.model_bytes),  # only its size matters here
        model_sha256="",
        mirroring_axes=student.mirroring_axes,
        entries=student.entries,
        document=dict(student.document),
        side_exchange=student.side_exchange,
        keep_largest_part=student.keep_largest_part,
    )
    return Job(stand_in, limits, options, expected_network(stand_in))


def _volume(student: InstalledStudent, geometry: Geometry, voxels: Optional[Any]) -> Volume:
    import numpy as np

    from kdseg.volume import Volume

    if voxels is None:  # one number seen as a whole grid
        voxels = np.broadcast_to(np.ones(1, dtype=np.uint8), (len(student.plan.channel_names), *geometry.shape))
    return Volume(voxels, geometry, source=student.name)
