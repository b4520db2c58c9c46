"""The curves as a chart of the scene: a table node, a series node for each line, and a chart node that holds them."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

import vtk

import slicer
from KDSegmentatorLib.i18n import _
from KDSegmentatorTrainingLib.distil.curves import Curves, Quantity, axis_title

EPOCH_COLUMN = "Epoch"
"""Name of the first column; it is not translated, so that programs find it."""

ATTRIBUTE = "KDSegmentatorTraining.Run"
"""Attribute of the nodes of a run's chart: the folder of the run."""

_COLORS = ((31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189), (140, 86, 75), (227, 119, 194))


class CurveChart:
    """The chart of one run; its nodes are made when it is first shown, and found again in a loaded scene.

    Parameters
    ----------
    run
        The folder of the run, as text.
    """

    def __init__(self, run: str) -> None:
        self.run = run

    @property
    def chart(self) -> Optional[Any]:
        """The chart node; None before it was first shown, or when the scene was closed."""
        return self._node("vtkMRMLPlotChartNode")

    def show(self, curves: Curves, quantity: Quantity, title: str) -> Any:
        """Show these curves in place of those before, and return the chart node."""
        table = self._node("vtkMRMLTableNode") or self._new("vtkMRMLTableNode", _("Training of {run}"), title)
        chart = self.chart or self._new("vtkMRMLPlotChartNode", _("Curves of {run}"), title)
        modifying = chart.StartModify()
        table.SetAndObserveTable(_table(curves))
        table.SetUseColumnTitleAsColumnHeader(True)
        self._show_series(chart, table, [line.title for line in curves.lines])
        chart.SetTitle(title)
        chart.SetXAxisTitle(_("Epoch"))
        chart.SetYAxisTitle(axis_title(quantity))
        chart.SetLegendVisibility(True)
        chart.EndModify(modifying)
        return chart

    def show_in_layout(self) -> None:
        """Let Slicer show the chart: a layout with a plot view, and this chart in it."""
        manager = slicer.app.layoutManager()
        if self.chart is None or manager is None:
            return
        slicer.modules.plots.logic().ShowChartInLayout(self.chart)

    def _show_series(self, chart: Any, table: Any, names: List[str]) -> None:
        series = self._series()
        for node in series[len(names) :]:
            chart.RemovePlotSeriesNodeID(node.GetID())
            slicer.mrmlScene.RemoveNode(node)
        for index, name in enumerate(names):
            node = series[index] if index < len(series) else self._new("vtkMRMLPlotSeriesNode", "{run}", name)
            node.SetName(name)
            node.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
            node.SetAndObserveTableNodeID(table.GetID())
            node.SetXColumnName(EPOCH_COLUMN)
            node.SetYColumnName(name)
            node.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleCircle)
            node.SetMarkerSize(4.0)
            node.SetColor(*_color(index))
            if not chart.HasPlotSeriesNodeID(node.GetID()):
                chart.AddAndObservePlotSeriesNodeID(node.GetID())

    def _series(self) -> List[Any]:
        return self._nodes("vtkMRMLPlotSeriesNode")

    def _node(self, kind: str) -> Optional[Any]:
        return next(iter(self._nodes(kind)), None)

    def _nodes(self, kind: str) -> List[Any]:
        return [node for node in slicer.util.getNodesByClass(kind) if node.GetAttribute(ATTRIBUTE) == self.run]

    def _new(self, kind: str, pattern: str, title: str) -> Any:
        name = slicer.mrmlScene.GenerateUniqueName(pattern.format(run=title))
        node = slicer.mrmlScene.AddNewNodeByClass(kind, name)
        node.SetAttribute(ATTRIBUTE, self.run)
        return node


def _table(curves: Curves) -> Any:
    epochs = vtk.vtkIntArray()
    epochs.SetName(EPOCH_COLUMN)
    table = vtk.vtkTable()
    table.AddColumn(epochs)
    for epoch in curves.epochs:
        epochs.InsertNextValue(epoch)
    for line in curves.lines:
        column = vtk.vtkDoubleArray()
        column.SetName(line.title)
        for value in line.values:
            column.InsertNextValue(value)
        table.AddColumn(column)
    return table


def _color(index: int) -> Tuple[float, float, float]:
    red, green, blue = _COLORS[index % len(_COLORS)]
    return red / 255, green / 255, blue / 255
