"""What Slicer lacks for a run, and how it gets there: decided first, asked, then done. Nothing happens at import."""

from __future__ import annotations

from KDSegmentatorLib.packages.ensure import Question, ensure_installed, question
from KDSegmentatorLib.packages.inventory import installed_distributions, installed_runtime, missing_packages
from KDSegmentatorLib.packages.plan import Plan, Wish, plan_installation

__all__ = [
    "Plan",
    "Question",
    "Wish",
    "ensure_installed",
    "installed_distributions",
    "installed_runtime",
    "missing_packages",
    "plan_installation",
    "question",
]
