"""Several volumes in one go: loaded volumes, the images of a folder, or the frames of a sequence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Optional, Tuple

import qt

import slicer
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.panel import batch_sources
from KDSegmentatorLib.panel.batch_sources import BatchSource
from KDSegmentatorLib.panel.guard import guarded
from KDSegmentatorLib.presentation.batch import Case, CaseState, Queue, Source, queue_readiness, stands, summary
from KDSegmentatorLib.presentation.progress import loading, progress_view, starting
from KDSegmentatorLib.presentation.readiness import Phase
from KDSegmentatorLib.widgets.batch_view import BatchActions, BatchView


class BatchControl:
    """Joins the view of the queue and the logic's queue.

    Parameters
    ----------
    panel
        The panel: its logic, student and options are used for all volumes.
    failures
        Shows errors.
    """

    def __init__(self, panel: Any, *, failures: Any) -> None:
        self._panel, self.failures = panel, failures
        self._sources: Tuple[BatchSource, ...] = ()
        self._index = 0
        self._folder = self._results = ""
        self._names: Tuple[str, ...] = ()
        self._items: Tuple[Any, ...] = ()
        self._cases: Tuple[Case, ...] = ()
        self._run: Optional[Any] = None
        self._current = 0
        self.phase = Phase.IDLE
        actions = BatchActions(
            on_source=self._source_chosen,
            on_browse=self._browse,
            on_results=self._choose_results,
            on_checked=self._checked,
            on_start=self.start_or_cancel,
        )
        self.view = BatchView(panel.ui.batchPlace, actions)
        panel.ui.batchCollapsible.connect("contentsCollapsed(bool)", self._unfolded)

    def refresh(self) -> None:
        """Look again at what the scene and the folder hold; nothing changes while the queue runs."""
        if self.phase is not Phase.IDLE or self._panel.ui.batchCollapsible.collapsed:
            self._show()
            return
        chosen = self._sources[self._index].key if self._sources else ""
        self._sources = batch_sources.sources()
        self._index = next((i for i, source in enumerate(self._sources) if source.key == chosen), 0)
        self.view.show_sources([source.text for source in self._sources], self._index)
        self._list_cases()

    @guarded
    def start_or_cancel(self) -> None:
        """Do what the button says."""
        if self.phase is not Phase.IDLE:
            self.cancel()
            return
        if not queue_readiness(self._queue()).enabled or not self._panel.install_missing():
            self._show()
            return
        wanted = [item for item, case in zip(self._items, self._cases) if case.wanted]
        self._current = 0
        self._set_phase(Phase.RUNNING)
        self.view.show_progress(starting())
        try:
            self._run = self._start(wanted)
        except Exception:
            self._end()
            raise
        self._show_states()

    def cancel(self) -> None:
        """Stop the case that runs, and do not start the rest."""
        if self.phase is Phase.RUNNING and self._run is not None:
            self._set_phase(Phase.STOPPING)
            self._run.cancel()

    def abandon(self) -> None:
        """Stop and forget everything: the panel or the scene goes away."""
        run, self._run = self._run, None
        if run is not None:
            run.cancel()
        self.phase = Phase.IDLE
        self._sources, self._names, self._items, self._cases, self._index = (), (), (), (), 0
        self.view.show_progress(None)

    def _start(self, wanted: List[Any]) -> Any:
        arguments = dict(
            wait=False, onProgress=self._progress, onEvent=self._event, onFinished=self._finished, **self._panel.options()
        )
        student, source = self._panel.students.current, self._source()
        if source is Source.SEQUENCE:
            return self._panel.logic.segmentSequence(self._sources[self._index].node, student, **arguments)
        if source is Source.FOLDER:
            wanted = [path for paths in wanted for path in paths]
        folder, replaces = self._results or None, self.view.replace_check.checked
        return self._panel.logic.queue(wanted, student, folder, overwrite=replaces, **arguments)

    def _source(self) -> Source:
        return self._sources[self._index].source if self._sources else Source.VOLUMES

    def _queue(self) -> Queue:
        return Queue(
            source=self._source(),
            cases=self._cases,
            folder_chosen=bool(self._results),
            has_student=self._panel.students.current is not None,
            other_run=self._panel.run.phase is not Phase.IDLE,
            phase=self.phase,
        )

    def _list_cases(self) -> None:
        """Fill the list anew; a case that was unchecked stays so."""
        unwanted = {case.name for case in self._cases if not case.wanted}
        before = {case.name: case for case in self._cases}
        pairs = self._sources[self._index].cases(self._folder) if self._sources else ()
        self._names, self._items = tuple(name for name, _item in pairs), tuple(item for _name, item in pairs)
        fresh = (Case(name, wanted=name not in unwanted) for name in self._names)
        self._cases = tuple(before.get(case.name, case) for case in fresh)
        self._show()

    def _show(self) -> None:
        running = self.phase is not Phase.IDLE
        source = self._source()
        self.view.show_folders(
            browse=source is Source.FOLDER, results=self._results, results_wanted=source is not Source.SEQUENCE
        )
        self.view.show_cases(self._cases, locked=running or source is Source.SEQUENCE)
        self.view.show_readiness(queue_readiness(self._queue()), running=running)

    def _show_states(self) -> None:
        results = getattr(self._run, "results", None)
        wanted = [case.wanted for case in self._cases]
        if results is None:
            pairs = batch_sources.frame_states(sum(wanted), self._current, self._run)
        else:
            pairs = tuple((r.state, "" if r.error is None else r.error.problem) for r in results)
        states = stands(wanted, pairs, self._current)
        self._cases = tuple(replace(c, state=s, problem=p) for c, (s, p) in zip(self._cases, states))
        self._show()

    def _progress(self, update: Any) -> None:
        if self.phase is not Phase.RUNNING:
            return
        self.view.show_progress(progress_view(update.stage, update.overall, update.secondsLeft))
        if update.item - 1 != self._current:
            self._current = update.item - 1
            self._show_states()

    def _event(self, event: Any) -> None:
        if event.get("event") in ("log", "doubt"):
            self._panel.log.add(f"{self._name_of_current()}: {event['text']}")

    def _name_of_current(self) -> str:
        names = [case.name for case in self._cases if case.wanted]
        return names[self._current] if self._current < len(names) else ""

    def _finished(self, run: Any) -> None:
        if self._run is None:
            return
        self.view.show_progress(loading())
        self._current = sum(case.wanted for case in self._cases)
        self._show_states()
        self._panel.log.add(_("The queue has ended: {summary}.").format(summary=summary(self._cases)))
        self._end()
        if run.state == CaseState.FAILED.value and getattr(run, "results", None) is None:
            self.failures.show(run.error, run.details)

    def _end(self) -> None:
        self._run = None
        self.view.show_progress(None)
        self._set_phase(Phase.IDLE)

    def _set_phase(self, phase: Phase) -> None:
        self.phase = phase
        self._show()
        self._panel.update()

    @guarded
    def _source_chosen(self, index: int) -> None:
        self._index, self._cases = index, ()
        self._list_cases()

    @guarded
    def _checked(self, index: int, wanted: bool) -> None:
        cases = list(self._cases)
        cases[index] = replace(cases[index], wanted=wanted, state=CaseState.NEW, problem="")
        self._cases = tuple(cases)
        self.view.show_readiness(queue_readiness(self._queue()), running=False)

    @guarded
    def _browse(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(self._panel.root, _("Folder with images"), self._folder)
        if folder:
            self._folder, self._cases = folder, ()
            self._list_cases()

    @guarded
    def _choose_results(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(self._panel.root, _("Folder for results"), self._results or self._folder)
        self._results = folder or self._results
        self._show()

    @guarded
    def _unfolded(self, collapsed: bool) -> None:
        if not collapsed and not slicer.mrmlScene.IsClosing():
            self.refresh()
