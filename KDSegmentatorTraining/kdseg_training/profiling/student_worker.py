"""``python -m kdseg_training.profiling.student_worker SETTINGS.json``: runs a student again and again, as ``kdseg`` does."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional

from kdseg.errors import BundleIntegrityError, BundleModelError
from kdseg.limits import EngineName, Limits, Options
from kdseg.progress import Progress, Stage
from kdseg.worker.windows_libraries import add_openvino_libraries
from kdseg_training.profiling.json_data import from_data, to_data
from kdseg_training.profiling.stage_watch import StageWatch
from kdseg_training.profiling.volumes import read_volume_list, typical_volume
from kdseg_training.profiling.worker_loop import Subject, Tell, serve


@dataclass(frozen=True)
class StudentSettings:
    """Bundle, the JSON file that lists the image files, the label map to write, and how to compute.

    ``sha256`` is that of the bundle as it was described, empty for a process that describes.
    """

    path: str
    volume_list: str
    output: str
    threads: int
    mirroring: bool
    tile_step_size: Optional[float]
    engine: EngineName
    sha256: str = ""

    @property
    def options(self) -> Options:
        """Options of every run."""
        return Options(self.mirroring, self.tile_step_size, self.engine)


class StudentRunner:
    """A :class:`~kdseg_training.profiling.worker_loop.Subject`."""

    def __init__(self, settings: StudentSettings) -> None:
        add_openvino_libraries()
        import onnxruntime  # noqa: F401 – imported before the first run, as a run would have to wait for it
        import scipy.ndimage  # noqa: F401

        import kdseg.io
        import kdseg.pipeline  # noqa: F401

        self._settings = settings

    def describe(self) -> Dict[str, Any]:
        """Return what the bundle says."""
        from kdseg.bundle import load_student
        from kdseg.bundle.onnx_work import count_flops
        from kdseg.job import Job
        from kdseg.student_facts import quality_figure

        student = load_student(self._settings.path)
        job = Job(student, Limits(self._settings.threads), self._settings.options)
        notes = []
        flops: Optional[int] = None
        try:
            flops = count_flops(student.model, len(student.plan.channel_names), student.plan.patch_size)
        except BundleModelError as error:
            notes.append(f"{error.problem} {error.found}")
        quality = quality_figure(student.document)
        return {
            "name": f"{student.name} {student.version}",
            "sha256": student.digest,
            "capacity": str(student.document["capacity"]),
            "size_bytes": Path(self._settings.path).stat().st_size,
            "parameters": int(student.document["parameters"]),
            "patch_size": list(student.plan.patch_size),
            "flops_per_pass": flops,
            "mirroring_axes": list(job.mirroring_axes or ()),
            "sides_exchanged": job.side_exchange is not None,
            "tile_step_size": job.tile_step_size,
            "quality": None if quality is None else {"dice": quality.value, "source": quality.source},
            "channels": len(student.plan.channel_names),
            "typical_volume": to_data(typical_volume(read_plans(self._settings.path))),
            "versions": {},
            "notes": notes,
            "settings": {"sha256": student.digest},
        }

    def run(self, watch: StageWatch, tell: Tell) -> None:
        """Load the bundle, read, segment and write."""
        from kdseg.bundle import load_student
        from kdseg.io import read_volume, write_label_map
        from kdseg.pipeline import segment

        def progress(told: Progress) -> None:
            watch.enter(told.stage.value)
            tell(told.stage, told.fraction)

        settings = self._settings
        paths = read_volume_list(settings.volume_list)
        watch.enter("load")
        student = load_student(settings.path)
        if student.digest != settings.sha256:
            raise BundleIntegrityError("The student was changed while it was profiled.", path=settings.path)
        watch.enter(Stage.READ.value)
        volume = read_volume(paths, strict=False)
        result = segment(volume, student, limits=Limits(settings.threads), options=settings.options, progress=progress)
        watch.enter(Stage.WRITE.value)
        write_label_map(result, settings.output)
        watch.finish(result.report["stages_seconds"])
        engine = result.report["engine"]
        watch.facts.update(
            patches=result.report["settings"]["patches"],
            passes=result.report["settings"]["passes_per_patch"],
            engine=engine["name"],
            engine_details=f"ONNX Runtime {engine['onnxruntime']}, {engine['provider']}",
        )


def read_plans(bundle: str) -> Dict[str, Any]:
    """Return ``plans.json`` of a bundle."""
    from kdseg.bundle.archive import unpack
    from kdseg.bundle.members import MEMBER_LIMITS_BYTES, PLANS
    from kdseg.bundle.reader import read_bundle_bytes
    from kdseg.bundle.strict_json import parse_json_object

    members = unpack(read_bundle_bytes(bundle), MEMBER_LIMITS_BYTES, bundle)
    return parse_json_object(members[PLANS], f"{bundle}:{PLANS}")


def open_student(path: str) -> Subject:
    """Read the settings and return the runner."""
    data = json.loads(Path(path).read_bytes())
    return StudentRunner(from_data(StudentSettings, data, path=path))


if __name__ == "__main__":
    serve(lambda: open_student(sys.argv[1]))
