"""Widgets bound to the choices of the panel by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Sequence, Tuple


@dataclass(frozen=True)
class _Field:
    widget: Any
    read: Callable[[], Any]
    write: Callable[[Any], None]


class Fields:
    """Shows choices and tells what the user changes.

    Parameters
    ----------
    on_changed
        Called with the name of a choice and its new value.
    """

    def __init__(self, on_changed: Callable[[str, Any], None]) -> None:
        self._on_changed = on_changed
        self._fields: Dict[str, _Field] = {}

    def add_check(self, name: str, box: Any) -> Any:
        """Bind a check box to a truth value."""
        return self._add(name, box, "toggled(bool)", lambda: bool(box.checked), lambda value: setattr(box, "checked", value))

    def add_text(self, name: str, edit: Any) -> Any:
        """Bind a line edit to a text."""
        return self._add(name, edit, "textChanged(QString)", lambda: str(edit.text), lambda value: setattr(edit, "text", value))

    def add_path(self, name: str, edit: Any) -> Any:
        """Bind a ``ctkPathLineEdit`` to a path as text."""

        def write(value: str) -> None:
            edit.currentPath = value

        return self._add(name, edit, "currentPathChanged(QString)", lambda: str(edit.currentPath), write)

    def add_node(self, name: str, selector: Any) -> Any:
        """Bind a selector to a node."""
        return self._add(name, selector, "currentNodeChanged(vtkMRMLNode*)", selector.currentNode, selector.setCurrentNode)

    def add_count(self, name: str, spin: Any) -> Any:
        """Bind a ``QSpinBox`` to a whole number."""
        return self._add(name, spin, "valueChanged(int)", lambda: int(spin.value), lambda value: setattr(spin, "value", value))

    def add_amount(self, name: str, spin: Any) -> Any:
        """Bind a ``QDoubleSpinBox`` to a number."""
        read, write = (lambda: float(spin.value)), (lambda value: setattr(spin, "value", value))
        return self._add(name, spin, "valueChanged(double)", read, write)

    def add_choice(self, name: str, combo: Any, choices: Sequence[Tuple[Any, str]]) -> Any:
        """Bind a combo box to one of several values; each is given with its text."""
        for _value, text in choices:
            combo.addItem(text)
        values = [value for value, _text in choices]

        def write(value: Any) -> None:
            combo.currentIndex = values.index(value) if value in values else 0

        return self._add(name, combo, "currentIndexChanged(int)", lambda: values[combo.currentIndex], write)

    def show(self, choices: Any) -> None:
        """Show the attributes of an object that have these names; nobody is told."""
        for name, field in self._fields.items():
            value = getattr(choices, name)
            if field.read() != value:
                blocked = field.widget.blockSignals(True)
                field.write(value)
                field.widget.blockSignals(blocked)

    def set_enabled(self, enabled: bool) -> None:
        """Lock the choices while something runs."""
        for field in self._fields.values():
            field.widget.enabled = enabled

    def _add(self, name: str, widget: Any, signal: str, read: Callable[[], Any], write: Callable[[Any], None]) -> Any:
        widget.objectName = name
        widget.connect(signal, lambda *_told: self._on_changed(name, read()))
        self._fields[name] = _Field(widget, read, write)
        return widget
