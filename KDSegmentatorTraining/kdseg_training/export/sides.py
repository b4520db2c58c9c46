"""Which structures are each other's mirror image, read from the terminology of ``labels.csv``."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

from kdseg.errors import ExportError
from kdseg.plans.model import ArrayOrientation, ModelPlan
from kdseg.segmentation import LabelEntry
from kdseg.sides import SideExchange
from kdseg_training.export.terminology import LEFT, RIGHT, side_in_name

_NAMES_SIDES = "Give a labels.csv whose terminology names the sides, with --labels, or export without --exchange-sides."


def side_exchange(
    entries: Tuple[LabelEntry, ...], plan: ModelPlan, mirroring_axes: Optional[Tuple[int, ...]] = None
) -> SideExchange:
    """Return how a patch of this model is mirrored from left to right.

    Parameters
    ----------
    entries
        The structures; those of one side have the type modifier Left or Right.
    plan
        What the model was trained with.
    mirroring_axes
        Spatial axes over which the model may be mirrored without exchanging anything; None for none.

    Raises
    ------
    ExportError
        If the network's arrays are not oriented, its heads are regions, its slices have no left and right, it may be mirrored
        along that axis anyway, no structure has a side, or one has no counterpart.
    """
    if plan.orientation is not ArrayOrientation.RAS:
        raise _refused("arrays that a reader such as NibabelIOWithReorient turned to RAS", "arrays as they lie in the file")
    if plan.labels.has_regions:
        raise _refused("classes that exclude each other", "regions")
    axis = plan.left_right_axis
    if axis is None:
        raise _refused("slices that show left and right", "slices across the axis from left to right")
    if axis in (mirroring_axes or ()):
        raise _refused(f"a network that is not mirrored along axis {axis}", f"mirroring axes {mirroring_axes}")
    return SideExchange(_counterparts(entries, plan.labels.heads), axis)


def _counterparts(entries: Tuple[LabelEntry, ...], heads: int) -> Tuple[int, ...]:
    opposite = {LEFT.value: RIGHT.value, RIGHT.value: LEFT.value}
    sided: Dict[Tuple[str, str, str], LabelEntry] = {}
    for entry in entries:
        if entry.type_modifier is None or entry.type_modifier.value not in opposite:
            _check_has_no_side(entry)
            continue
        key = (entry.type.scheme, entry.type.value, entry.type_modifier.value)
        if key in sided:
            raise _refused("one structure of each type on each side", f"{sided[key].name} and {entry.name}", _NAMES_SIDES)
        sided[key] = entry
    if not sided:
        raise _refused("structures with the type modifier Left or Right", "none", _NAMES_SIDES)
    classes = list(range(heads))
    for (scheme, code, side), entry in sided.items():
        counterpart = sided.get((scheme, code, opposite[side]))
        if counterpart is None:
            raise _refused("for each structure of one side that of the other", f"{entry.name} alone", _NAMES_SIDES)
        classes[entry.value] = counterpart.value
    return tuple(classes)


def _check_has_no_side(entry: LabelEntry) -> None:
    """Refuse a structure of one side whose type modifier does not say so: it would be averaged with its own mirror image."""
    elsewhere = entry.region_modifier is not None and entry.region_modifier.value in (LEFT.value, RIGHT.value)
    if elsewhere or side_in_name(entry.name) is not None:
        raise _refused(
            "the type modifier Left or Right for every structure of one side",
            f"{entry.name}, whose type {entry.type.meaning} has none",
            _NAMES_SIDES,
        )


def _refused(expected: str, found: str, remedy: str = "Export without --exchange-sides.") -> ExportError:
    return ExportError(
        "Left and right cannot be exchanged.",
        expected=expected,
        found=found,
        remedy=remedy,
    )
