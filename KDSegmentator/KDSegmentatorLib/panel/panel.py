"""The panel as a whole: what the scene remembers on one side, the widgets on the other."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Optional

import vtk

import slicer
from kdseg.errors import KDSegError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.panel import facts
from KDSegmentatorLib.panel.batch_control import BatchControl
from KDSegmentatorLib.panel.choosing import ChooseControl
from KDSegmentatorLib.panel.estimation import Estimation
from KDSegmentatorLib.panel.guard import FailureReporter, guarded
from KDSegmentatorLib.panel.installation import Installation
from KDSegmentatorLib.panel.keyboard import connect_return, order_tabs
from KDSegmentatorLib.panel.limits import AdvancedControl
from KDSegmentatorLib.panel.replacement import settled
from KDSegmentatorLib.panel.run_control import Order, RunControl
from KDSegmentatorLib.panel.students import StudentControl
from KDSegmentatorLib.parameters import connect_widgets
from KDSegmentatorLib.presentation import structures as structure_decisions
from KDSegmentatorLib.presentation.estimate import estimate_sentence
from KDSegmentatorLib.presentation.readiness import Phase, Situation, Tone, readiness
from KDSegmentatorLib.presentation.result import failed
from KDSegmentatorLib.widgets.error_dialog import close_all
from KDSegmentatorLib.widgets.log_area import LogArea
from KDSegmentatorLib.widgets.progress_area import ProgressArea
from KDSegmentatorLib.widgets.status_area import StatusArea
from KDSegmentatorLib.widgets.structure_list import StructureList


class Panel:
    """Joins the parts.

    Parameters
    ----------
    root
        The widget that was made from the ``.ui`` file.
    logic
        The module's logic.
    """

    def __init__(self, root: Any, logic: Any) -> None:
        self.root, self.logic = root, logic
        self.ui = slicer.util.childWidgetVariables(root)
        self.parameters: Optional[Any] = None
        self._gui_tag: Any = None
        self._observer: Any = None
        self._volume_id = ""
        self._locked = False
        self.log = LogArea(self.ui.logPlace)
        self.status = StatusArea(self.ui.statusPlace)
        self.progress = ProgressArea(self.ui.progressPlace)
        self.failures = FailureReporter(root, self.log.add)
        self.choosing = ChooseControl(self, failures=self.failures)
        self.students = StudentControl(
            self.ui,
            logic,
            failures=self.failures,
            on_chosen=self._student_chosen,
            on_log=self.log.add,
            on_choose=self.choosing.ask,
        )
        self.structures = StructureList(
            self.ui.structuresPlace, self.ui.structuresBoxPlace, self.ui.structuresLabel, on_changed=self._structures_changed
        )
        self.run = RunControl(
            logic,
            failures=self.failures,
            on_changed=self._run_changed,
            on_progress=self.progress.show,
            on_log=self.log.add,
            on_result=self._show_result,
        )
        self.installation = Installation(root, on_log=self.log.add, on_busy=self._show_busy)
        self.advanced = AdvancedControl(self.ui, self, failures=self.failures)
        self.estimation = Estimation(logic, on_changed=self.update)
        self.batch = BatchControl(self, failures=self.failures)
        self.ui.segmentButton.connect("clicked()", self.segment_or_cancel)
        connect_return(root, self._return_pressed)
        order_tabs(self)

    def bind(self, parameters: Any) -> None:
        """Show the choices of a parameter node and write changes into it; the one before is let go."""
        self.unbind()
        self.parameters = parameters
        self._choose_first_volume()
        self._volume_id = _node_id(parameters.inputVolume)
        self.students.refresh(parameters)
        self._show_structures()
        self._gui_tag = connect_widgets(parameters, self.root)
        self._observer = parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, self._parameters_modified)
        self.advanced.show()
        self._estimate()
        self.update()
        self.batch.refresh()

    def unbind(self) -> None:
        """Let the parameter node go: the scene closes, or the panel is left."""
        if self.parameters is not None:
            self.parameters.disconnectGui(self._gui_tag)
            self.parameters.RemoveObserver(self._observer)
        self.parameters = self._gui_tag = self._observer = None
        self.estimation.stop()

    def clean_up(self) -> None:
        """Stop everything; the panel goes away."""
        self.run.abandon()
        self.batch.abandon()
        self.unbind()
        close_all()

    def forget_scene(self) -> None:
        """The scene closes: a run has nowhere to go, and what was said of the old one is over."""
        self.run.abandon()
        self.batch.abandon()
        self.run.forget_outcome()
        self.unbind()
        self.update()

    def refresh(self) -> None:
        """Look again at students and scene: the panel is entered, or a node came or went."""
        if self.parameters is not None:
            self.students.refresh(self.parameters)
            self._choose_first_volume()
            self.update()
            self.batch.refresh()

    @guarded
    def segment_or_cancel(self) -> None:
        """Do what the button says."""
        if self.run.phase is not Phase.IDLE:
            self.run.cancel()
            return
        if self.parameters is None or not readiness(self.situation()).enabled:
            self.update()
            return
        order = settled(self._order(self.parameters), self.root)
        if order is None:
            return
        self.estimation.stop()
        if self.install_missing():
            self.run.start(order)

    def install_missing(self) -> bool:
        """Install what a run needs, after asking; return whether a run can start.

        Raises
        ------
        InstallationError
            If the installation fails.
        """
        try:
            installed = self.installation.ensure()
        except KDSegError as error:
            self.run.say(failed(error.problem, ""))
            raise
        if installed:
            self.advanced.show()
        else:
            self.run.say((self.installation.refusal(), Tone.PROBLEM))
        return installed

    def situation(self) -> Situation:
        """Collect what decides whether a run can start."""
        queue_runs = self.batch.phase is not Phase.IDLE
        if self.parameters is None:
            return Situation(volumes_loaded=len(facts.volumes()), phase=self.run.phase, queue_runs=queue_runs)
        return Situation(
            volumes_loaded=len(facts.volumes()),
            volume=facts.volume_facts(self.parameters.inputVolume),
            student=facts.student_facts(self.students.current),
            missing_student=self.students.missing,
            chosen_structures=len(self.structures.chosen()),
            estimate=self.estimation.view,
            ceiling_bytes=self.advanced.ceiling_bytes(),
            ceiling_is_chosen=self.parameters.memoryGib > 0,
            phase=self.run.phase,
            queue_runs=queue_runs,
        )

    def update(self) -> None:
        """Show the state of everything."""
        situation = self.situation()
        state = readiness(situation)
        self.ui.segmentButton.text = state.button
        self.ui.segmentButton.enabled = state.enabled
        outcome, tone = self.run.outcome
        if outcome and (state.enabled or not state.sentence):
            self.status.show_sentence(outcome, tone)
        else:
            self.status.show_sentence(state.sentence, state.tone)
        self.status.show_estimate(estimate_sentence(situation.estimate, situation.ceiling_bytes))
        self._lock(situation.phase is not Phase.IDLE or situation.queue_runs)
        self.batch.update()

    def options(self) -> Dict[str, Any]:
        """Return the keyword arguments of the logic's ``segment`` for the choices of the panel."""
        return {
            "structures": structure_decisions.wanted(self.structures.chosen(), facts.structures_of(self.students.current)),
            **self.advanced.options(),
        }

    def choices_changed(self) -> None:
        """Something that a run depends on changed: what was said of the last one is over."""
        self.run.forget_outcome()
        self._estimate()
        self.update()

    def _run_changed(self) -> None:
        self._estimate()  # after a run its time is known
        self.update()

    def _estimate(self) -> None:
        if self.parameters is not None and self.run.phase is Phase.IDLE:
            self.estimation.schedule(self.parameters.inputVolume, self.students.current, self.advanced.options())

    def _choose_first_volume(self) -> None:
        """Choose a volume where none is chosen: most scenes have one."""
        if self.parameters is not None and self.parameters.inputVolume is None and self.run.phase is Phase.IDLE:
            self.parameters.inputVolume = next(iter(facts.volumes()), None)

    def _show_busy(self, sentence: str) -> None:
        self.status.show_sentence(sentence, Tone.HINT)

    def _order(self, chosen: Any) -> Order:
        return Order(
            volume=chosen.inputVolume,
            student=self.students.current,
            parameters=chosen,
            segmentation=chosen.outputSegmentation,
            options=self.options(),
            show_3d=chosen.show3D,
            volumes_table=chosen.volumesTable,
        )

    @guarded
    def _show_result(self, order: Order, segmentation: Any) -> None:
        if order.parameters.inputVolume is order.volume:
            order.parameters.outputSegmentation = segmentation
        if order.show_3d:
            segmentation.CreateClosedSurfaceRepresentation()
        if order.volumes_table:
            table = self.logic.volumesTable(segmentation)
            self.log.add(_("Volumes are in the table {name}.").format(name=table.GetName()))

    @guarded
    def _parameters_modified(self, caller: Any, event: Any) -> None:
        chosen = self.parameters
        if chosen is None:
            return
        volume_id = _node_id(chosen.inputVolume)
        if volume_id != self._volume_id:
            self._volume_id = volume_id
            if _belongs_to_another(chosen.outputSegmentation, chosen.inputVolume):
                chosen.outputSegmentation = None  # the result of one patient must not replace that of another
        if chosen.student != self.students.key:
            self.students.refresh(chosen)
        if self._wanted_structures() != self.structures.chosen():
            self._show_structures()
        self.advanced.show_engine()
        if self.run.phase is Phase.IDLE:
            self.choices_changed()

    @guarded
    def _student_chosen(self, key: str) -> None:
        if self.parameters is not None and key != self.parameters.student:
            modifying = self.parameters.StartModify()
            if self.parameters.student:
                self.parameters.outputSegmentation = None  # the result of one student must not replace that of another
            self.parameters.student = key
            self.parameters.leftOut = []
            self.parameters.EndModify(modifying)
        self._show_structures()
        self.choices_changed()

    @guarded
    def _structures_changed(self) -> None:
        if self.parameters is not None:
            everything = {s.value for s in facts.structures_of(self.students.current)}
            self.parameters.leftOut = sorted(everything - self.structures.chosen())
        self.update()

    def _show_structures(self) -> None:
        self.structures.show_structures(facts.structures_of(self.students.current), self._wanted_structures())

    def _wanted_structures(self) -> FrozenSet[int]:
        left_out = () if self.parameters is None else self.parameters.leftOut
        return structure_decisions.restored(left_out, facts.structures_of(self.students.current))

    @guarded
    def _return_pressed(self) -> None:
        if self.run.phase is Phase.IDLE and not self.structures.search.hasFocus():
            self.segment_or_cancel()

    def _lock(self, locked: bool) -> None:
        if locked == self._locked:
            return
        self._locked = locked
        for widget in (self.ui.inputSelector, self.ui.outputSelector, self.ui.show3DCheck, self.ui.volumesTableCheck):
            widget.enabled = not locked
        for part in (self.students, self.structures, self.advanced):
            part.set_locked(locked)


def _node_id(node: Any) -> str:
    return "" if node is None else str(node.GetID() or "")


def _belongs_to_another(segmentation: Any, volume: Any) -> bool:
    """Tell whether a segmentation holds something of another volume."""
    if segmentation is None:
        return False
    reference = segmentation.GetNodeReference("referenceImageGeometryRef")
    return reference is not None and reference is not volume
