"""One request from its files to its result."""

from __future__ import annotations

import hashlib
import time
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from kdseg.errors import BundleError, BundleIntegrityError, Cancelled, OutputError
from kdseg.progress import CancelCallback, Progress, Stage
from kdseg.segmentation import Segmentation
from kdseg.student import Student
from kdseg.worker.channel import Channel
from kdseg.worker.messages import DoneMessage, DoubtMessage, EstimateMessage, LogMessage, ProgressMessage
from kdseg.worker.overall import Overall
from kdseg.worker.request import JobRequest

INTERVAL_S = 0.1
"""Progress is told at most this often, except for the first and the last message of a stage."""


class JobRunner:
    """Carries out one request.

    Parameters
    ----------
    request
        What to do.
    channel
        Where to tell of it.
    cancel
        Asked between stages and before every pass of the network.
    commit
        Asked once, before anything is written; False means that the process is being ended. After True it is not ended before
        :meth:`run` returned.
    """

    def __init__(
        self, request: JobRequest, channel: Channel, cancel: CancelCallback, commit: Callable[[], bool] = lambda: True
    ) -> None:
        self._request, self._channel, self._commit = request, channel, commit
        self._cancel: CancelCallback = lambda: cancel() or channel.broken
        self._overall = Overall()
        self._told: Tuple[Optional[Stage], float] = (None, 0.0)
        self._seconds: Dict[str, float] = {}

    def run(self) -> DoneMessage:
        """Return the last message; the result is written then.

        Raises
        ------
        KDSegError
            If a step fails or the run is cancelled; there is no result then.
        """
        student = load_requested_student(self._request)  # before anything heavy is loaded
        from kdseg.hardware import describe_hardware
        from kdseg.io import read_volume_input
        from kdseg.pipeline import segment
        from kdseg.plausibility import doubts

        request, usable = self._request, describe_hardware().usable_bytes
        with self._stage(Stage.READ):
            read = read_volume_input(request.volume_paths, memory_bytes=request.memory_bytes or usable)
        for finding in read.findings:
            self._channel.send(LogMessage(f"{finding.path}: {finding.message}"))
        sentences = doubts(read.volume, student)
        for sentence in sentences:
            self._channel.send(DoubtMessage(sentence))
        self._tell_estimate(read.volume, student, usable)
        if request.estimate_only:
            return DoneMessage(None, None, {})
        segmentation = segment(
            read.volume,
            student,
            limits=request.limits,
            options=request.options,
            progress=self._progress,
            cancel=self._cancel,
        )
        segmentation = keep_structures(segmentation, request.structures)
        segmentation.report["doubts"] = list(sentences)
        with self._stage(Stage.WRITE):
            if not self._commit():
                raise _cancelled()
            digest, size = self._write(segmentation)
        return DoneMessage(str(request.output_path), digest, self._report(segmentation, read, student, digest, size))

    def _tell_estimate(self, volume: Any, student: Student, usable: Optional[int]) -> None:
        from kdseg.pipeline import estimate

        planned = estimate(volume, student, limits=self._request.limits, options=self._request.options)
        message = EstimateMessage(planned.peak_bytes, usable, planned.tiles, planned.passes, planned.sentence())
        self._channel.send(message)

    @contextmanager
    def _stage(self, stage: Stage) -> Iterator[None]:
        if self._cancel():
            raise _cancelled()
        self._progress(Progress(stage, 0.0))
        began = time.perf_counter()
        yield
        self._seconds[stage.value] = round(time.perf_counter() - began, 4)
        self._progress(Progress(stage, 1.0, 0.0))

    def _progress(self, progress: Progress) -> None:
        now = time.monotonic()
        overall, left = self._overall.update(progress.stage, progress.fraction, now)
        stage, told_at = self._told
        if progress.stage is stage and progress.fraction < 1 and now - told_at < INTERVAL_S:
            return
        self._told = (progress.stage, now)
        seconds_left = None if left is None else round(left, 2)
        fraction = round(progress.fraction, 4)
        self._channel.send(ProgressMessage(progress.stage.value, fraction, round(overall, 4), seconds_left))

    def _write(self, segmentation: Segmentation) -> Tuple[str, int]:
        """Write the label map and return the digest and size of the file as it lies there."""
        from kdseg.io import write_label_map

        target = self._request.output_path
        write_label_map(segmentation, target)
        try:
            content = target.read_bytes()
        except OSError as error:
            raise OutputError("The result is gone.", found=error.strerror or str(error), path=target) from error
        return hashlib.sha256(content).hexdigest(), len(content)

    def _report(self, segmentation: Segmentation, read: Any, student: Student, digest: str, size: int) -> Dict[str, Any]:
        from kdseg.report import FileRecord, RunFiles, build_report

        request = self._request
        segmentation.report["stages_seconds"] = _in_order({**self._seconds, **segmentation.report["stages_seconds"]})
        inputs = tuple(FileRecord(**asdict(source)) for source in read.sources)
        outputs = (FileRecord(str(request.output_path), digest, size),)
        asked = {
            "student_sha256": student.digest,
            "mirroring": segmentation.report["settings"]["passes_per_patch"] > 1,
            "tile_step_size": segmentation.report["settings"]["tile_step_size"],
            "structures": None if request.structures is None else list(request.structures),
        }
        return build_report(segmentation, files=RunFiles(inputs, outputs, read.findings), request=asked)


def load_requested_student(request: JobRequest) -> Student:
    """Return the student, if the bundle is still the file that was asked for and has the structures.

    Raises
    ------
    BundleError
        If it is not usable, was changed, or lacks a structure.
    """
    from kdseg.bundle import load_student

    student = load_student(request.student_path)
    if student.digest != request.student_sha256:
        raise BundleIntegrityError(
            "The student was changed after it was chosen.",
            expected=f"SHA-256 {request.student_sha256}",
            found=student.digest,
            path=request.student_path,
            remedy="Choose the student again.",
        )
    values = [entry.value for entry in student.entries]
    unknown = [value for value in request.structures or () if value not in values]
    if unknown:
        raise BundleError(
            "The student does not have these structures.",
            expected=f"values among {', '.join(map(str, values))}",
            found=", ".join(map(str, unknown)),
            path=request.student_path,
            remedy="Choose structures of this student.",
        )
    return student


def keep_structures(segmentation: Segmentation, structures: Optional[Tuple[int, ...]]) -> Segmentation:
    """Return the segmentation with only the labels in ``structures``; the others become background. None keeps all."""
    import numpy as np

    if structures is None:
        return segmentation
    kept = np.zeros(np.iinfo(segmentation.labels.dtype).max + 1, dtype=segmentation.labels.dtype)
    kept[list(structures)] = structures
    entries = tuple(entry for entry in segmentation.entries if entry.value in structures)
    return replace(segmentation, labels=np.take(kept, segmentation.labels), entries=entries)


def _in_order(seconds: Dict[str, float]) -> Dict[str, float]:
    return {stage.value: seconds[stage.value] for stage in Stage if stage.value in seconds}


def _cancelled() -> Cancelled:
    return Cancelled("The run was cancelled.", remedy="Nothing was written; start it again when you like.")
