"""From an nnU-Net v2 model folder to a student bundle."""

from kdseg_training.export.exporter import ExportResult, export_student
from kdseg_training.export.metadata import read_metadata, state_dataset

__all__ = ["ExportResult", "export_student", "read_metadata", "state_dataset"]
