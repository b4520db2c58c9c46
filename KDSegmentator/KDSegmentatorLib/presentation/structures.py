"""Which structures are wanted: all, some or none, and which of them a search shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, Iterable, Optional, Sequence, Tuple

from KDSegmentatorLib.i18n import _


@dataclass(frozen=True)
class Structure:
    """One structure of a student: label value, name and colour (red, green, blue, 0 to 255)."""

    value: int
    name: str
    color: Tuple[int, int, int]


def matches(name: str, search: str) -> bool:
    """Tell whether a name holds every word of a search, in any order and case; an empty search matches all."""
    lowered = name.casefold()
    return all(word in lowered for word in search.casefold().split())


def summary(chosen: int, total: int) -> str:
    """Return the sentence above the list."""
    if total == 0:
        return ""
    if chosen == total:
        return _("All structures ({total})").format(total=total) if total > 1 else _("1 structure")
    if chosen == 0:
        return _("No structure is chosen")
    return _("{chosen} of {total} structures").format(chosen=chosen, total=total)


def wanted(chosen: Iterable[int], structures: Sequence[Structure]) -> Optional[Tuple[int, ...]]:
    """Return the label values to keep, ascending; None for all of them."""
    values = frozenset(chosen) & _values(structures)
    return None if values == _values(structures) else tuple(sorted(values))


def restored(left_out: Iterable[int], structures: Sequence[Structure]) -> FrozenSet[int]:
    """Return the chosen label values, given those that were left out; values that the student lacks are ignored."""
    return _values(structures) - frozenset(left_out)


def _values(structures: Sequence[Structure]) -> FrozenSet[int]:
    return frozenset(s.value for s in structures)
