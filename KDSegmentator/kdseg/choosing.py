"""Choose for me: which of several students to use on this computer, from what is known of each and what is asked.

The rules, in order:

1. A student whose known number breaks a limit is out.
2. A student of which a limited number is not known is out, too, and this is said: unknown numbers are never guessed.
3. Of the rest, the one with the best quality is chosen. Where only the quality has a limit, and time has none, the fastest of
   those that are good enough is chosen instead.
4. Ties go to the faster, then to the one with less memory, then to the one with fewer parameters.
5. Where several remain and the deciding number is known for none of them, nothing is chosen, and this is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import List, Optional, Sequence, Tuple

_GIB = 1024**3


class Quantity(str, Enum):
    """What a limit can be set on."""

    SECONDS = "seconds"
    MEMORY = "memory"
    QUALITY = "quality"


@dataclass(frozen=True)
class Figure:
    """A number that was measured, never one that was guessed.

    Attributes
    ----------
    value
        In the unit of its field in :class:`Candidate`.
    source
        For people: where it comes from, for example ``runs on this computer``.
    basis
        What it was measured on and how. Figures of different bases are compared with a warning; empty where it does not matter.
    """

    value: float
    source: str = ""
    basis: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value >= 0):
            raise ValueError(f"a figure: expected a finite number, at least 0, found {self.value}")


@dataclass(frozen=True)
class Candidate:
    """A student and what is known of it; None is unknown.

    Attributes
    ----------
    name
        For people, and unique among the candidates.
    seconds
        Typical duration of one case from start to end, in seconds.
    memory_bytes
        Peak memory of that run, in bytes.
    quality
        Mean Dice over the student's classes, 0 to 1.
    parameters
        Number of trained parameters; it decides ties only.
    """

    name: str
    seconds: Optional[Figure] = None
    memory_bytes: Optional[Figure] = None
    quality: Optional[Figure] = None
    parameters: Optional[int] = None

    def figure(self, quantity: Quantity) -> Optional[Figure]:
        """Return what is known of a quantity; None if it is unknown."""
        if quantity is Quantity.SECONDS:
            return self.seconds
        return self.memory_bytes if quantity is Quantity.MEMORY else self.quality


@dataclass(frozen=True)
class Budget:
    """What is asked of a student; None asks nothing. Limits are inclusive and hold together.

    Attributes
    ----------
    seconds
        The longest that a case may take, in seconds.
    memory_bytes
        The most memory that a run may use, in bytes.
    least_quality
        The least mean Dice that is acceptable, 0 to 1.

    Raises
    ------
    ValueError
        If a limit is not positive, or a quality is above 1.
    """

    seconds: Optional[float] = None
    memory_bytes: Optional[int] = None
    least_quality: Optional[float] = None

    def __post_init__(self) -> None:
        for name in ("seconds", "memory_bytes", "least_quality"):
            limit = getattr(self, name)
            if limit is not None and not (math.isfinite(limit) and limit > 0):
                raise ValueError(f"{name}: expected a number above 0, found {limit}")
        if self.least_quality is not None and self.least_quality > 1:
            raise ValueError(f"least_quality: expected a mean Dice of at most 1, found {self.least_quality}")

    def limits(self) -> Tuple[Tuple[Quantity, float], ...]:
        """Return the limits that are set."""
        every = (
            (Quantity.SECONDS, self.seconds),
            (Quantity.MEMORY, self.memory_bytes),
            (Quantity.QUALITY, self.least_quality),
        )
        return tuple((quantity, float(limit)) for quantity, limit in every if limit is not None)

    @property
    def aim(self) -> Quantity:
        """What decides among those that keep to the limits: quality, or time where only the quality is limited."""
        return Quantity.SECONDS if self.least_quality is not None and self.seconds is None else Quantity.QUALITY


@dataclass(frozen=True)
class Reason:
    """Why a student is out: the limit, and the number that breaks it; ``found`` is None where it is unknown."""

    quantity: Quantity
    limit: float
    found: Optional[Figure]

    def sentence(self) -> str:
        """Return the reason in words, without a full stop."""
        if self.found is None:
            return f"{_UNKNOWN[self.quantity]} (limit {in_words(self.quantity, self.limit)})"
        return f"{described(self.quantity, self.found)}, {_BROKEN[self.quantity]} {in_words(self.quantity, self.limit)}"


@dataclass(frozen=True)
class Rejection:
    """A student that does not fit the budget, with every reason."""

    candidate: Candidate
    reasons: Tuple[Reason, ...]

    @property
    def unknown(self) -> bool:
        """Whether a limited number is not known."""
        return any(reason.found is None for reason in self.reasons)

    def sentence(self) -> str:
        """Return name and reasons in one sentence."""
        return f"{self.candidate.name}: " + "; ".join(reason.sentence() for reason in self.reasons) + "."


@dataclass(frozen=True)
class Choice:
    """The answer.

    Attributes
    ----------
    chosen
        The student to use; None where none fits or nothing known decides.
    why
        Sentences for people: the reason of the choice, or of there being none.
    rejected
        Those that do not fit, with their reasons, in the order given.
    fitting
        Those that keep to every limit, the best first.
    nearest
        Where none fits: the one that misses the limits by the smallest share; None where numbers are missing for all.
    cautions
        What weakens the answer: unknown numbers, figures that were not measured on the same thing.
    """

    chosen: Optional[Candidate]
    why: str
    rejected: Tuple[Rejection, ...] = ()
    fitting: Tuple[Candidate, ...] = ()
    nearest: Optional[Candidate] = None
    cautions: Tuple[str, ...] = ()


def choose(candidates: Sequence[Candidate], budget: Budget) -> Choice:
    """Name the student to use.

    Parameters
    ----------
    candidates
        The students of one family, with what is known of each.
    budget
        What is asked.

    Raises
    ------
    ValueError
        If two candidates have the same name.
    """
    if len({candidate.name for candidate in candidates}) != len(candidates):
        raise ValueError("candidates: expected names that differ")
    if not candidates:
        return Choice(None, "There is no student to choose from.")
    checked = [(candidate, _reasons(candidate, budget)) for candidate in candidates]
    rejected = tuple(Rejection(candidate, reasons) for candidate, reasons in checked if reasons)
    fitting = sorted((c for c, reasons in checked if not reasons), key=lambda c: _rank(c, budget.aim))
    if not fitting:
        return _none_fits(rejected, budget)
    if len(fitting) > 1 and fitting[0].figure(budget.aim) is None:
        why = f"{_count(len(fitting))} keep to the limits, but {_UNDECIDED[budget.aim]}: nothing known decides between them."
        return Choice(None, why, rejected, tuple(fitting))
    return Choice(fitting[0], _why(fitting, budget), rejected, tuple(fitting), cautions=_cautions(fitting, rejected, budget))


def in_words(quantity: Quantity, value: float) -> str:
    """Return a value with its unit, for example ``12.5 s``, ``1.50 GiB of memory`` or ``Dice 0.874``."""
    if quantity is Quantity.SECONDS:
        return f"{value:.3g} s" if value < 100 else f"{value:.0f} s"
    return f"{value / _GIB:.2f} GiB of memory" if quantity is Quantity.MEMORY else f"Dice {value:.3f}"


def described(quantity: Quantity, figure: Figure) -> str:
    """Return a figure with its unit and its source."""
    return in_words(quantity, figure.value) + (f" ({figure.source})" if figure.source else "")


_UNKNOWN = {
    Quantity.SECONDS: "its time is not known",
    Quantity.MEMORY: "its memory is not known",
    Quantity.QUALITY: "its quality is not known",
}
_BROKEN = {
    Quantity.SECONDS: "longer than",
    Quantity.MEMORY: "more than",
    Quantity.QUALITY: "below",
}
_BEST = {Quantity.SECONDS: "is the fastest", Quantity.QUALITY: "has the best quality"}
_VERB = {Quantity.SECONDS: "is", Quantity.QUALITY: "has"}
_UNDECIDED = {
    Quantity.SECONDS: "the time of none of them is known",
    Quantity.QUALITY: "the quality of none of them is known",
}
_NOUN = {Quantity.SECONDS: "time", Quantity.MEMORY: "memory", Quantity.QUALITY: "quality"}


def _reasons(candidate: Candidate, budget: Budget) -> Tuple[Reason, ...]:
    reasons = []
    for quantity, limit in budget.limits():
        figure = candidate.figure(quantity)
        if figure is None or _excess(quantity, limit, figure) > 0:
            reasons.append(Reason(quantity, limit, figure))
    return tuple(reasons)


def _excess(quantity: Quantity, limit: float, figure: Figure) -> float:
    """Return by which share of the limit a figure misses it; at most 0 where it keeps to it."""
    over = limit - figure.value if quantity is Quantity.QUALITY else figure.value - limit
    return over / limit


def _rank(candidate: Candidate, aim: Quantity) -> Tuple[float, float, float, float, str]:
    """Return what candidates are sorted by, the best first; the unknown comes last."""
    quality = math.inf if candidate.quality is None else -candidate.quality.value
    seconds = math.inf if candidate.seconds is None else candidate.seconds.value
    memory = math.inf if candidate.memory_bytes is None else candidate.memory_bytes.value
    parameters = math.inf if candidate.parameters is None else float(candidate.parameters)
    if aim is Quantity.SECONDS:
        return seconds, quality, memory, parameters, candidate.name
    return quality, seconds, memory, parameters, candidate.name


def _why(fitting: Sequence[Candidate], budget: Budget) -> str:
    chosen, asked = fitting[0], _asked(budget)
    if len(fitting) == 1:
        start = f"{chosen.name} is the only student that keeps to {asked}." if asked else f"{chosen.name} is the only student."
    else:
        keep = f" that keep to {asked}" if asked else ""
        start = f"Of {_count(len(fitting))}{keep}, {chosen.name} {_BEST[budget.aim]}{_tie(fitting, budget.aim)}."
    known = [(quantity, chosen.figure(quantity)) for quantity in Quantity]
    facts = [described(quantity, figure) for quantity, figure in known if figure is not None]
    return f"{start} Known of it: {'; '.join(facts)}." if facts else start


def _tie(fitting: Sequence[Candidate], aim: Quantity) -> str:
    best = fitting[0].figure(aim)
    equal = [
        c
        for c in fitting[1:]
        if best is not None and c.figure(aim) is not None and _rank(c, aim)[0] == _rank(fitting[0], aim)[0]
    ]
    if not equal:
        return ""
    next_best = "with the better quality" if aim is Quantity.SECONDS else "that is faster"
    also = " and ".join(c.name for c in equal)
    return f", as {_VERB[aim]} {also}; of equals the one {next_best} comes first, then the one with less memory"


def _asked(budget: Budget) -> str:
    words = [
        f"a Dice of at least {limit:.3f}" if quantity is Quantity.QUALITY else f"at most {in_words(quantity, limit)}"
        for quantity, limit in budget.limits()
    ]
    return " and ".join(words)


def _count(number: int) -> str:
    return "one student" if number == 1 else f"{number} students"


def _none_fits(rejected: Tuple[Rejection, ...], budget: Budget) -> Choice:
    known = [rejection for rejection in rejected if not rejection.unknown]
    start = f"No student keeps to {_asked(budget)}."
    if not known:
        return Choice(None, f"{start} For each of them a number that is limited is not known.", rejected)
    nearest = min(known, key=lambda r: (max(_misses(r)), sum(_misses(r)), r.candidate.name))
    return Choice(None, f"{start} Nearest comes {nearest.sentence()}", rejected, nearest=nearest.candidate)


def _misses(rejection: Rejection) -> List[float]:
    return [_excess(reason.quantity, reason.limit, reason.found) for reason in rejection.reasons if reason.found is not None]


def _cautions(fitting: Sequence[Candidate], rejected: Sequence[Rejection], budget: Budget) -> Tuple[str, ...]:
    cautions = []
    unranked = [c.name for c in fitting[1:] if c.figure(budget.aim) is None]
    if unranked:
        cautions.append(f"Not compared, because the {_NOUN[budget.aim]} is not known: {', '.join(unranked)}.")
    if budget.aim is Quantity.QUALITY and fitting[0].quality is None:
        cautions.append("Its quality is not known.")
    unknown = [rejection.candidate.name for rejection in rejected if rejection.unknown]
    if unknown:
        cautions.append(f"Left out, because a number that is limited is not known: {', '.join(unknown)}.")
    for quantity in {budget.aim, *(quantity for quantity, _limit in budget.limits())}:
        figures = [c.figure(quantity) for c in (*fitting, *(r.candidate for r in rejected))]
        if len({figure.basis for figure in figures if figure is not None}) > 1:
            cautions.append(f"The {_NOUN[quantity]} of the students was not measured on the same thing: compare with care.")
    return tuple(sorted(cautions))
