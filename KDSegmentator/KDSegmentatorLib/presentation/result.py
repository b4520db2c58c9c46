"""What is said when a run has ended."""

from __future__ import annotations

from typing import Sequence, Tuple

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.quantities import count_text, duration_text
from KDSegmentatorLib.presentation.readiness import Tone

NAMES_SHOWN = 6
"""Structures that a sentence names before it only counts the rest."""


def succeeded(
    segmentation: str, *, found: int, not_found: Sequence[str], doubts: Sequence[str], notes: Sequence[str], seconds: float
) -> Tuple[str, Tone]:
    """Return the sentence after a run with a result, and its tone: a warning where something needs a look.

    Parameters
    ----------
    segmentation
        Name of the node that holds the result.
    found
        Number of structures in it.
    not_found
        Structures that were looked for and that have no voxel.
    doubts, notes
        What the runtime or the import had to say.
    seconds
        From the click to the result.
    """
    if found == 0:
        return nothing_found(segmentation, not_found, [*doubts, *notes])
    structures = count_text(found, _("1 structure"), _("{count} structures"))
    head = _("Done in {duration}: {structures} in “{segmentation}”. Please look at every slice; it is a computed guess.")
    lines = [head.format(duration=duration_text(seconds), structures=structures, segmentation=segmentation)]
    if not_found:
        lines.append(_("Not found: {names}.").format(names=names_text(not_found)))
    lines.extend([*doubts, *notes])
    return "\n".join(lines), Tone.WARNING if not_found or doubts or notes else Tone.HINT


def nothing_found(segmentation: str, looked_for: Sequence[str], remarks: Sequence[str]) -> Tuple[str, Tone]:
    """Return what is said after a run that found no structure: why that may be, and what to do next."""
    lines = [
        _("Nothing was found: “{segmentation}” has no voxel of the structures looked for.").format(segmentation=segmentation)
    ]
    if looked_for:
        lines[0] += " " + _("Looked for: {names}.").format(names=names_text(looked_for))
    lines.append(
        _(
            "Perhaps the volume does not show this part of the body, is of another kind (modality, contrast) than the student "
            "was trained on, or is cropped too tightly. Compare it with the student's card, "
            "then choose another volume or student."
        )
    )
    return "\n".join([*lines, *remarks]), Tone.WARNING


def replaced_by_new(name: str) -> str:
    """Return the note that the chosen segmentation was deleted while the run was on."""
    return _("“{name}”, which was to take the result, was deleted meanwhile; a new segmentation was made.").format(name=name)


def failed(problem: str, kept: str) -> Tuple[str, Tone]:
    """Return the sentence after a failure; ``kept`` is the name of a segmentation that was to be replaced, or empty."""
    return _with_kept(_("Not segmented: {problem}").format(problem=problem), kept), Tone.PROBLEM


def stopped(kept: str) -> Tuple[str, Tone]:
    """Return the sentence after Cancel; ``kept`` as in :func:`failed`."""
    return _with_kept(_("Stopped. There is no result."), kept), Tone.HINT


def names_text(names: Sequence[str]) -> str:
    """Return the first names and the number of the others."""
    shown = ", ".join(names[:NAMES_SHOWN])
    rest = len(names) - NAMES_SHOWN
    return shown if rest <= 0 else _("{names} and {count} more").format(names=shown, count=rest)


def _with_kept(sentence: str, kept: str) -> str:
    if not kept:
        return sentence
    return sentence + " " + _("“{segmentation}” still holds what it held before.").format(segmentation=kept)
