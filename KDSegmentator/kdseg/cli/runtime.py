"""What the commands need of the runtime, as one object: loaded only when a command runs, and replaceable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple

from kdseg.errors import SelfTestError

if TYPE_CHECKING:
    from kdseg.io import VolumeInput
    from kdseg.limits import EngineName, Limits, Options
    from kdseg.progress import CancelCallback, ProgressCallback
    from kdseg.segmentation import Segmentation
    from kdseg.student import Student
    from kdseg.volume import Volume


class Runtime:
    """The steps of a run; every import happens when it is needed."""

    def load_student(self, path: Path) -> Student:
        """Read and check a bundle; see :func:`kdseg.bundle.load_student`."""
        from kdseg.bundle import load_student

        return load_student(path)

    def read_volume(self, paths: Sequence[Path], memory_bytes: Optional[int]) -> VolumeInput:
        """Read one file for each channel, or one DICOM folder, strictly; see :func:`kdseg.io.read_volume_input`."""
        from kdseg.io import read_volume_input

        return read_volume_input(list(paths), memory_bytes=memory_bytes)

    def estimate(self, volume: Volume, student: Student, limits: Limits, options: Options) -> Any:
        """Estimate the memory of a run; see :func:`kdseg.pipeline.estimate`."""
        from kdseg.pipeline import estimate

        return estimate(volume, student, limits=limits, options=options)

    def doubts(self, volume: Volume, student: Student) -> Tuple[str, ...]:
        """Say what of a volume does not fit the student; see :func:`kdseg.plausibility.doubts`."""
        from kdseg.plausibility import doubts

        return doubts(volume, student)

    def segment(
        self,
        volume: Volume,
        student: Student,
        *,
        limits: Limits,
        options: Options,
        progress: Optional[ProgressCallback],
        cancel: Optional[CancelCallback],
    ) -> Segmentation:
        """Segment a volume; see :func:`kdseg.pipeline.segment`."""
        from kdseg.pipeline import segment

        return segment(volume, student, limits=limits, options=options, progress=progress, cancel=cancel)

    def write(self, segmentation: Segmentation, path: Path) -> None:
        """Write ``.seg.nrrd`` with names, colours and terminology, anything else as a plain label map."""
        from kdseg.io import write_label_map, write_seg_nrrd

        if path.name.lower().endswith(".seg.nrrd"):
            write_seg_nrrd(segmentation, path)
        else:
            write_label_map(segmentation, path)

    def card(self, student: Student) -> List[Tuple[str, str]]:
        """Describe a student; see :func:`kdseg.bundle.card`."""
        from kdseg.bundle import card

        return card(student)

    def self_test(self, student: Student, *, threads: int, engine: EngineName) -> Any:
        """Run a bundle's self-test on this computer, with the network as a run uses it.

        See :func:`kdseg.bundle.selftest.run_self_test`.
        """
        from kdseg.bundle.selftest import run_self_test
        from kdseg.inference.engine import open_engine
        from kdseg.network import LogitsEngine, network_of

        if student.self_test is None:
            raise SelfTestError("The student has no self-test.", path=student.source, remedy="Use a student from a bundle.")
        network = network_of(student)
        opened = open_engine(network.model, student.self_test.spatial_shape, threads=threads, name=engine)
        return run_self_test(student, LogitsEngine(opened, network))
