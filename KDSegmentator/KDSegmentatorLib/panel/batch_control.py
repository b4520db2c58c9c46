"""Several volumes in one go: loaded volumes, the images of a folder, or the frames of a sequence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Tuple

import qt

import slicer
from kdseg.errors import KDSegError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.panel import batch_sources, facts
from KDSegmentatorLib.panel.batch_sources import BatchSource
from KDSegmentatorLib.panel.guard import guarded
from KDSegmentatorLib.presentation.batch import Case, CaseState, Queue, Source, ended_text, queue_readiness, stands
from KDSegmentatorLib.presentation.failures import failure_view
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
        self._folder_problem = ""
        self._names: Tuple[str, ...] = ()
        self._items: Tuple[Any, ...] = ()
        self._errors: Dict[str, Tuple[KDSegError, str]] = {}
        self._cases: Tuple[Case, ...] = ()
        self._run: Optional[Any] = None
        self._turn = 0  # which run may speak; an abandoned one still ends, some time later
        self._current = 0
        self.phase = Phase.IDLE
        actions = BatchActions(
            on_source=self._source_chosen,
            on_browse=self._browse,
            on_results=self._choose_results,
            on_no_results=self._forget_results,
            on_checked=self._checked,
            on_opened=self._show_failure,
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

    def update(self) -> None:
        """Decide anew whether the queue can start: a choice above it changed."""
        self.view.show_readiness(queue_readiness(self._queue()), running=self.phase is not Phase.IDLE)

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
        self._current, self._errors = 0, {}
        self._turn += 1
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
        self._turn += 1
        if run is not None:
            run.cancel()
        self.phase = Phase.IDLE
        self._sources, self._names, self._items, self._cases, self._index = (), (), (), (), 0
        self._errors = {}
        self.view.show_progress(None)

    def _start(self, wanted: List[Any]) -> Any:
        told, turn = (self._progress, self._event, self._finished), self._turn
        progress, event, finished = (self._while_turn(turn, method) for method in told)
        arguments = dict(wait=False, onProgress=progress, onEvent=event, onFinished=finished, **self._panel.options())
        student, source = self._panel.students.current, self._source()
        for name, doubt in batch_sources.modality_doubts(self._sources[self._index], wanted, student):
            self._panel.log.add(f"{name}: {doubt}")
        if source is Source.SEQUENCE:
            return self._panel.logic.segmentSequence(self._sources[self._index].node, student, **arguments)
        if source is Source.FOLDER:
            wanted = [path for paths in wanted for path in paths]
        folder, replaces = self._results or None, self.view.replace_check.checked
        return self._panel.logic.queue(wanted, student, folder, overwrite=replaces, **arguments)

    def _while_turn(self, turn: int, method: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return a callback that is silent once another run has begun or this one was abandoned."""

        def told(argument: Any) -> None:
            if turn == self._turn:
                method(argument)

        return told

    def _source(self) -> Source:
        return self._sources[self._index].source if self._sources else Source.VOLUMES

    def _queue(self) -> Queue:
        student = facts.student_facts(self._panel.students.current)
        return Queue(
            source=self._source(),
            cases=self._cases,
            folder_chosen=bool(self._results),
            has_student=student is not None,
            structures=len(self._panel.structures.chosen()),
            channels=student.channels if student is not None else (),
            folder_problem=self._folder_problem,
            other_run=self._panel.run.phase is not Phase.IDLE,
            phase=self.phase,
        )

    def _list_cases(self) -> None:
        """Fill the list anew; a case that was unchecked stays so."""
        before = {case.key: case for case in self._cases}
        found = self._cases_of_source()
        self._names, self._items = tuple(name for _key, name, _item in found), tuple(item for _key, _name, item in found)
        self._cases = tuple(before.get(key, Case(name, key=key)) for key, name, _item in found)
        self._name_rows()
        self._show()

    def _cases_of_source(self) -> Tuple[Tuple[str, str, Any], ...]:
        self._folder_problem = ""
        try:
            return self._sources[self._index].cases(self._folder) if self._sources else ()
        except KDSegError as error:
            self._folder_problem = _("{folder}: {problem}").format(folder=self._folder, problem=error.problem)
            return ()

    def _name_rows(self) -> None:
        names = batch_sources.row_names(self._names, [case.wanted for case in self._cases])
        self._cases = tuple(replace(case, name=name) for case, name in zip(self._cases, names))

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
            pairs = tuple((state, "") for state in batch_sources.frame_states(sum(wanted), self._run))
        else:
            pairs = tuple((result.state, "") for result in results)
        states = stands(wanted, pairs, self._current)
        self._cases = tuple(replace(case, state=state) for case, (state, _problem) in zip(self._cases, states))
        self._explain(results)
        self._show()

    def _explain(self, results: Optional[Tuple[Any, ...]]) -> None:
        """Keep why cases failed: a sentence for the row, lines for its tooltip and the log, the error for the dialog."""
        told = iter(results if results is not None else ())
        cases = []
        for case in self._cases:
            result = (next(told) if results is not None else self._run) if case.wanted else None
            problem = explanation = ""
            if case.state is CaseState.FAILED and result is not None and result.error is not None:
                self._errors[case.key] = (result.error, result.details)
                view = replace(failure_view(result.error, result.details), details="")
                problem, explanation = view.problem, view.plain()
            cases.append(replace(case, problem=problem, explanation=explanation))
        self._cases = tuple(cases)

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
        self._run = run
        self.view.show_progress(loading())
        self._current = sum(case.wanted for case in self._cases)
        self._show_states()
        self._panel.log.add(ended_text(self._cases))
        self._follow_up(run)
        self._end()
        if run.state == CaseState.FAILED.value and getattr(run, "results", None) is None:
            self.failures.show(run.error, run.details)

    def _follow_up(self, run: Any) -> None:
        """Do with the results in the scene what is ticked for a single one; the results stay if that fails."""
        nodes = [result.segmentationNode for result in getattr(run, "results", ())]
        for node in nodes:
            if node is None or node.GetScene() is None or self._panel.parameters is None:
                continue
            try:
                if self._panel.parameters.show3D:
                    node.CreateClosedSurfaceRepresentation()
                if self._panel.parameters.volumesTable:
                    table = self._panel.logic.volumesTable(node)
                    self._panel.log.add(_("Volumes are in the table {name}.").format(name=table.GetName()))
            except Exception as error:  # noqa: BLE001  the result is there; what was to follow failed, and that is shown
                self.failures.show(error)

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
        cases[index] = replace(cases[index], wanted=wanted, state=CaseState.NEW, problem="", explanation="")
        self._cases = tuple(cases)
        self._name_rows()
        self._show()

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
    def _forget_results(self) -> None:
        self._results = ""
        self._show()

    @guarded
    def _show_failure(self, index: int) -> None:
        case = self._cases[index]
        if case.state is CaseState.FAILED and case.key in self._errors:
            self.failures.show(*self._errors[case.key])

    @guarded
    def _unfolded(self, collapsed: bool) -> None:
        if not collapsed and not slicer.mrmlScene.IsClosing():
            self.refresh()
