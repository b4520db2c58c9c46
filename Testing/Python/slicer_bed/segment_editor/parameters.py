"""The parameters of an effect: attributes of the editor's node."""

from __future__ import annotations

from PySide6 import QtCore

from ..pythonqt.classes import stand_in
from ..pythonqt.fields import field
from ..pythonqt.slots import remember


@stand_in
class EffectParameters(QtCore.QObject):
    """Parameters of one effect, named after it, and those that all effects have in common."""

    name = field(str, "")

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._node = None

    def parameterSetNode(self):
        """Return the editor's node."""
        return self._node

    def setParameterSetNode(self, node) -> None:
        """Set the editor's node."""
        self._node = node

    def scene(self):
        """Return the scene of the editor's node."""
        return self._node.GetScene() if self._node is not None else None

    def _full(self, name: str) -> str:
        return f"{self.name}.{name}"

    def parameter(self, name: str) -> str:
        """Return a parameter, the effect's own before a common one; empty, with an error in the log, if there is none."""
        if self._node is None:
            return ""
        value = self._node.GetAttribute(self._full(name))
        value = self._node.GetAttribute(name) if value is None else value
        if value is None:
            remember(LookupError(f"Parameter named {name} cannot be found for effect {self.name}"))
        return value or ""

    def integerParameter(self, name: str) -> int:
        """Return a parameter as a whole number."""
        return int(self.parameter(name)) if self._node is not None else 0

    def doubleParameter(self, name: str) -> float:
        """Return a parameter as a number."""
        return float(self.parameter(name)) if self._node is not None else 0.0

    def parameterDefined(self, name: str) -> bool:
        """Tell whether the effect's own parameter was set."""
        return self.commonParameterDefined(self._full(name))

    def commonParameterDefined(self, name: str) -> bool:
        """Tell whether a parameter of all effects was set."""
        return self._node is not None and bool(self._node.GetAttribute(name))

    def setParameter(self, name: str, value: str | float) -> None:
        """Set the effect's own parameter."""
        self.setCommonParameter(self._full(name), value)

    def setParameterDefault(self, name: str, value: str | float) -> None:
        """Set the effect's own parameter unless it was set."""
        if not self.parameterDefined(name):
            self.setParameter(name, value)

    def setCommonParameter(self, name: str, value: str | float) -> None:
        """Set a parameter of all effects; observers of the node hear only of EffectParameterModified."""
        if not isinstance(value, (str, int, float)):
            raise TypeError(f"A parameter is a text or a number, got {value!r}")
        node, text = self._require_node(), str(value)
        old = node.GetAttribute(name)
        if old == text or (old is None and not text):
            return
        disabled = node.GetDisableModifiedEvent()
        node.SetDisableModifiedEvent(1)
        node.SetAttribute(name, text)
        node.SetDisableModifiedEvent(disabled)
        node.InvokeCustomModifiedEvent(node.EffectParameterModified)

    def setCommonParameterDefault(self, name: str, value: str | float) -> None:
        """Set a parameter of all effects unless it was set."""
        if not self.commonParameterDefined(name):
            self.setCommonParameter(name, value)

    def nodeReference(self, name: str):
        """Return a node that the effect, or else all effects, refer to."""
        if self._node is None:
            return None
        return self._node.GetNodeReference(self._full(name)) or self._node.GetNodeReference(name)

    def setNodeReference(self, name: str, node) -> None:
        """Refer to a node."""
        self.setCommonNodeReference(self._full(name), node)

    def setCommonNodeReference(self, name: str, node) -> None:
        """Refer to a node for all effects."""
        own = self._require_node()
        if own.GetNodeReference(name) is not node:
            own.SetNodeReferenceID(name, node.GetID() if node is not None else None)
            own.InvokeCustomModifiedEvent(own.EffectParameterModified)

    def _require_node(self):
        if self._node is None:
            raise LookupError(f"Invalid segment editor parameter set node set to effect {self.name}")
        return self._node
