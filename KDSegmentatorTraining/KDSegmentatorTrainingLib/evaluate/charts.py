"""The numbers as charts for Slicer's plot view: bars for each structure, and volumes against each other."""

from __future__ import annotations

from typing import Any, List, Optional

import slicer
from KDSegmentatorLib.i18n import _
from KDSegmentatorTrainingLib.evaluate.columns import CASE, STRUCTURE, Column
from KDSegmentatorTrainingLib.evaluate.results import BOTH_EMPTY, EvaluationResult
from KDSegmentatorTrainingLib.evaluate.summary import LIMITS_SD, Agreement, Limits, agreements
from KDSegmentatorTrainingLib.nodes import (
    COLORS,
    fill_table,
    make_series,
    number_column,
    put_series,
    referred,
    text_column,
)

BARS_ROLE = "KDSegmentatorBars"
AGREEMENT_ROLE = "KDSegmentatorAgreement"
POINTS_ROLE = "KDSegmentatorPoints"
LIMITS_ROLE = "KDSegmentatorLimits"
"""Roles of charts and of their tables at the table of rows."""

MEAN_COLUMN, DIFFERENCE_COLUMN = "Mean volume [ml]", "Difference [ml]"


def bar_chart(result: EvaluationResult, rows_table: Any, summary_table: Any, column: Column) -> Any:
    """Return the chart with one bar for each structure: a share of one case, from 0 to 1, or its mean over cases."""
    several = len(result.cases) != 1
    chart = referred(rows_table, BARS_ROLE, "vtkMRMLPlotChartNode", _("{table}: bars").format(table=rows_table.GetName()))
    name = _("{metric}, mean of {count} cases").format(metric=column.title, count=len(result.cases))
    y = f"{column.title} mean" if several else column.title
    title = name if several else column.title
    bars = slicer.vtkMRMLPlotSeriesNode.PlotTypeBar
    table = summary_table if several else rows_table
    put_series(chart, [make_series(table, title, y, labels=STRUCTURE, kind=bars, color=COLORS[0])])
    chart.SetTitle(title)
    chart.SetXAxisTitle(STRUCTURE)
    chart.SetYAxisTitle(column.title)
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(0.0, 1.0)
    chart.SetLegendVisibility(False)
    return chart


def agreement_chart(result: EvaluationResult, rows_table: Any, structure: Optional[str] = None) -> Any:
    """Return the chart of volumes: difference against mean, a point for each case (Bland and Altman).

    Parameters
    ----------
    result
        The rows.
    rows_table
        The table that the chart belongs to.
    structure
        One structure, with bias and limits of agreement where there are cases enough; None for all, without.
    """
    shown = [a for a in agreements(result) if structure in (None, a.name) and a.mean_ml]
    title = _("Volumes of {structure}").format(structure=structure) if structure else _("Volumes")
    name = _("{table}: volumes").format(table=rows_table.GetName())
    chart = referred(rows_table, AGREEMENT_ROLE, "vtkMRMLPlotChartNode", name)
    points = referred(rows_table, POINTS_ROLE, "vtkMRMLTableNode", _("{chart}, points").format(chart=name))
    points.SetHideFromEditors(True)
    series = _points(points, shown, result)
    if structure and shown and shown[0].limits is not None:
        lines = referred(rows_table, LIMITS_ROLE, "vtkMRMLTableNode", _("{chart}, limits").format(chart=name))
        lines.SetHideFromEditors(True)
        series += _limits(lines, shown[0], shown[0].limits)
    put_series(chart, series)
    chart.SetTitle(title)
    chart.SetXAxisTitle(_("Mean of segmentation and reference [ml]"))
    chart.SetYAxisTitle(_("Segmentation − reference [ml]"))
    chart.SetLegendVisibility(True)
    return chart


def _points(table: Any, shown: List[Agreement], result: EvaluationResult) -> List[Any]:
    """Write two columns for each structure and return their series; columns of one table have one length."""
    rows = max((len(agreement.mean_ml) for agreement in shown), default=0)
    nan = float("nan")
    columns: List[Any] = []
    for a in shown:
        fill = (nan,) * (rows - len(a.mean_ml))
        cases = [row.case for row in result.rows if row.name == a.name and row.status != BOTH_EMPTY]
        columns.append(text_column(f"{CASE}, {a.name}", [*cases, *("" for _value in fill)]))
        columns.append(number_column(f"{MEAN_COLUMN}, {a.name}", a.mean_ml + fill))
        columns.append(number_column(f"{DIFFERENCE_COLUMN}, {a.name}", a.difference_ml + fill))
    fill_table(table, columns)
    made = []
    for index, a in enumerate(shown):
        series = make_series(
            table,
            a.name,
            f"{DIFFERENCE_COLUMN}, {a.name}",
            x=f"{MEAN_COLUMN}, {a.name}",
            labels=f"{CASE}, {a.name}",
            kind=slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter,
            color=COLORS[index % len(COLORS)],
        )
        series.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleCircle)
        series.SetLineStyle(slicer.vtkMRMLPlotSeriesNode.LineStyleNone)
        made.append(series)
    return made


def _limits(table: Any, agreement: Agreement, limits: Limits) -> List[Any]:
    """Return lines for the bias and for both limits of agreement, over the range of the points."""
    ends = (min(agreement.mean_ml), max(agreement.mean_ml))
    lines = (
        (_("Bias {value} ml"), limits.bias_ml),
        (_("Lower limit {value} ml"), limits.lower_ml),
        (_("Upper limit {value} ml"), limits.upper_ml),
    )
    names = [name.format(value=f"{value:.3g}") for name, value in lines]
    columns = [number_column(MEAN_COLUMN, ends)]
    columns += [number_column(key, (value, value)) for key, (_name, value) in zip(("Bias", "Lower", "Upper"), lines)]
    fill_table(table, columns)
    table.SetDescription(_("Bias and limits of agreement, {sd} standard deviations").format(sd=LIMITS_SD))
    kind = slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter
    made = []
    for name, key, color in zip(names, ("Bias", "Lower", "Upper"), (COLORS[7], COLORS[3], COLORS[3])):
        series = make_series(table, name, key, x=MEAN_COLUMN, kind=kind, color=color)
        series.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleNone)
        dashed = slicer.vtkMRMLPlotSeriesNode.LineStyleDash
        series.SetLineStyle(slicer.vtkMRMLPlotSeriesNode.LineStyleSolid if key == "Bias" else dashed)
        made.append(series)
    return made
