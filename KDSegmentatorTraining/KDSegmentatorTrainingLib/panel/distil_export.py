"""Exporting a finished student, and installing it where the segmentation panel finds it."""

from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

from kdseg.errors import KDSegError
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.panel.guard import guarded
from KDSegmentatorLib.presentation.readiness import Tone
from KDSegmentatorTrainingLib.distil.environment import TrainingPython
from KDSegmentatorTrainingLib.distil.export import ExportOrder, read_export, suggested_name
from KDSegmentatorTrainingLib.distil.folder import STUDENTS, StudentFolder
from KDSegmentatorTrainingLib.distil.question import Answer, Question
from KDSegmentatorTrainingLib.panel.distil_python import PythonControl, environment
from KDSegmentatorTrainingLib.panel.distil_run import RunWatch

SECONDS = 1800.0
"""How long an export may take: it compares ONNX with torch on a sample."""


class ExportControl:
    """Joins the box Export, the run and the library of students.

    Parameters
    ----------
    box
        The widgets; set after the tab was made.
    watch, python
        The run, and the Python that exports.
    library
        Returns the library of students.
    failures, log
        Show errors, take lines for the log.
    """

    box: Any

    def __init__(
        self, watch: RunWatch, python: PythonControl, *, library: Callable[[], Any], failures: Any, log: Callable[[str], None]
    ) -> None:
        self._watch, self._python, self._library = watch, python, library
        self.failures, self._log = failures, log
        self._question: Optional[Question] = None
        self._finished: Tuple[StudentFolder, ...] = ()
        self._named = ""

    def show(self) -> bool:
        """Offer the finished students of the run; return whether there are some."""
        self._finished = tuple(student for student in self._watch.students if student.finished)
        self.box.show_students([student.name for student in self._finished])
        self.box.set_enabled(bool(self._finished) and self._question is None)
        self._suggest()
        return bool(self._finished)

    def choose(self, _index: int) -> None:
        """Suggest a name for the student that the user chose."""
        self.box.show_sentence("")
        self._suggest()

    def export(self) -> None:
        """Export the chosen student and install it.

        Raises
        ------
        KDSegError
            If name or version cannot be those of a student, or no Python is chosen.
        """
        student = self._chosen()
        if student is None or self._question is not None:
            return
        fold = student.fold_folder.replace("\\", "/").rpartition("/fold_")[2]
        order = ExportOrder(student.model_folder, fold, **self.box.stated())
        self._python.ensure(lambda python: self._export(python, order))

    def stop(self) -> None:
        """End an export that is on."""
        if self._question is not None:
            self._question.withdraw()
            self._question = None

    @guarded
    def _export(self, python: TrainingPython, order: ExportOrder) -> None:
        run = self._watch.run
        if run is None:
            return
        self._question = Question(
            python.program,
            order.arguments(run.folder.file(STUDENTS)),
            environment=environment(),
            on_answered=self._exported,
            folder=run.folder.path,
            seconds=SECONDS,
        )
        self._question.ask()
        self.box.show_sentence(_("Exporting {name}: this takes a minute.").format(name=order.name))
        self.box.set_enabled(False)

    @guarded
    def _exported(self, answer: Answer) -> None:
        self._question = None
        self.box.set_enabled(True)
        try:
            path = read_export(answer.exit_code, answer.output, answer.errors)
            student = self._library().add(path)
        except KDSegError as error:
            self.box.show_sentence(error.problem, Tone.PROBLEM)
            self.failures.show(error, answer.errors)
            return
        text = _("{name} {version} is installed: choose it in the module KDSegmentator.")
        sentence = text.format(name=student.name, version=student.version)
        self.box.show_sentence(sentence)
        self._log(_("Exported to {path}. {sentence}").format(path=path, sentence=sentence))

    def _chosen(self) -> Optional[StudentFolder]:
        index = int(self.box.student_combo.currentIndex)
        return self._finished[index] if 0 <= index < len(self._finished) else None

    def _suggest(self) -> None:
        student = self._chosen()
        if student is None or student.name == self._named:
            return
        self._named = student.name
        data_set = student.model_folder.replace("\\", "/").split("/")[-2]
        self.box.fields["name"].text = suggested_name(data_set, student.name)
