"""The list of students with the card of the chosen one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional, Sequence

import qt

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.card import Card
from KDSegmentatorLib.widgets.building import button, column, row


@dataclass(frozen=True)
class PickerEntry:
    """A line of the list: what identifies the student, what is shown, and whether it may be removed."""

    key: str
    title: str
    removable: bool


class StudentPicker:
    """A combo box, buttons to add and remove, and the card underneath.

    Parameters
    ----------
    place, card_place
        Empty widgets of the ``.ui`` file, for the choice and for the card.
    label
        Its label, whose mnemonic jumps here.
    on_chosen
        Called with the key of the student that the user chose.
    on_add, on_remove, on_choose
        Called when the user presses the buttons; the last is *Choose for me*.
    """

    def __init__(
        self,
        place: Any,
        card_place: Any,
        label: Any,
        *,
        on_chosen: Callable[[str], None],
        on_add: Callable[[], None],
        on_remove: Callable[[], None],
        on_choose: Callable[[], None],
    ) -> None:
        self._on_chosen = on_chosen
        self._entries: Sequence[PickerEntry] = ()
        self._card: Optional[Card] = None
        self.card_frame = qt.QFrame()
        self.card_label, self.notice_label, self.more_button = qt.QLabel(), qt.QLabel(), qt.QToolButton()
        self.combo = qt.QComboBox()
        self.combo.objectName = "studentCombo"
        self.combo.toolTip = _("Students that are installed here.")
        self.combo.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
        self.combo.minimumContentsLength = 8
        self.add_button = button(
            _("&Add…"),
            _("Adds a student from a file that ends in .kdseg.zip, after checking it."),
            on_add,
            "addStudent",
        )
        self.remove_button = button(
            _("Re&move"), _("Removes the chosen student from this computer."), on_remove, "removeStudent"
        )
        self.choose_button = button(
            _("Ch&oose for me…"),
            _("Several students do the same work: names the one that keeps to the time and memory you have."),
            on_choose,
            "chooseStudent",
        )
        self.choose_button.visible = False
        layout = column(place)
        layout.addLayout(row(self.combo, self.add_button, self.remove_button, stretch=0))
        layout.addWidget(self.choose_button)
        column(card_place).addWidget(self._fill_card_frame())
        label.setBuddy(self.combo)
        self.combo.connect("currentIndexChanged(int)", self._chosen)

    def show_students(self, entries: Sequence[PickerEntry], current: str) -> None:
        """Fill the list and mark the student with the key ``current``; none where no entry has it."""
        self._entries = tuple(entries)
        blocked = self.combo.blockSignals(True)
        self.combo.clear()
        for entry in self._entries:
            self.combo.addItem(entry.title)
        self.combo.currentIndex = self._index(current)
        self.combo.blockSignals(blocked)
        self.combo.enabled = bool(self._entries)
        self.remove_button.enabled = self._removable(current)

    def show_choose(self, offered: bool) -> None:
        """Show *Choose for me* where there is something to choose from."""
        self.choose_button.visible = offered

    def show_card(self, card: Optional[Card]) -> None:
        """Show a card; hide it where there is none."""
        self.card_frame.visible = card is not None
        self.card_label.text = "" if card is None else card.html(full=self.more_button.checked)
        self.notice_label.text = "" if card is None else card.notice
        self._card = card

    def set_locked(self, locked: bool) -> None:
        """Lock the choice while a run is on."""
        self.combo.enabled = bool(self._entries) and not locked
        self.add_button.enabled = not locked
        self.choose_button.enabled = not locked
        self.remove_button.enabled = not locked and self._removable(self.current_key())

    def current_key(self) -> str:
        """Return the key of the student that is shown; empty for none."""
        index = self.combo.currentIndex
        return self._entries[index].key if 0 <= index < len(self._entries) else ""

    def _fill_card_frame(self) -> Any:
        self.card_frame.objectName = "studentCard"
        self.card_frame.frameShape = qt.QFrame.StyledPanel
        layout = qt.QVBoxLayout(self.card_frame)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.setSpacing(4)
        self.card_label.objectName = "studentCardText"
        self.card_label.textFormat = qt.Qt.RichText
        self.card_label.wordWrap = True
        self.card_label.textInteractionFlags = qt.Qt.TextSelectableByMouse
        self.notice_label.objectName = "studentNotice"
        self.notice_label.textFormat = qt.Qt.PlainText
        self.notice_label.wordWrap = True
        self.more_button.objectName = "studentMore"
        self.more_button.checkable = True
        self.more_button.autoRaise = True
        self.more_button.toolButtonStyle = qt.Qt.ToolButtonTextBesideIcon
        self.more_button.arrowType = qt.Qt.RightArrow
        self.more_button.text = _("More about this student")
        self.more_button.connect("toggled(bool)", self._more)
        layout.addWidget(self.card_label)
        layout.addWidget(self.notice_label)
        layout.addWidget(self.more_button)
        self.card_frame.visible = False
        return self.card_frame

    def _more(self, shown: bool) -> None:
        self.more_button.arrowType = qt.Qt.DownArrow if shown else qt.Qt.RightArrow
        self.show_card(self._card)

    def _chosen(self, index: int) -> None:
        key = self.current_key()
        self.remove_button.enabled = self._removable(key)
        self._on_chosen(key)

    def _index(self, key: str) -> int:
        return next((i for i, entry in enumerate(self._entries) if entry.key == key), -1)

    def _removable(self, key: str) -> bool:
        return any(entry.key == key and entry.removable for entry in self._entries)
