"""Choose for me, in words: what the user asks, and the answer with every student beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from kdseg.choosing import Candidate, Figure, Quantity, Rejection, described, in_words
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.quantities import GIB, memory_text
from KDSegmentatorLib.presentation.readiness import Tone


@dataclass(frozen=True)
class Asked:
    """What the fields say; 0 asks nothing.

    Attributes
    ----------
    seconds
        The longest that a case may take.
    memory_gib
        The most memory that a run may use.
    least_dice
        The least acceptable mean Dice.
    """

    seconds: int = 0
    memory_gib: float = 0.0
    least_dice: float = 0.0

    def limits(self, ceiling_bytes: Optional[int]) -> Dict[str, Any]:
        """Return the limits for the logic's ``chooseStudent``; memory is never more than the ceiling of the panel's runs."""
        memory = [n for n in (int(self.memory_gib * GIB) or None, ceiling_bytes) if n is not None]
        return {
            "seconds": self.seconds or None,
            "memoryBytes": min(memory) if memory else None,
            "leastQuality": self.least_dice or None,
        }


@dataclass(frozen=True)
class StudentRow:
    """One student in the table.

    Attributes
    ----------
    title, time, memory, dice, verdict
        Cells.
    chosen
        Whether it is the answer.
    fits
        Whether it keeps to the limits.
    tip
        Every number with its source.
    """

    title: str
    time: str
    memory: str
    dice: str
    verdict: str
    chosen: bool
    fits: bool
    tip: str

    def cells(self) -> Tuple[str, ...]:
        """Return the texts from left to right."""
        return self.title, self.time, self.memory, self.dice, self.verdict


@dataclass(frozen=True)
class ChoiceView:
    """The answer as it is shown.

    Attributes
    ----------
    rows
        The family, in the order of the library.
    sentence, tone
        Why, with what weakens it.
    button
        Text of the button that takes it.
    key
        Identifier of the chosen student; empty for none.
    """

    rows: Tuple[StudentRow, ...]
    sentence: str
    tone: Tone
    button: str
    key: str


def choice_view(answer: Any) -> ChoiceView:
    """Return the words for a :class:`KDSegmentatorLib.choosing.StudentChoice`."""
    choice = answer.choice
    rejected = {rejection.candidate.name: rejection for rejection in choice.rejected}
    rows = tuple(_row(m, rejected.get(m.candidate.name), chosen=m.student is answer.student) for m in answer.members)
    title = "" if answer.student is None else f"{answer.student.name} {answer.student.version}"
    return ChoiceView(
        rows=rows,
        sentence="\n".join((choice.why, *choice.cautions)),
        tone=Tone.HINT if answer.student is not None and not choice.cautions else Tone.WARNING,
        button=_("&Use {student}").format(student=title) if title else _("&Use"),
        key="" if answer.student is None else answer.student.identifier,
    )


def _row(member: Any, rejection: Optional[Rejection], *, chosen: bool) -> StudentRow:
    candidate: Candidate = member.candidate
    known = [(quantity, candidate.figure(quantity)) for quantity in Quantity]
    return StudentRow(
        title=candidate.name,
        time=_("not known") if candidate.seconds is None else in_words(Quantity.SECONDS, candidate.seconds.value),
        memory=_("not known") if candidate.memory_bytes is None else memory_text(candidate.memory_bytes.value),
        dice=_("not known") if candidate.quality is None else f"{candidate.quality.value:.3f}",
        verdict=_("chosen") if chosen else _verdict(rejection),
        chosen=chosen,
        fits=rejection is None,
        tip="\n".join(described(quantity, figure) for quantity, figure in known if isinstance(figure, Figure)),
    )


def _verdict(rejection: Optional[Rejection]) -> str:
    """Return the first reason in two or three words."""
    if rejection is None:
        return _("fits")
    reason = rejection.reasons[0]
    if reason.found is None:
        return {
            Quantity.SECONDS: _("time not known"),
            Quantity.MEMORY: _("memory not known"),
            Quantity.QUALITY: _("quality not known"),
        }[reason.quantity]
    return {
        Quantity.SECONDS: _("too slow"),
        Quantity.MEMORY: _("too much memory"),
        Quantity.QUALITY: _("not good enough"),
    }[reason.quantity]
