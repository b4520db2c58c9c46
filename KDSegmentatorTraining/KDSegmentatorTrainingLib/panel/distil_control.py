"""The tab Distil."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Optional

import qt
import slicer.util

import slicer
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.panel.guard import guarded
from KDSegmentatorTrainingLib.distil.charts import CurveChart
from KDSegmentatorTrainingLib.distil.curves import Tables, select
from KDSegmentatorTrainingLib.distil.environment import TrainingPython
from KDSegmentatorTrainingLib.distil.run import RunPhase
from KDSegmentatorTrainingLib.distil.settings import DistilSettings, OwnFile, Settings, guess_dataset, known_keys
from KDSegmentatorTrainingLib.panel.control import Services
from KDSegmentatorTrainingLib.panel.distil_export import ExportControl
from KDSegmentatorTrainingLib.panel.distil_python import PythonControl, startup_environment
from KDSegmentatorTrainingLib.panel.distil_run import SETTING, RunWatch
from KDSegmentatorTrainingLib.presentation.distil import (
    CONTINUABLE,
    DistilSituation,
    distil_readiness,
    quantity_texts,
    run_progress,
    student_rows,
)
from KDSegmentatorTrainingLib.widgets.distil_tab import DistilActions, DistilTab

FORM_SETTING = "KDSegmentatorTraining/Form"
"""Key of the application's setting with what the form said last."""

DEFAULTS: Dict[str, Any] = {"widths": [2, 4], "methods": ["D"], "epochs": 1000, "iterations": 250}
"""What the form says at first."""


