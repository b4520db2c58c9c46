"""The report of an evaluation: one HTML file that opens offline, without scripts, with every picture inside."""

from kdseg_training.evaluation.report.page import write_report

__all__ = ["write_report"]
