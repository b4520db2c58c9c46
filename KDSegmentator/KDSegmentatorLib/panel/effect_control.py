"""The Segment Editor effect as a whole: the editor's node on one side, the options and the run on the other."""

from __future__ import annotations

import logging
import time
from typing import Any, Dict, List, Optional

import slicer
from kdseg.errors import KDSegError
from kdseg.limits import available_cpus
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.panel.facts import structures_of, student_title_of
from KDSegmentatorLib.panel.guard import FailureReporter, guarded
from KDSegmentatorLib.presentation import progress as progress_texts
from KDSegmentatorLib.presentation import result as result_texts
from KDSegmentatorLib.presentation.readiness import Phase, Tone
from KDSegmentatorLib.widgets.effect_options import ALL_STRUCTURES, EffectOptions

STUDENT, STRUCTURE, ROI = "Student", "Structure", "RegionOfInterest"
"""Names of the effect's parameters in the editor's node."""


class EffectControl:
    """Joins the parts.

    Parameters
    ----------
    effect
        Slicer's object of the effect.
    logic
        The module's logic, which has the students; by default a new one.

    Attributes
    ----------
    phase
        What the effect is doing.
    """

    def __init__(self, effect: Any, logic: Optional[Any] = None) -> None:
        from KDSegmentatorLib.logic import KDSegmentatorLogic
        from KDSegmentatorLib.panel.installation import Installation

        self._effect = effect
        self._logic = logic or KDSegmentatorLogic()
        self._students: Dict[str, Any] = {}
        self._run: Any = None
        self._began = 0.0
        self._doubts: List[str] = []
        self._keeping = False
        self.phase = Phase.IDLE
        self.options = EffectOptions(
            effect, on_student=self._student_chosen, on_choice=self.keep_choices, on_apply=self.apply_or_cancel
        )
        self.failures = FailureReporter(effect.optionsFrame(), self._log)
        self.installation = Installation(effect.optionsFrame(), on_log=self._log, on_busy=self._say)
        scene = slicer.mrmlScene
        self._scene, self._tag = scene, scene.AddObserver(scene.StartCloseEvent, self._scene_closes)

    @guarded
    def refresh(self) -> None:
        """Look again at what is installed: the effect is opened, or a student came or went."""
        self._students = {student.identifier: student for student in self._logic.library.students()}
        self.show_choices()

    @guarded
    def show_choices(self) -> None:
        """Show the choices that the editor's node remembers."""
        if self._effect.parameterSetNode() is None or self.phase is not Phase.IDLE or self._keeping:
            return
        kept = self._effect.parameter(STUDENT) if self._effect.parameterDefined(STUDENT) else ""
        wanted = kept or next(iter(self._students), "")
        self.options.show_students([(key, student_title_of(s)) for key, s in self._students.items()], wanted)
        self.options.show_structures(structures_of(self._students.get(wanted)), self._effect.integerParameter(STRUCTURE))
        self.options.show_roi(self._effect.nodeReference(ROI))
        self._show_button()

    @guarded
    def keep_choices(self) -> None:
        """Let the editor's node remember the choices."""
        if self._effect.parameterSetNode() is None:
            return
        student, structure, roi = self.options.student(), self.options.structure(), self.options.roi()
        self._keeping = True  # each of these tells the editor, which would show the old ones of the others
        try:
            self._effect.setParameter(STUDENT, student)
            self._effect.setParameter(STRUCTURE, structure)
            self._effect.setNodeReference(ROI, roi)
        finally:
            self._keeping = False

    @guarded
    def apply_or_cancel(self) -> None:
        """Do what the button says."""
        if self.phase is Phase.RUNNING:
            self._cancel()
        elif self.phase is Phase.IDLE:
            try:
                self._apply()
            except KDSegError as error:
                self.options.status.show_sentence(*result_texts.failed(error.problem, ""))
                raise

    def clean_up(self) -> None:
        """Stop a run and let everything go; the editor goes away."""
        self._abandon()
        self._scene.RemoveObserver(self._tag)
        self.options.clean_up()

    def _apply(self) -> None:
        from KDSegmentatorLib.effect.request import request_from_editor
        from KDSegmentatorLib.effect.run import EffectRun
        from KDSegmentatorLib.runs.run import Callbacks
        from KDSegmentatorLib.runs.settings import make_settings

        self._say("")
        structure = self.options.structure() or None
        student = self._students.get(self.options.student())
        request = request_from_editor(self._effect.parameterSetNode(), student, structure, self.options.roi())
        if structure is not None and not self._effect.confirmCurrentSegmentVisible():
            return
        if not self.installation.ensure():
            self.options.status.show_sentence(self.installation.refusal(), Tone.PROBLEM)
            return
        self._began, self._doubts = time.monotonic(), []
        wanted = None if structure is None else [structure]
        settings = make_settings(self._logic.library, request.student, structures=wanted, threads=available_cpus())
        run = EffectRun(request, settings, Callbacks(self._progress, self._event, self._finished), self._save_state)
        run.start()
        self._run = run
        self._enter(Phase.RUNNING, progress_texts.starting())

    def _cancel(self) -> None:
        self._enter(Phase.STOPPING, progress_texts.stopping())
        self._run.cancel()

    def _abandon(self) -> None:
        """Stop a run of which nobody wants to hear any more."""
        run, self._run = self._run, None
        self.phase = Phase.IDLE
        if run is not None:
            run.cancel()

    def _save_state(self) -> None:
        """Let the editor take the change back; another segmentation in the editor has another history."""
        node = self._effect.parameterSetNode()
        if self._run is not None and node is not None and node.GetSegmentationNode() is self._run.request.segmentation_node:
            self._effect.saveStateForUndo()

    def _progress(self, update: Any) -> None:
        if self.phase is Phase.RUNNING:
            self.options.progress.show(progress_texts.progress_view(str(update.stage), update.overall, update.secondsLeft))

    def _event(self, event: Dict[str, Any]) -> None:
        if event.get("event") == "doubt":
            self._doubts.append(str(event["text"]))

    def _finished(self, run: Any) -> None:
        if run is not self._run:
            return
        self._run, self.phase = None, Phase.IDLE
        self.options.progress.show(None)
        if run.state == "succeeded":
            self.options.status.show_sentence(*self._result(run))
        elif run.state == "stopped":
            self.options.status.show_sentence(_("Stopped. Nothing was changed."), Tone.HINT)
        else:
            self.options.status.show_sentence(*result_texts.failed(run.error.problem, ""))
            self.failures.show(run.error, run.details)
        self.show_choices()

    def _result(self, run: Any) -> Any:
        return result_texts.succeeded(
            run.request.segmentation_node.GetName(),
            found=len(run.written) - run.emptied,
            not_found=run.notFound,
            doubts=tuple(self._doubts),
            notes=(),
            seconds=time.monotonic() - self._began,
        )

    @guarded
    def _student_chosen(self) -> None:
        self.options.show_structures(structures_of(self._students.get(self.options.student())), ALL_STRUCTURES)
        self.keep_choices()

    def _scene_closes(self, caller: Any, event: Any) -> None:
        self._abandon()
        self.options.progress.show(None)
        self.options.status.show_sentence("", Tone.HINT)
        self._show_button()

    def _enter(self, phase: Phase, view: Any) -> None:
        self.phase = phase
        self.options.progress.show(view)
        self.options.status.show_sentence("", Tone.HINT)
        self._show_button()

    def _show_button(self) -> None:
        running = self.phase is not Phase.IDLE
        text = {Phase.IDLE: _("Apply"), Phase.RUNNING: _("Cancel"), Phase.STOPPING: _("Stopping…")}[self.phase]
        enabled = self.phase is Phase.RUNNING or (not running and bool(self._students))
        self.options.show_button(text, enabled=enabled, locked=running)

    def _say(self, text: str) -> None:
        self.options.status.show_sentence(text, Tone.HINT)

    def _log(self, text: str) -> None:
        logging.info("KDSegmentator: %s", text)
