"""What a caller gave, where a node is wanted."""

from __future__ import annotations

from typing import Any

from kdseg.errors import InputError
from KDSegmentatorLib.i18n import _


def class_of(thing: Any) -> str:
    """Return the class of a node as MRML calls it, that of anything else as Python does, and "nothing" for None."""
    if thing is None:
        return _("nothing")
    return str(thing.GetClassName()) if hasattr(thing, "GetClassName") else type(thing).__name__


def name_of(thing: Any) -> str:
    """Return the name of a node; empty for what is none."""
    return (thing.GetName() or "") if hasattr(thing, "GetName") else ""


def is_node(thing: Any, mrml_class: str) -> bool:
    """Tell whether it is a node of this class, or of one derived from it."""
    return bool(hasattr(thing, "IsA") and thing.IsA(mrml_class))


def require_node(thing: Any, mrml_class: str, problem: str) -> None:
    """Raise InputError with ``problem``, the class wanted and the class found, unless it is a node of ``mrml_class``."""
    if not is_node(thing, mrml_class):
        raise InputError(
            problem,
            expected=mrml_class,
            found=class_of(thing),
            path=name_of(thing) or None,
            remedy=_("Give the node itself, for example from slicer.util.getNode."),
        )
