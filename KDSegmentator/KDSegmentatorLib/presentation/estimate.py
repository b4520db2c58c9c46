"""The sentence about time and memory before a run, and the refusal where memory does not suffice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.quantities import duration_text, memory_text

MANY_PASSES = 64
"""From more passes of the network than this a run is called long."""


@dataclass(frozen=True)
class EstimateView:
    """What a run is expected to need.

    Attributes
    ----------
    peak_bytes
        Peak memory of the process, in bytes; of the leanest way of running it where that is above the ceiling.
    seconds
        Expected duration in seconds; None where nothing is known about this computer yet.
    patches, passes
        Patches that the volume is cut into, and passes of the network for each; 0 where that is not known.
    """

    peak_bytes: int
    seconds: Optional[float] = None
    patches: int = 0
    passes: int = 0


def estimate_sentence(estimate: Optional[EstimateView], ceiling_bytes: Optional[int]) -> str:
    """Return what a run will take; empty while nothing is known."""
    if estimate is None:
        return ""
    memory = memory_text(estimate.peak_bytes)
    if ceiling_bytes is not None:
        memory = _("{needed} of memory (at most {allowed})").format(needed=memory, allowed=memory_text(ceiling_bytes))
    else:
        memory = _("{needed} of memory").format(needed=memory)
    if estimate.seconds is None:
        expected = _("Expected: {memory}. The time is known after the first run.").format(memory=memory)
    else:
        expected = _("Expected: {duration}, {memory}.").format(duration=duration_text(estimate.seconds), memory=memory)
    return " ".join(text for text in (expected, many_passes(estimate)) if text)


def many_passes(estimate: EstimateView) -> str:
    """Return how much work a volume is that is large for its student; empty for any other."""
    if estimate.patches * estimate.passes <= MANY_PASSES:
        return ""
    count = _("The volume is large for this student: {patches} patches × {passes} passes.")
    text = count.format(patches=estimate.patches, passes=estimate.passes)
    if estimate.seconds is None:
        text += " " + _("This will take long; cropping the volume makes it shorter.")
    return text


def too_much_memory(estimate: Optional[EstimateView], ceiling_bytes: Optional[int], *, chosen: bool = False) -> str:
    """Return the refusal with both numbers; empty where the run fits or nothing is known.

    ``chosen`` tells that the user set the ceiling. The automatic one is a share of the free memory, so closing other programs
    raises it; a chosen one stays what it is.
    """
    if estimate is None or ceiling_bytes is None or estimate.peak_bytes <= ceiling_bytes:
        return ""
    refusal = _("This run needs at least {needed} of memory, and {allowed} are allowed.").format(
        needed=memory_text(estimate.peak_bytes), allowed=memory_text(ceiling_bytes)
    )
    if chosen:
        return refusal + " " + _("Crop the volume, or raise the ceiling under Advanced.")
    return refusal + " " + _("Crop the volume, close other programs, or set a higher ceiling under Advanced.")