class DistilControl:
    """Joins the tab Distil with what stands behind it.

    Parameters
    ----------
    page
        The tab's empty page.
    services
        What the panel gives.
    """

    def __init__(self, page: Any, services: Services) -> None:
        self.failures, self._services = services.failures, services
        self.parameters: Optional[Any] = None
        self._ready = False
        self._tables = Tables()
        self._drawn: Any = None
        self.python = PythonControl(failures=services.failures, on_changed=self.update)
        self.watch = RunWatch(failures=services.failures, log=services.log, on_changed=self.update)
        self.export = ExportControl(self.watch, self.python, library=_library, failures=services.failures, log=services.log)
        self.tab = DistilTab(
            page,
            DistilActions(
                on_python=self._python_chosen,
                on_check=self._check_python,
                on_teacher=self._teacher_chosen,
                on_folder=self._folder_chosen,
                on_file=self._file_chosen,
                on_main=self.start_or_stop,
                on_again=self.start_again,
                on_quantity=self._quantity_chosen,
                on_chart=self.show_chart,
                on_student=self.export.choose,
                on_export=self._export,
            ),
        )
        self.export.box = self.tab.export
        self._restore()

    def bind(self, parameters: Any) -> None:
        """Show the run and look at it from time to time."""
        self.parameters = parameters
        self.watch.start_watching()
        self._look_again()

    def unbind(self) -> None:
        """Look no more: the panel is left, or another scene comes. What runs goes on."""
        self.parameters = None
        self.watch.stop_watching()

    def refresh(self) -> None:
        """Do nothing: the tab does not depend on what is in the scene."""

    def forget_scene(self) -> None:
        """Do nothing: a run needs no scene, and its chart is made anew when it is wanted."""

    def clean_up(self) -> None:
        """Let go of everything; the training goes on."""
        self.python.stop()
        self.export.stop()
        self.watch.clean_up()

    def update(self) -> None:
        """Show the state of everything."""
        if not self._ready:
            return
        watch = self.watch
        asking = _("Asking the Python that trains…") if self.python.asking else ""
        asking = _("Checking settings, data and teacher…") if watch.checking else asking
        message = "" if watch.progress.state == "training" else watch.progress.message
        situation = DistilSituation(watch.phase, asking, message, watch.error)
        self.tab.show_python(self.python.sentence, self.python.tone)
        self.tab.check_button.enabled = bool(self.python.program) and not self.python.asking
        self.tab.show_readiness(distil_readiness(situation), run_progress(watch.progress, watch.phase))
        tables = self._tables.read(watch.students)
        self.tab.show_students(student_rows(watch.students, tables, watch.progress))
        self.tab.show_export(self.export.show())
        chart = self._chart()
        if chart is not None and chart.chart is not None:
            self._draw(tables)

    @guarded
    def start_or_stop(self) -> None:
        """Do what the main button says."""
        phase = self.watch.phase
        if phase is RunPhase.RUNNING:
            self.watch.stop()
        elif phase is RunPhase.STOPPING:
            if self._confirm(
                _("End the training at once? What was learnt since the last checkpoint is lost; Resume continues there.")
            ):
                self.watch.kill()
        elif phase is RunPhase.NEW:
            self._start("new")
        elif phase in CONTINUABLE or (phase is RunPhase.ELSEWHERE and self._confirm_moving()):
            self._start("resume")

    @guarded
    def start_again(self) -> None:
        """Begin anew in the same folder, after a question."""
        if self._confirm(_("Start this run again? What it has so far is moved aside in its folder, not deleted.")):
            self._start("restart")

    @guarded
    def show_chart(self) -> None:
        """Show the curves in Slicer's plot view."""
        chart = self._chart()
        if chart is not None:
            self._drawn = None
            self._draw(self._tables.read(self.watch.students))
            chart.show_in_layout()

    def _confirm(self, question: str) -> bool:
        return bool(slicer.util.confirmYesNoDisplay(question, parent=self._services.root))

    def _confirm_moving(self) -> bool:
        return self._confirm(_("Continue the run on this computer? Make sure first that it does not run on the other one."))

    def _start(self, mode: str) -> None:
        form = self.tab.form
        settings: Settings = OwnFile(form.own_file()) if form.own_file() != Path() else DistilSettings(**form.values())
        if self.watch.run is not None:
            self.watch.run.folder.require_own()
        qt.QSettings().setValue(FORM_SETTING, json.dumps(settings.as_dict()))
        self.python.ensure(lambda python: self._start_with(python, settings, mode))

    @guarded
    def _start_with(self, python: TrainingPython, settings: Settings, mode: str) -> None:
        self.watch.start(python, settings, mode)

    @guarded
    def _export(self) -> None:
        self.export.export()

    @guarded
    def _python_chosen(self, program: str) -> None:
        self.python.choose(program)

    @guarded
    def _check_python(self) -> None:
        self.python.ensure(anew=True)

    @guarded
    def _teacher_chosen(self, folder: str) -> None:
        form = self.tab.form
        if self._ready and folder and form.values()["dataset"] == Path():
            found = guess_dataset(Path(folder), startup_environment().get("nnUNet_preprocessed", ""))
            if found is not None:
                form.show_values({"dataset": found})

    @guarded
    def _file_chosen(self, _file: str) -> None:
        self.update()

    @guarded
    def _folder_chosen(self, folder: str) -> None:
        if self._ready:
            self._look_at(Path(folder) if folder.strip() else Path())

    @guarded
    def _quantity_chosen(self, _index: int) -> None:
        self.update()

    @guarded
    def _look_again(self) -> None:
        folder = self.tab.form.run_folder()
        if self.watch.run is None or self.watch.run.folder.path != folder:
            self._look_at(folder)
        else:
            self.watch.look()

    def _look_at(self, folder: Path) -> None:
        self.watch.choose(folder)
        stored = known_keys(dict(self.watch.stored_settings()))
        if stored:
            self.tab.form.show_values({"file": "", **stored})

    def _restore(self) -> None:
        """Show what was chosen when Slicer was closed."""
        remembered = str(qt.QSettings().value(FORM_SETTING, "") or "")
        try:
            stored = json.loads(remembered) if remembered else {}
        except ValueError:
            stored = {}
        self.tab.form.show_values({**DEFAULTS, **known_keys(stored if isinstance(stored, dict) else {})})
        self.tab.form.run_path.currentPath = str(qt.QSettings().value(SETTING, "") or "")
        self.tab.python_path.currentPath = self.python.program
        self._ready = True
        self.update()

    def _chart(self) -> Optional[CurveChart]:
        return None if self.watch.run is None else CurveChart(str(self.watch.run.folder.path))

    def _draw(self, tables: Dict[str, Dict[str, List[float]]]) -> None:
        chart, run = self._chart(), self.watch.run
        if chart is not None and run is not None:
            quantity = quantity_texts()[int(self.tab.quantity_combo.currentIndex)][0]
            wanted = (chart.run, quantity, self._tables.version)
            if wanted != self._drawn:  # a chart that is drawn anew each second cannot be looked at
                chart.show(select(tables, quantity), quantity, run.folder.path.name)
                self._drawn = wanted


def _library() -> Any:
    from KDSegmentatorLib.logic import KDSegmentatorLogic

    return KDSegmentatorLogic().library
