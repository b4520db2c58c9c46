"""Whether a result may replace what a segmentation holds, or the user is asked first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from KDSegmentatorLib.i18n import _


class Replacement(Enum):
    """The answer."""

    REPLACE = "replace"
    CREATE_NEW = "create new"
    CANCEL = "cancel"


@dataclass(frozen=True)
class TargetFacts:
    """What is known of the segmentation that is to take a result.

    Attributes
    ----------
    name
        Of its node.
    segments
        How many it holds.
    student
        Name and version of the student that made it; empty for none.
    edited
        Whether its segments were changed since.
    """

    name: str
    segments: int
    student: str = ""
    edited: bool = False


def replacement_question(target: TargetFacts, student: str) -> str:
    """Return what the user is asked before ``student`` replaces the content; empty where nobody would miss it."""
    if target.segments == 0:
        return ""
    if not target.student:
        reason = _("“{name}” holds segments that no student made.").format(name=target.name)
    elif target.student != student:
        reason = _("“{name}” was made by another student, {student}.").format(name=target.name, student=target.student)
    elif target.edited:
        reason = _("“{name}” was changed by hand since it was made.").format(name=target.name)
    else:
        return ""
    return reason + " " + _("Replacing it cannot be undone.")
