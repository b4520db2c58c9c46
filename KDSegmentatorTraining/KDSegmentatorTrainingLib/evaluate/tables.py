"""The numbers as table nodes: a row for each segment, numeric columns with units, as Segment Statistics has them."""

from __future__ import annotations

from typing import Any, List, Optional

from KDSegmentatorLib.i18n import _
from KDSegmentatorTrainingLib.evaluate.columns import CASE, STATUS, STRUCTURE
from KDSegmentatorTrainingLib.evaluate.results import EvaluationResult
from KDSegmentatorTrainingLib.evaluate.summary import summaries
from KDSegmentatorTrainingLib.nodes import count_column, fill_table, new_node, number_column, referred, text_column

SUMMARY_ROLE = "KDSegmentatorSummary"
"""Role of the table of structures at the table of cases."""

CASES, MISSED, HALLUCINATED, DETECTED = "Cases", "Missed", "Hallucinated", "Detected"


def write_rows(result: EvaluationResult, name: str, table: Optional[Any] = None) -> Any:
    """Write every row to a table node, new or given, and return the node.

    A distance to a structure that is not there is infinite; what cannot be measured is NaN.
    """
    node = new_node("vtkMRMLTableNode", name) if table is None else table
    parts: List[Any] = []
    if len(result.cases) != 1:
        parts.append(text_column(CASE, [row.case for row in result.rows]))
    parts.append(text_column(STRUCTURE, [row.name for row in result.rows]))
    parts.append(text_column(STATUS, [row.status for row in result.rows]))
    parts += [number_column(c.title, [row.values[c.key] for row in result.rows]) for c in result.columns]
    fill_table(node, parts)
    for column in result.columns:
        node.SetColumnUnitLabel(column.title, column.unit)
    text = _("{definition}; {count} cases").format(definition=result.definition, count=len(result.cases))
    node.SetDescription(text)
    return node


def write_summary(result: EvaluationResult, rows_table: Any) -> Any:
    """Write a row for each structure to the table that belongs to ``rows_table``, and return its node.

    Mean and standard deviation of ratios are over the cases in which segmentation or reference hold the structure, those of
    distances over the cases in which both do (column :data:`DETECTED`).
    """
    name = _("{table}: structures").format(table=rows_table.GetName())
    node = referred(rows_table, SUMMARY_ROLE, "vtkMRMLTableNode", name)
    lines = summaries(result)
    parts: List[Any] = [
        text_column(STRUCTURE, [line.name for line in lines]),
        count_column(CASES, [line.cases for line in lines]),
        count_column(DETECTED, [line.detected for line in lines]),
        count_column(MISSED, [line.missed for line in lines]),
        count_column(HALLUCINATED, [line.hallucinated for line in lines]),
    ]
    for column in result.columns:
        title = column.title
        parts.append(number_column(f"{title} mean", [line.mean[column.key] for line in lines]))
        parts.append(number_column(f"{title} SD", [line.sd[column.key] for line in lines]))
        parts.append(number_column(f"{title} median", [line.median[column.key] for line in lines]))
    fill_table(node, parts)
    for column in result.columns:
        for kind in ("mean", "SD", "median"):
            node.SetColumnUnitLabel(f"{column.title} {kind}", column.unit)
    return node
