"""One case from its files to its results: read, estimate, segment, write."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Tuple

from kdseg.cli.cases import Plan
from kdseg.cli.console import Console, format_bytes, format_seconds
from kdseg.cli.done import remove_earlier
from kdseg.cli.runtime import Runtime
from kdseg.errors import Cancelled
from kdseg.hardware import describe_hardware
from kdseg.io.findings import Finding
from kdseg.limits import Limits, Options
from kdseg.progress import CancelCallback, Progress, Stage
from kdseg.report import FileRecord, RunFiles, fingerprint, write_report
from kdseg.segmentation import Segmentation
from kdseg.student import Student
from kdseg.volume import Volume


@dataclass(frozen=True)
class CaseResult:
    """What a case gave: volumes by structure, the report, its wall-clock time in seconds, and what is doubtful about it.

    ``warned`` is what people were warned of before the computation, as it could not wait for the result.
    """

    volumes_ml: Dict[str, float]
    report: Dict[str, Any]
    seconds: float
    doubts: Tuple[str, ...] = ()
    warned: Tuple[str, ...] = ()

    @property
    def warnings(self) -> Tuple[str, ...]:
        """Everything that a program is told with the result, and that is counted."""
        return (*self.warned, *self.doubts)


@dataclass(frozen=True)
class CaseRunner:
    """Runs cases with one student.

    Attributes
    ----------
    runtime
        The steps.
    student, limits, options
        With what, and how.
    request
        What decides the labels, for the report.
    command
        The command line, for the report.
    console
        Where progress goes.
    """

    runtime: Runtime
    student: Student
    limits: Limits
    options: Options
    request: Mapping[str, Any]
    command: Sequence[str]
    console: Console

    def run(self, plan: Plan, cancel: CancelCallback) -> CaseResult:
        """Run one case; results appear only when all of the computation is done.

        Raises
        ------
        KDSegError
            If a step fails or the user cancels; no result was written then, unless writing itself failed midway.
        """
        began = time.perf_counter()
        seconds: Dict[str, float] = {}
        with self._stage(Stage.READ, seconds, cancel):
            read = self.runtime.read_volume(plan.case.paths, self._reading_bytes())
        volume = read.volume
        doubts = self.runtime.doubts(volume, self.student)
        findings = (*read.findings, *(Finding(str(plan.case.paths[0]), doubt) for doubt in doubts))
        self._show_findings(findings)
        warned = self._show_estimate(volume, str(plan.case.paths[0]))
        segmentation = self.runtime.segment(
            volume,
            self.student,
            limits=self.limits,
            options=self.options,
            progress=self.console.progress,
            cancel=cancel,
        )
        with self._stage(Stage.WRITE, seconds, cancel):
            for path in plan.outputs:
                self.runtime.write(segmentation, path)
        stages = {**seconds, **segmentation.report.get("stages_seconds", {})}
        order = [stage.value for stage in Stage]
        segmentation.report["stages_seconds"] = {
            k: stages[k] for k in sorted(stages, key=lambda k: order.index(k) if k in order else len(order))
        }
        for path in remove_earlier(plan):
            self.console.say(f"  removed {path}, which told of the result that was replaced")
        if plan.picture is not None:
            self._write_picture(volume, segmentation, plan)
        if plan.report is not None:
            written = (*plan.outputs, *([] if plan.picture is None else [plan.picture]))
            inputs = tuple(FileRecord(**asdict(source)) for source in read.sources)
            files = RunFiles(inputs, tuple(fingerprint(path) for path in written), findings)
            write_report(segmentation, plan.report, files=files, command=self.command, request=self.request)
        seconds_in_all = time.perf_counter() - began
        return CaseResult(segmentation.volumes_ml(), segmentation.report, seconds_in_all, tuple(doubts), warned)

    @contextmanager
    def _stage(self, stage: Stage, seconds: Dict[str, float], cancel: CancelCallback) -> Iterator[None]:
        if cancel():
            raise Cancelled("The run was cancelled.", remedy="Nothing was written; start it again when you like.")
        self.console.progress(Progress(stage, 0.0))
        began = time.perf_counter()
        yield
        seconds[stage.value] = round(time.perf_counter() - began, 4)
        self.console.progress(Progress(stage, 1.0, 0.0))

    def _reading_bytes(self) -> Optional[int]:
        """Return what the voxels may take: no more than the ceiling, or without one than this computer has."""
        return self.limits.memory_bytes or describe_hardware().usable_bytes

    def _show_findings(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            self.console.say(f"  note: {finding.path}: {finding.message}")
            self.console.event("finding", **asdict(finding))

    def _show_estimate(self, volume: Volume, path: str) -> Tuple[str, ...]:
        """Tell what the run needs, and return the warnings that were given: there may be less memory than that."""
        estimate = self.runtime.estimate(volume, self.student, self.limits, self.options)
        usable = describe_hardware().usable_bytes
        self.console.say(f"  needs about {estimate.sentence()}")
        if not self.console.quiet:
            self.console.event(
                "estimate",
                peak_bytes=estimate.peak_bytes,
                tiles=estimate.tiles,
                ceiling_bytes=self.limits.memory_bytes,
                available_bytes=usable,
            )
        if usable is None or estimate.peak_bytes <= usable:
            return ()
        warning = (
            f"The run needs about {format_bytes(estimate.peak_bytes)} of memory, and only {format_bytes(usable)} are "
            "available; the computer may become very slow. Close other programs, or set --memory-gb."
        )
        self.console.warn(f"  warning: {path}: {warning}")
        self.console.event("finding", **asdict(Finding(path, warning)))
        return (warning,)

    def _write_picture(self, volume: Volume, segmentation: Segmentation, plan: Plan) -> None:
        from kdseg.atomic import write_bytes
        from kdseg.picture import draw_overview, to_png

        if plan.picture is None:
            return
        report = segmentation.report
        engine = report.get("engine", {}).get("provider", "")
        seconds = format_seconds(sum(report["stages_seconds"].values()))
        picture = draw_overview(
            volume.voxels[0],
            volume.geometry,
            segmentation,
            title=f"{self.student.name} {self.student.version}",
            subtitle=" · ".join(part for part in (engine, seconds, "research use only") if part),
        )
        write_bytes(plan.picture, to_png(picture))
