"""A profile as a table node and a chart: quality against latency, or latency alone."""

from __future__ import annotations

import math
from typing import Any, Optional, Sequence

import slicer
from KDSegmentatorLib.i18n import _
from KDSegmentatorLib.presentation.quantities import GIB
from KDSegmentatorTrainingLib.nodes import (
    COLORS,
    count_column,
    fill_table,
    make_series,
    new_node,
    number_column,
    put_series,
    referred,
    text_column,
)
from KDSegmentatorTrainingLib.profile.results import ProfilePoint, ProfileResult

STUDENT, SECONDS, LOW, HIGH = "Student", "Time [s]", "Time low [s]", "Time high [s]"
MEMORY, PARAMETERS, DICE, THREADS, FRONT = "Memory [GiB]", "Parameters", "Dice", "Threads", "On front"
"""Names of the columns; they are not translated, so that programs find them."""

CHART_ROLE, FRONT_ROLE = "KDSegmentatorProfileChart", "KDSegmentatorProfileFront"


def write_table(result: ProfileResult, table: Optional[Any] = None) -> Any:
    """Write a row for each student to a table node, new or given, and return the node; NaN stands for what is unknown."""
    node = new_node("vtkMRMLTableNode", _("Profile of students")) if table is None else table
    points = result.points
    fill_table(
        node,
        (
            text_column(STUDENT, [p.name for p in points]),
            count_column(THREADS, [p.threads for p in points]),
            number_column(SECONDS, [p.seconds for p in points]),
            number_column(LOW, [_number(p.seconds_low) for p in points]),
            number_column(HIGH, [_number(p.seconds_high) for p in points]),
            number_column(MEMORY, [math.nan if p.memory_bytes is None else p.memory_bytes / GIB for p in points]),
            number_column(PARAMETERS, [float(p.parameters) for p in points]),
            number_column(DICE, [_number(p.dice) for p in points]),
            text_column(FRONT, [{True: "yes", False: "no", None: ""}[p.on_front] for p in points]),
        ),
    )
    for title, unit in ((SECONDS, "s"), (LOW, "s"), (HIGH, "s"), (MEMORY, "GiB")):
        node.SetColumnUnitLabel(title, unit)
    return node


def profile_chart(result: ProfileResult, table: Any) -> Any:
    """Return the chart of a table: a point for each student, the best ones joined; bars of time where no quality is known."""
    name = _("{table}: chart").format(table=table.GetName())
    chart = referred(table, CHART_ROLE, "vtkMRMLPlotChartNode", name)
    known = [point for point in result.points if point.dice is not None]
    kinds = slicer.vtkMRMLPlotSeriesNode
    if known:
        put_series(chart, [*_front(result.points, table), *_points(table)])
        chart.SetTitle(_("Quality against latency"))
        chart.SetXAxisTitle(_("Median time of a volume [s]"))
        chart.SetYAxisTitle(_("Mean Dice, as the students state it"))
        chart.SetLegendVisibility(len(known) > 1)
    else:
        put_series(chart, [make_series(table, SECONDS, SECONDS, labels=STUDENT, kind=kinds.PlotTypeBar, color=COLORS[0])])
        chart.SetTitle(_("Latency; the quality of these students is not known"))
        chart.SetXAxisTitle(STUDENT)
        chart.SetYAxisTitle(_("Median time of a volume [s]"))
        chart.SetLegendVisibility(False)
    return chart


def _points(table: Any) -> Sequence[Any]:
    kinds = slicer.vtkMRMLPlotSeriesNode
    series = make_series(table, _("Students"), DICE, x=SECONDS, labels=STUDENT, kind=kinds.PlotTypeScatter, color=COLORS[0])
    series.SetMarkerStyle(kinds.MarkerStyleCircle)
    series.SetMarkerSize(10.0)
    series.SetLineStyle(kinds.LineStyleNone)
    return [series]


def _front(points: Sequence[ProfilePoint], table: Any) -> Sequence[Any]:
    """Return the line through the students that no other beats; none with fewer than two."""
    best = sorted((p for p in points if p.on_front), key=lambda p: p.seconds)
    if len(best) < 2:
        return []
    line = referred(table, FRONT_ROLE, "vtkMRMLTableNode", _("{table}: front").format(table=table.GetName()))
    line.SetHideFromEditors(True)
    columns = (number_column(SECONDS, [p.seconds for p in best]), number_column(DICE, [_number(p.dice) for p in best]))
    fill_table(line, columns)
    kinds = slicer.vtkMRMLPlotSeriesNode
    series = make_series(line, _("Pareto front"), DICE, x=SECONDS, kind=kinds.PlotTypeScatter, color=COLORS[7])
    series.SetMarkerStyle(kinds.MarkerStyleNone)
    series.SetLineStyle(kinds.LineStyleDash)
    return [series]


def _number(value: Optional[float]) -> float:
    return math.nan if value is None else value
