"""The tab Profile: from checked students to a profile, and from its points to table, chart, card and choice."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

import slicer
from kdseg.errors import KDSegError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.jobs.messages import ProgressMessage
from KDSegmentatorLib.jobs.outcome import Failed, Stopped
from KDSegmentatorLib.panel.facts import student_title_of
from KDSegmentatorLib.panel.guard import guarded
from KDSegmentatorLib.panel.installation import Installation
from KDSegmentatorLib.presentation.progress import progress_view, starting, stopping
from KDSegmentatorLib.presentation.readiness import Phase, Readiness, Tone
from KDSegmentatorTrainingLib.nodes import show_chart, show_table
from KDSegmentatorTrainingLib.panel.control import Services
from KDSegmentatorTrainingLib.panel.job_control import JobControl
from KDSegmentatorTrainingLib.presentation.profile import (
    ProfileSituation,
    chosen_text,
    outcome_text,
    profile_readiness,
    row_texts,
    titles,
)
from KDSegmentatorTrainingLib.profile.job import Told, profile_job
from KDSegmentatorTrainingLib.profile.library import Library
from KDSegmentatorTrainingLib.profile.nodes import profile_chart, write_table
from KDSegmentatorTrainingLib.profile.results import ProfileResult
from KDSegmentatorTrainingLib.widgets.profile_results import ProfileActions
from KDSegmentatorTrainingLib.widgets.profile_tab import ProfileTab


class ProfileControl(JobControl):
    """Joins the tab Profile with what stands behind it; one profile at a time.

    Parameters
    ----------
    page
        The tab's empty page.
    services
        What the panel gives.
    """

    def __init__(self, page: Any, services: Services) -> None:
        super().__init__(services)
        self.result: Optional[ProfileResult] = None
        self._library = Library()
        self._students: Tuple[Any, ...] = ()
        self._table_id = ""
        self._installation = Installation(services.root, on_log=services.log, on_busy=self._show_busy)
        self.tab = ProfileTab(
            page,
            on_changed=self._chosen,
            on_checked=self._checked,
            on_start=self.start_or_cancel,
            actions=ProfileActions(self.show_chart, self.show_table, self.choose),
        )

    @guarded
    def refresh(self) -> None:
        """Look at the students again."""
        if self.parameters is None:
            return
        self._students = self._library.students()
        left_out = set(self.parameters.profileLeftOut)
        self.tab.inputs.show(self.parameters)
        self.tab.inputs.show_students([(student_title_of(s), s.identifier not in left_out) for s in self._students])
        self.update()

    def forget_scene(self) -> None:
        """The scene closes: the table goes with it, a profile of one of its volumes has nowhere to go."""
        self._abandon()
        self.result, self._table_id = None, ""
        self.outcome = ("", Tone.HINT)
        self.tab.results.hide()

    @guarded
    def start_or_cancel(self) -> None:
        """Do what the button says."""
        if self.phase is not Phase.IDLE:
            self._cancel()
            return
        if self.parameters is None or not self.readiness().enabled:
            self.update()
            return
        if not self._installation.ensure():
            self.outcome = (_("Not measured: the software that runs students was not installed."), Tone.PROBLEM)
            self.update()
            return
        self._start(self.parameters)

    def situation(self) -> ProfileSituation:
        """Collect what decides whether a profile can start."""
        volume = None if self.parameters is None else self.parameters.profileVolume
        chosen = self._checked_students()
        return ProfileSituation(
            installed=len(self._students),
            chosen=len(chosen),
            volume="" if volume is None else str(volume.GetName()),
            channels=max((len(student.document["channels"]) for student in chosen), default=1),
            phase=self.phase,
        )

    def readiness(self) -> Readiness:
        """Return whether a profile can start, and what to say if not."""
        return profile_readiness(self.situation())

    @guarded
    def show_table(self) -> None:
        """Show the table in Slicer's table view."""
        table = self._table()
        if table is not None:
            show_table(table)

    @guarded
    def show_chart(self) -> None:
        """Show quality against latency in Slicer's plot view."""
        table = self._table()
        if table is not None and self.result is not None:
            show_chart(profile_chart(self.result, table))

    @guarded
    def choose(self) -> None:
        """Say which of the measured students fits the budget."""
        if self.result is not None:
            self.tab.results.show_answer(*chosen_text(self.result, *self.tab.results.limits()))

    def _start(self, chosen: Any) -> None:
        students = self._checked_students()
        options: Dict[str, Any] = {
            "repetitions": chosen.profileRepetitions,
            "threads": chosen.profileThreads,
            "mirroring": chosen.profileMirroring,
        }
        job = profile_job(
            students,
            chosen.profileVolume,
            **options,
            on_progress=lambda told: self._progress(job, told),
            on_log=self._services.log,
            on_finished=lambda told: self._finished(job, told),
        )
        self.outcome, self._job = ("", Tone.HINT), job
        names = ", ".join(student_title_of(student) for student in students)
        self._services.log(_("Profiling {students}.").format(students=names))
        self._enter(Phase.RUNNING)
        self.tab.progress.show(starting())
        try:
            job.start()
        except KDSegError as error:
            self._leave((_("Not measured: {problem}").format(problem=error.problem), Tone.PROBLEM))
            raise

    def _cancel(self) -> None:
        if self.phase is Phase.RUNNING and self._job is not None:
            self._enter(Phase.STOPPING)
            self.tab.progress.show(stopping())
            self._job.cancel()

    def _progress(self, job: Any, told: ProgressMessage) -> None:
        if job is self._job and self.phase is Phase.RUNNING:
            self.tab.progress.show(progress_view(told.stage, told.overall, told.seconds_left))

    @guarded
    def _finished(self, job: Any, told: Told) -> None:
        if job is not self._job:
            return  # an abandoned profile takes a moment to end
        if isinstance(told, ProfileResult):
            outcome = (_("Measured, but the result cannot be shown."), Tone.PROBLEM)
            try:
                self._show(told)
                outcome = outcome_text(told)
            finally:
                self._leave(outcome)
        elif isinstance(told, Stopped):
            self._leave((_("Stopped. There is no result."), Tone.HINT))
        elif isinstance(told, Failed):
            self._leave((_("Not measured: {problem}").format(problem=told.error.problem), Tone.PROBLEM))
            self.failures.show(told.error, told.details)

    def _show(self, result: ProfileResult) -> None:
        self.result = result
        table = write_table(result, self._table())
        self._table_id = table.GetID()
        self.tab.results.show(titles(), [row_texts(point) for point in result.points], result.card)
        self.choose()

    @guarded
    def _checked(self) -> None:
        if self.parameters is not None:
            pairs = zip(self._students, self.tab.inputs.checked())
            self.parameters.profileLeftOut = [student.identifier for student, checked in pairs if not checked]
        self.update()

    def _show_choices(self) -> None:
        if self.phase is Phase.IDLE and self.parameters is not None:
            self.tab.inputs.show(self.parameters)
            self.update()

    def _checked_students(self) -> Tuple[Any, ...]:
        return tuple(student for student, checked in zip(self._students, self.tab.inputs.checked()) if checked)

    def _table(self) -> Optional[Any]:
        return slicer.mrmlScene.GetNodeByID(self._table_id) if self._table_id else None

    def _show_busy(self, sentence: str) -> None:
        self.tab.status.show_sentence(sentence, Tone.HINT)
