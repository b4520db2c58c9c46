"""Which segment of the segmentation is measured against which segment of the reference."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Dict, List, Optional, Sequence, Tuple

from KDSegmentatorLib.i18n import _


class MatchBy(str, Enum):
    """What makes two segments one structure."""

    AUTO = "auto"
    NAME = "name"
    LABEL = "label"


@dataclass(frozen=True)
class SegmentFacts:
    """One segment, or one value of a label map.

    Attributes
    ----------
    key
        Its ID in the segmentation; of a label map the value as text.
    name
        For people.
    label
        Its label value.
    """

    key: str
    name: str
    label: int


@dataclass(frozen=True)
class MatchedStructure:
    """Two segments that are one structure; ``name`` is that of the reference, made unique where it is not.

    ``prediction`` is None for a structure that counts as missed: the segmentation has no such segment.
    """

    name: str
    prediction: Optional[SegmentFacts]
    reference: SegmentFacts


@dataclass(frozen=True)
class SegmentMatching:
    """What was matched and what has no partner.

    Attributes
    ----------
    structures
        In the order of the reference.
    only_prediction, only_reference
        Names of segments without a partner, which are not measured.
    by
        How they were matched: by name or by label.
    ambiguous
        Names or label values that occur twice in one of the two; nothing is matched then.
    """

    structures: Tuple[MatchedStructure, ...]
    only_prediction: Tuple[str, ...]
    only_reference: Tuple[str, ...]
    by: MatchBy
    ambiguous: Tuple[str, ...] = ()


def match_segments(
    prediction: Sequence[SegmentFacts],
    reference: Sequence[SegmentFacts],
    by: MatchBy = MatchBy.AUTO,
    *,
    missed: Sequence[str] = (),
    all_missed: bool = False,
) -> SegmentMatching:
    """Match segments by name (capitals and outer spaces do not count) or by label value.

    Parameters
    ----------
    prediction, reference
        The segments of the two.
    by
        ``AUTO`` means by name if the two share a name, else by label value.
    missed
        Names that were looked for and not found when the segmentation was made: they count as missed.
    all_missed
        Every structure of the reference that the segmentation lacks counts as missed.
    """
    unfound = {name.strip().casefold() for name in missed}
    if by is MatchBy.AUTO:
        shared = ({_name(segment) for segment in prediction} | unfound) & {_name(segment) for segment in reference}
        by = MatchBy.NAME if shared else MatchBy.LABEL
    key = _name if by is MatchBy.NAME else _label
    ambiguous = _twice(list(map(key, prediction))) + _twice(list(map(key, reference)))
    if ambiguous:
        return SegmentMatching((), _names(prediction), _names(reference), by, tuple(dict.fromkeys(ambiguous)))
    ours = {key(segment): segment for segment in prediction}
    measured = [s for s in reference if key(s) in ours or all_missed or (by is MatchBy.NAME and _name(s) in unfound)]
    names = _unique([segment.name.strip() or str(segment.label) for segment in measured])
    partners = {key(segment) for segment in measured}
    return SegmentMatching(
        tuple(MatchedStructure(name, ours.get(key(segment)), segment) for name, segment in zip(names, measured)),
        _names([segment for segment in prediction if key(segment) not in partners]),
        _names([segment for segment in reference if key(segment) not in partners]),
        by,
    )


def matching_sentence(matching: SegmentMatching) -> str:
    """Say what will be measured and what not."""
    by_name = matching.by is MatchBy.NAME
    if matching.ambiguous:
        what = _("These names occur more than once: {names}.") if by_name else _("These label values occur twice: {names}.")
        remedy = _("Rename segments, or match by label value.") if by_name else _("Match by name.")
        return what.format(names=", ".join(matching.ambiguous)) + " " + remedy
    if not matching.structures:
        return _("The two have no structure in common. Rename segments so that names agree, or match by label value.")
    found = [structure for structure in matching.structures if structure.prediction is not None]
    missed = [structure.name for structure in matching.structures if structure.prediction is None]
    head = _("Matched by name: {count}.") if by_name else _("Matched by label value: {count}.")
    parts = [head.format(count=len(found))]
    if missed:
        parts.append(_("Counted as missed: {names}.").format(names=", ".join(missed)))
    if matching.only_prediction:
        parts.append(_("Only in the segmentation: {names}.").format(names=", ".join(matching.only_prediction)))
    if matching.only_reference:
        parts.append(_("Only in the reference: {names}.").format(names=", ".join(matching.only_reference)))
    return " ".join(parts)


def _name(segment: SegmentFacts) -> str:
    return segment.name.strip().casefold()


def _label(segment: SegmentFacts) -> str:
    return str(segment.label)


def _names(segments: Sequence[SegmentFacts]) -> Tuple[str, ...]:
    return tuple(segment.name for segment in segments)


def _twice(keys: List[str]) -> List[str]:
    return [key for key, count in Counter(keys).items() if count > 1]


def _unique(names: Sequence[str]) -> Tuple[str, ...]:
    taken: Dict[str, int] = {}
    found = []
    for name in names:
        taken[name] = number = taken.get(name, 0) + 1
        found.append(name if number == 1 else f"{name} ({number})")
    return tuple(found)
