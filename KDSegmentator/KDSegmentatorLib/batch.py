"""A queue: several loaded volumes, or the cases of a folder, one after the other; one failure does not stop the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from kdseg.errors import KDSegError, OutputError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.jobs.outcome import Failed, Outcome, Succeeded
from KDSegmentatorLib.mrml.segmentations import read_content, show
from KDSegmentatorLib.runs.job import VolumeJob
from KDSegmentatorLib.runs.result_files import CaseRow, file_names, save_segmentation, write_volumes_csv
from KDSegmentatorLib.runs.run import FAILED, RUNNING, STOPPED, SUCCEEDED, Callbacks, ChainRun
from KDSegmentatorLib.runs.settings import RunSettings
from KDSegmentatorLib.runs.single import require_in_scene
from KDSegmentatorLib.runs.sources import FileSource, NodeSource, Source

CSV_NAME = "volumes.csv"
"""The table of a queue, beside its results."""


@dataclass(frozen=True)
class CaseResult:
    """How one case of a queue stands.

    Attributes
    ----------
    name
        Of the volume, or of the file without its suffix.
    state
        "running" (also while it waits), "succeeded", "failed" or "stopped".
    error
        Why it failed; None unless it did.
    details
        What helps to repair a failure.
    segmentationNode
        The result in the scene, for loaded volumes.
    path
        The result as a file, where a folder was given.
    volumes_ml
        Volume of every structure in millilitres, by name; 0 for one that was not found.
    """

    name: str
    state: str = RUNNING
    error: Optional[KDSegError] = None
    details: str = ""
    segmentationNode: Optional[Any] = None
    path: Optional[Path] = None
    volumes_ml: Optional[Mapping[str, float]] = None


class BatchRun(ChainRun):
    """A queue that was started. Its state is "failed" if at least one case failed; its error is then the first of theirs.

    Parameters
    ----------
    sources
        The cases.
    settings, callbacks
        As for one volume.
    output_folder
        Where ``<case>.seg.nrrd`` and ``volumes.csv`` go, with the same ``<case>`` in the table; None keeps
        results in the scene only.
    overwrite
        Replace files of an earlier queue.

    Attributes
    ----------
    results
        One :class:`CaseResult` for each case, in order.
    csvPath
        The table; None without a folder.

    Raises
    ------
    OutputError
        If a result exists already and may not be replaced, or files are segmented without a folder for their results.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        settings: RunSettings,
        callbacks: Callbacks,
        output_folder: Optional[Path] = None,
        *,
        overwrite: bool = False,
    ) -> None:
        super().__init__([source.name for source in sources], callbacks)
        self._sources, self._settings = tuple(sources), settings
        self.results: Tuple[CaseResult, ...] = tuple(CaseResult(source.name) for source in sources)
        self.csvPath = None if output_folder is None else output_folder / CSV_NAME
        self._case_names = file_names(self._names)  # of the files and the table's lines: each different
        self._targets: List[Optional[Path]] = [None] * len(self._sources)
        if output_folder is not None:
            self._targets = [output_folder / f"{name}.seg.nrrd" for name in self._case_names]
        self._rows: List[CaseRow] = []
        self._refuse(overwrite=overwrite)

    def start(self) -> None:
        """Start the first case.

        Raises
        ------
        OutputError
            If the folder cannot be made or the table not be written; nothing was started then.
        """
        if self.csvPath is not None:
            _make_folder(self.csvPath.parent)
        self._write_csv()
        super().start()

    def _refuse(self, *, overwrite: bool) -> None:
        files = [path for source in self._sources if isinstance(source, FileSource) for path in source.files]
        if files and self.csvPath is None:
            raise OutputError(_("Files need a folder for their results."), remedy=_("Choose a folder."))
        if self.csvPath is not None and self.csvPath.parent.resolve() in [path.resolve() for path in files]:
            raise OutputError(
                _("The results would lie among the files of a DICOM series."),
                path=self.csvPath.parent,
                remedy=_("Choose another folder."),
            )
        existing = [path for path in (*self._targets, self.csvPath) if path is not None and path.exists()]
        if existing and not overwrite:
            raise OutputError(
                _("A result exists already."),
                found=", ".join(path.name for path in existing[:5]),
                path=existing[0],
                remedy=_("Choose another folder, or allow to replace earlier results."),
            )

    def _make_job(self, index: int) -> VolumeJob:
        def take(labels_path: Path, _report: Mapping[str, Any]) -> None:
            self._take(index, labels_path)

        source = self._sources[index]
        return VolumeJob(source, self._settings, take=take, on_event=self._event, on_finished=self._finished)

    def _take(self, index: int, labels_path: Path) -> None:
        source, target, settings = self._sources[index], self._targets[index], self._settings
        case = save_segmentation(labels_path, settings.entries, target)
        node = None
        if isinstance(source, NodeSource):
            volume_node = source.volume_nodes[0]
            require_in_scene(volume_node)
            entries, title = settings.student.entries, settings.student_title
            node = show(read_content(labels_path, entries, volume_node, settings.structures, student=title), volume_node)
        name = self._case_names[index]
        self._rows += [CaseRow(name, settings.student_title, *size, status=SUCCEEDED) for size in case]
        volumes = {structure: volume_ml for structure, _value, _voxels, volume_ml in case}
        self._set(index, segmentationNode=node, path=target, volumes_ml=volumes)

    def _job_ended(self, index: int, outcome: Outcome) -> Optional[Outcome]:
        name, title = self._case_names[index], self._settings.student_title
        if isinstance(outcome, Succeeded):
            self._set(index, state=SUCCEEDED)
        elif isinstance(outcome, Failed):
            self._set(index, state=FAILED, error=outcome.error, details=outcome.details)
            message = f"{outcome.error} {self._earlier_file(index)}".strip()
            self._rows.append(CaseRow(name, title, status=FAILED, message=message))
        else:
            return outcome
        self._write_csv()
        return None

    def _all_ended(self) -> Outcome:
        failures = [result for result in self.results if result.state == FAILED]
        if failures and failures[0].error is not None:
            return Failed(failures[0].error, "\n".join(f"{r.name}: {r.error}\n{r.details}".strip() for r in failures))
        return Succeeded(None, {"cases": len(self.results)})

    def _end(self, outcome: Outcome) -> None:
        if self.outcome is not None:
            return
        waiting = [index for index, result in enumerate(self.results) if result.state == RUNNING]
        for index in waiting:
            self._set(index, state=STOPPED)
            message = self._earlier_file(index)
            name, title = self._case_names[index], self._settings.student_title
            self._rows.append(CaseRow(name, title, status=STOPPED, message=message))
        try:
            if waiting:
                self._write_csv()
        except OutputError as error:
            outcome = Failed(error)
        super()._end(outcome)

    def _earlier_file(self, index: int) -> str:
        """Say that the file of a case without a result is an old one, where there is one."""
        target = self._targets[index]
        if target is None or not target.exists():
            return ""
        return _("The file {name} is from an earlier queue.").format(name=target.name)

    def _set(self, index: int, **changes: Any) -> None:
        results = list(self.results)
        results[index] = replace(results[index], **changes)
        self.results = tuple(results)

    def _write_csv(self) -> None:
        if self.csvPath is not None:
            write_volumes_csv(self._rows, self.csvPath)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            _("The folder for the results cannot be made."),
            found=error.strerror or str(error),
            path=folder,
            remedy=_("Choose another folder."),
        ) from error
