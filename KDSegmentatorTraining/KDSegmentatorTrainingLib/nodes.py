"""Tables and charts of the scene: small things that every tab needs."""

from __future__ import annotations

from typing import Any, Iterable, Optional, Sequence, Tuple

import vtk

import slicer

Color = Tuple[float, float, float]

COLORS: Tuple[Color, ...] = tuple(
    (red / 255, green / 255, blue / 255)
    for red, green, blue in (
        *((31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189)),
        *((140, 86, 75), (227, 119, 194), (127, 127, 127), (188, 189, 34), (23, 190, 207)),
    )
)
"""Colours of series, in order; they can be told apart with the usual forms of colour blindness by their lightness, too."""


def text_column(name: str, values: Iterable[str]) -> Any:
    """Return a column of texts."""
    return _filled(vtk.vtkStringArray(), name, values)


def number_column(name: str, values: Iterable[float]) -> Any:
    """Return a column of numbers; NaN stays NaN."""
    return _filled(vtk.vtkDoubleArray(), name, values)


def count_column(name: str, values: Iterable[int]) -> Any:
    """Return a column of whole numbers."""
    return _filled(vtk.vtkIntArray(), name, values)


def _filled(column: Any, name: str, values: Iterable[Any]) -> Any:
    column.SetName(name)
    for value in values:
        column.InsertNextValue(value)
    return column


def fill_table(node: Any, columns: Iterable[Any]) -> None:
    """Replace the content of a table node."""
    table = vtk.vtkTable()
    for column in columns:
        table.AddColumn(column)
    node.SetAndObserveTable(table)
    node.SetUseColumnTitleAsColumnHeader(True)


def new_node(kind: str, name: str) -> Any:
    """Return a new node of the scene with a name of its own."""
    return slicer.mrmlScene.AddNewNodeByClass(kind, slicer.mrmlScene.GenerateUniqueName(name))


def referred(owner: Any, role: str, kind: str, name: str) -> Any:
    """Return the node that ``owner`` refers to by ``role``; made where there is none."""
    node = owner.GetNodeReference(role)
    if node is None:
        node = new_node(kind, name)
        owner.SetAndObserveNodeReferenceID(role, node.GetID())
    node.SetName(name)
    return node


def make_series(table: Any, name: str, y: str, *, x: str = "", labels: str = "", kind: int, color: Color) -> Any:
    """Return a new series of a table's columns.

    Parameters
    ----------
    table
        The table node.
    name
        For the legend.
    x, y, labels
        Names of columns; no ``x`` counts rows.
    kind
        One of ``vtkMRMLPlotSeriesNode``'s plot types.
    color
        Red, green and blue, 0 to 1.
    """
    series = new_node("vtkMRMLPlotSeriesNode", name)
    series.SetName(name)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetPlotType(kind)
    if x:
        series.SetXColumnName(x)
    series.SetYColumnName(y)
    if labels:
        series.SetLabelColumnName(labels)
    series.SetColor(*color)
    return series


def put_series(chart: Any, series: Sequence[Any]) -> None:
    """Show these series in a chart; those that it had, and that nobody else shows, leave the scene."""
    identifiers = [chart.GetNthPlotSeriesNodeID(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
    before = [slicer.mrmlScene.GetNodeByID(identifier) for identifier in identifiers]
    chart.RemoveAllPlotSeriesNodeIDs()
    for node in before:
        if node is not None:
            slicer.mrmlScene.RemoveNode(node)
    for node in series:
        chart.AddAndObservePlotSeriesNodeID(node.GetID())


def show_chart(chart: Any) -> None:
    """Show a chart in a layout with a plot view."""
    slicer.modules.plots.logic().ShowChartInLayout(chart)


def show_table(table: Any) -> None:
    """Show a table in a layout with a table view."""
    layout = _layout_node()
    if layout is not None:
        layout.SetViewArrangement(slicer.modules.tables.logic().GetLayoutWithTable(layout.GetViewArrangement()))
    application_logic = slicer.app.applicationLogic()
    application_logic.GetSelectionNode().SetActiveTableID(table.GetID())
    application_logic.PropagateTableSelection()


def _layout_node() -> Optional[Any]:
    return slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
