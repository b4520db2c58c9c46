"""The question before anything is installed, with the way for computers without internet."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.consent import ConsentAnswer, ConsentView, command_for, folder_problem
from KDSegmentatorLib.widgets.building import button, hide_unless, row, wrapped_label


class ConsentDialog:
    """Asks, and waits for the answer.

    Parameters
    ----------
    view
        The texts.
    parent
        The panel.
    """

    def __init__(self, view: ConsentView, parent: Any) -> None:
        self._view = view
        self.dialog = qt.QDialog(parent)
        self.dialog.objectName = "KDSegmentatorConsent"
        self.dialog.windowTitle = _("KDSegmentator: install software")
        self.dialog.setMinimumWidth(460)
        layout = qt.QVBoxLayout(self.dialog)
        layout.setSpacing(8)
        layout.addWidget(wrapped_label("consentQuestion", view.question))
        layout.addWidget(wrapped_label("consentPackages", "\n".join(f"•  {package}" for package in view.packages)))
        removed = wrapped_label("consentRemoved", view.removed)
        hide_unless(view.removed, removed)
        layout.addWidget(removed)
        layout.addWidget(wrapped_label("consentPromise", view.promise))
        self.faster_check = qt.QCheckBox(_("Fas&ter variant"))
        self.faster_check.objectName = "consentFaster"
        faster_label = wrapped_label("consentFasterText", view.faster)
        faster_label.indent = 24
        hide_unless(view.faster, self.faster_check, faster_label)
        self.internet_radio = qt.QRadioButton(_("From the &internet"))
        self.internet_radio.objectName = "consentInternet"
        self.internet_radio.checked = True
        self.folder_radio = qt.QRadioButton(_("From a &folder made on a computer with internet"))
        self.folder_radio.objectName = "consentFolder"
        for widget in (self.faster_check, faster_label, self.internet_radio, self.folder_radio, self._folder_box()):
            layout.addWidget(widget)
        self.problem_label = wrapped_label("consentProblem")
        layout.addWidget(self.problem_label)
        layout.addLayout(self._buttons())
        self.folder_radio.connect("toggled(bool)", self._update)
        self.faster_check.connect("toggled(bool)", self._update)
        self.folder_edit.connect("textChanged(QString)", self._update)
        self._update()

    def ask(self) -> Optional[ConsentAnswer]:
        """Show the question, wait, and return the answer; None is a no."""
        accepted = self.dialog.exec_() == qt.QDialog.Accepted
        answer = self.answer() if accepted else None
        self.dialog.deleteLater()
        return answer

    def answer(self) -> ConsentAnswer:
        """Return what is chosen now."""
        folder = Path(self.folder_edit.text) if self.folder_radio.checked else None
        return ConsentAnswer(faster=self.faster_check.checked, folder=folder)

    def _folder_box(self) -> Any:
        self.folder_edit = qt.QLineEdit()
        self.folder_edit.objectName = "consentFolderEdit"
        self.folder_edit.placeholderText = _("Folder with files that end in .whl")
        browse = button(_("&Browse…"), _("Choose the folder."), self._browse, "consentBrowse")
        self.folder_box = qt.QWidget()
        layout = qt.QVBoxLayout(self.folder_box)
        layout.setContentsMargins(24, 0, 0, 0)
        layout.addLayout(row(self.folder_edit, browse, stretch=0))
        layout.addWidget(
            wrapped_label("consentHint", _("Where there is internet and kdseg is installed, this command makes it:"))
        )
        self.command_edit = qt.QLineEdit()
        self.command_edit.objectName = "consentCommand"
        self.command_edit.readOnly = True
        layout.addWidget(self.command_edit)
        return self.folder_box

    def _buttons(self) -> Any:
        self.install_button = button(_("In&stall"), "", self.dialog.accept, "consentInstall")
        self.install_button.default = True
        self.cancel_button = button(_("&Not now"), "", self.dialog.reject, "consentCancel")
        buttons = qt.QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.install_button)
        return buttons

    def _browse(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(self.dialog, _("Folder of packages"), self.folder_edit.text)
        if folder:
            self.folder_edit.text = folder

    def _update(self) -> None:
        offline = self.folder_radio.checked
        problem = folder_problem(self.folder_edit.text) if offline else ""
        self.folder_box.enabled = offline
        self.command_edit.text = command_for(self._view, faster=self.faster_check.checked)
        self.command_edit.cursorPosition = 0
        self.problem_label.text = problem
        self.install_button.enabled = not problem
