"""What is asked before a result replaces the segments of a node."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

from KDSegmentatorLib.mrml.fingerprint import was_edited
from KDSegmentatorLib.mrml.segmentations import STUDENT_ATTRIBUTE
from KDSegmentatorLib.panel.facts import student_title_of
from KDSegmentatorLib.panel.run_control import Order
from KDSegmentatorLib.presentation.replacement import Replacement, TargetFacts, replacement_question
from KDSegmentatorLib.widgets.replace_dialog import ReplaceDialog


def target_facts(segmentation_node: Any) -> TargetFacts:
    """Return what is known of a segmentation node that is to take a result."""
    segments = segmentation_node.GetSegmentation().GetNumberOfSegments()
    student = segmentation_node.GetAttribute(STUDENT_ATTRIBUTE) or ""
    return TargetFacts(segmentation_node.GetName(), segments, student, edited=bool(segments) and was_edited(segmentation_node))


def settled(order: Order, parent: Any) -> Optional[Order]:
    """Return the order with the node that takes the result, after asking where something would be lost; None for a no."""
    if order.segmentation is None:
        return order
    question = replacement_question(target_facts(order.segmentation), student_title_of(order.student))
    answer = ReplaceDialog(question, parent).ask() if question else Replacement.REPLACE
    if answer is Replacement.CANCEL:
        return None
    return order if answer is Replacement.REPLACE else replace(order, segmentation=None)
