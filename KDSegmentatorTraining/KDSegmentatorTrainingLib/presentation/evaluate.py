"""What the tab Evaluate says: whether a comparison can start, what came of it, and its rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import FrozenSet, List, Tuple

from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.quantities import count_text
from KDSegmentatorLib.presentation.readiness import Phase, Readiness, Tone
from KDSegmentatorLib.presentation.result import names_text
from KDSegmentatorTrainingLib.evaluate.columns import CASE, STATUS, STRUCTURE, Column
from KDSegmentatorTrainingLib.evaluate.results import BOTH_EMPTY, HALLUCINATED, MISSED, OK, EvaluationResult, StructureRow

LISTED_COLUMNS = 4
"""Metrics in the panel's list; the table node has all."""


@dataclass(frozen=True)
class EvaluateSituation:
    """What decides whether a comparison can start.

    Attributes
    ----------
    folders
        Folders are compared, not nodes.
    prediction, reference
        Names of the nodes, or the folders; empty for nothing chosen.
    same
        Both are the same node or folder.
    problem
        Why the two cannot be compared; empty if they can, or nothing is known.
    phase
        Whether a comparison is on.
    """

    folders: bool = False
    prediction: str = ""
    reference: str = ""
    same: bool = False
    problem: str = ""
    phase: Phase = Phase.IDLE


@dataclass(frozen=True)
class ResultsView:
    """What the list shows.

    Attributes
    ----------
    titles
        Of the columns.
    numeric
        Places of the columns that hold numbers.
    rows
        Texts of each row.
    tips
        For each row: what a click does, or why there is nothing to show.
    charts
        Choices of charts.
    structures
        Choices of structures for the chart of volumes.
    """

    titles: Tuple[str, ...]
    numeric: FrozenSet[int]
    rows: Tuple[Tuple[str, ...], ...]
    tips: Tuple[str, ...]
    charts: Tuple[str, ...]
    structures: Tuple[str, ...]


def evaluate_readiness(situation: EvaluateSituation) -> Readiness:
    """Decide what the button is called, whether it can be pressed, and why not."""
    if situation.phase is Phase.RUNNING:
        return Readiness(True, _("Cancel"))
    if situation.phase is Phase.STOPPING:
        return Readiness(False, _("Stopping…"), _("The comparison is being stopped."))
    sentence, tone = _obstacle(situation)
    return Readiness(not sentence, _("Evaluate"), sentence, tone)


def _obstacle(situation: EvaluateSituation) -> Tuple[str, Tone]:
    if not situation.prediction and situation.folders:
        return _("Choose the folder with the segmentations."), Tone.HINT
    if not situation.prediction:
        return _("Choose the segmentation to be judged."), Tone.HINT
    if not situation.reference:
        return _("Choose the reference: what counts as the truth."), Tone.HINT
    if situation.same:
        return _("Segmentation and reference are the same. Choose two different ones."), Tone.PROBLEM
    return situation.problem, Tone.PROBLEM if situation.problem else Tone.HINT


def stage_text(stage: str) -> str:
    """Return what a stage of the child is called."""
    return {"measure": _("Measuring"), "write": _("Writing the results")}.get(stage, stage)


def outcome_text(result: EvaluationResult, note: str = "") -> Tuple[str, Tone]:
    """Return what is said after a comparison: what was measured, and everything that was not."""
    cases = count_text(len(result.cases), _("1 case"), _("{count} cases"))
    structures = count_text(len(result.structures), _("1 structure"), _("{count} structures"))
    lines = [_("Compared: {structures} in {cases}.").format(structures=structures, cases=cases)]
    if not result.rows:
        lines = [_("Nothing could be measured.")]
    doubts = _doubts(result)
    lines += doubts
    lines += [line for line in (note, *result.notes) if line]
    if not result.rows:
        return "\n".join(lines), Tone.PROBLEM
    return "\n".join(lines), Tone.WARNING if doubts or note or result.notes else Tone.HINT


def _doubts(result: EvaluationResult) -> List[str]:
    lines = []
    for status, text in (
        (MISSED, _("Missed (Dice 0, distances infinite): {names}.")),
        (HALLUCINATED, _("Not in the reference, but segmented: {names}.")),
    ):
        names = [_where(row, result) for row in result.rows if row.status == status]
        if names:
            lines.append(text.format(names=names_text(names)))
    if result.missing:
        lines.append(_("No segmentation, in no average: {names}.").format(names=names_text(result.missing)))
    if result.unexpected:
        lines.append(_("No reference, not measured: {names}.").format(names=names_text(result.unexpected)))
    lines += [_("{case} was refused. {reason}").format(case=case, reason=_sentence(error)) for case, error in result.failed]
    return lines


def _where(row: StructureRow, result: EvaluationResult) -> str:
    return row.name if len(result.cases) == 1 else f"{row.name} ({row.case})"


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())


def results_view(result: EvaluationResult) -> ResultsView:
    """Return the panel's list: the metrics that say most, in the order of the rows."""
    several = len(result.cases) != 1
    listed = result.columns[:LISTED_COLUMNS]
    titles = (*((CASE,) if several else ()), STRUCTURE, *(column.title for column in listed), STATUS)
    rows = tuple(
        (*((row.case,) if several else ()), row.name, *(_number(row, column) for column in listed), _status(row.status))
        for row in result.rows
    )
    tips = tuple(_tip(row, several=several) for row in result.rows)
    charts = (*(_("{metric} by structure").format(metric=c.title) for c in bar_columns(result)), _("Volumes (Bland–Altman)"))
    first = 2 if several else 1
    return ResultsView(
        titles, frozenset(range(first, first + len(listed))), rows, tips, charts, (_("all structures"), *result.structures)
    )


def bar_columns(result: EvaluationResult) -> Tuple[Column, ...]:
    """Return the metrics that can be drawn as bars: shares from 0 to 1. A distance to a missed structure is infinite."""
    return tuple(column for column in result.columns if column.key == "dice" or column.key.startswith("nsd_"))


def place_text(row: StructureRow, point_ras_mm: Tuple[float, float, float]) -> str:
    """Say where the slices went and why."""
    right, anterior, superior = point_ras_mm
    where = _("R {r:.1f}, A {a:.1f}, S {s:.1f} mm").format(r=right, a=anterior, s=superior)
    if row.place is not None and math.isfinite(row.place.distance_mm):
        text = _("{name}: {distance:.2f} mm apart at {where}.")
        return text.format(name=row.name, distance=row.place.distance_mm, where=where)
    if row.status == MISSED:
        return _("{name} was missed; its centre is at {where}.").format(name=row.name, where=where)
    return _("{name} is not in the reference; its centre is at {where}.").format(name=row.name, where=where)


def no_place_text(row: StructureRow) -> str:
    """Say why there is no place to go to."""
    return _("{name} is in neither of the two: there is nothing to look at.").format(name=row.name)


def _tip(row: StructureRow, *, several: bool) -> str:
    if row.status == BOTH_EMPTY:
        return no_place_text(row)
    if several:
        return _("Loads this case and goes to its largest error.")
    return _("Goes to the largest error of this structure.")


def _number(row: StructureRow, column: Column) -> str:
    value = row.values[column.key]
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    return f"{value:.2f}" if column.unit else f"{value:.3f}"


def _status(status: str) -> str:
    return {
        OK: "",
        MISSED: _("missed"),
        HALLUCINATED: _("not in the reference"),
        BOTH_EMPTY: _("in neither"),
    }.get(status, status)
